"""Compute cells on the workers of a Dask cluster; a worker that dies loses only its own cell."""

from __future__ import annotations

import queue
import secrets
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import KilledWorker

from ....data.errors import ConfigError
from ...cells.work import Done, Order
from ...plan.graph import Cell
from ...plan.whole_run import RunPlan
from ...steps.progress import Advance, Progress
from .connection import is_open
from .there import About, Job, Unfit, compute_there, stop
from .workers import GPU, Worker, Workers, patience_s

if TYPE_CHECKING:
    from distributed import Client, Future

_MOMENT_S, _LOOK_S, _FETCH_S = 0.1, 1.0, 30.0
_LIVES = 2
"""Number of workers that may die on a cell before it counts as failed."""


@dataclass
class _Placed:
    """A cell that is being computed by a worker."""

    order: Order
    worker: Worker
    future: Future
    stage: AbstractContextManager[Advance]
    advance: Advance


class Cluster:
    """An engine that computes cells on the workers of a Dask cluster, one per worker at a time.

    Each worker holds only the cell that it computes. If it dies, no other cell is lost, whatever
    the scheduler's `allowed-failures`.

    Args:
        client: a client of the scheduler; the caller closes it.
        plan: the run.
        threads: number of threads per cell.
        progress: receives the progress of the workers.
        job: the function that a worker applies to a cell; None = compute it.

    Raises:
        ConfigError: if no worker may take part, or none has the requested accelerator.
    """

    def __init__(
        self,
        client: Client,
        plan: RunPlan,
        threads: int,
        progress: Progress,
        job: Job | None = None,
    ):
        self._client, self._progress, self._job = client, progress, job
        self._device, self._most = plan.config.device, plan.config.workers
        folder, topic = plan.folder.resolve(), f"subprobe-{secrets.token_hex(4)}"
        digests = dict(plan.sources.digests)
        self._about = About(plan.config, folder, Path.cwd(), threads, digests, topic)
        self._waiting: list[Order] = []
        self._placed: dict[str, _Placed] = {}
        self._ended: list[Done] = []
        self._heard: queue.SimpleQueue[Future | Mapping[str, Any]] = queue.SimpleQueue()
        self._lost: dict[str, int] = {}
        self._models: dict[str, str] = {}
        self._helpless: float | None = None
        self._looked = time.monotonic()
        self._workers = Workers(client, folder, progress)
        if is_open(self._workers.scheduler):
            progress.say(
                f"{self._workers.scheduler} is not encrypted: anyone who can reach its port can "
                "run code on the workers (docs/cluster.md)"
            )
        self._workers.wait()
        self._gpus = any(worker.gpu for worker in self._workers.fit.values())
        if self._device == "cuda" and not self._gpus:
            raise ConfigError(
                f"no worker declares the resource {GPU}, which `device` = cuda needs",
                where=self._workers.scheduler,
                remedy="start one worker per GPU, with the resource GPU=1 (docs/cluster.md)",
            )
        client.subscribe_topic(topic, self._hear)

    @property
    def slots(self) -> int:
        """Number of cells that are accepted: one per worker, more if some wait for a GPU."""
        fit = self._workers.fit.values()
        mixed = len({worker.gpu for worker in fit}) > 1
        most = len(fit) * (2 if mixed else 1)
        return max(1, min(most, self._most) if self._most else most)

    def submit(self, order: Order) -> None:
        """Send the cell to a free worker, or keep it until one is free."""
        self._waiting.append(order)
        self._place()

    def wait(self) -> list[Done]:
        """The outcomes of cells; meanwhile, forwards the messages of the workers."""
        with suppress(queue.Empty):
            if not self._ended:
                self._take(self._heard.get(timeout=_MOMENT_S))
            while True:
                self._take(self._heard.get_nowait())
        if time.monotonic() >= self._looked + _LOOK_S:
            self._look()
        self._place()
        done, self._ended = self._ended, []
        return done

    def close(self) -> None:
        """Cancel waiting cells; cells being computed end at their next step and are discarded."""
        busy = [placed.worker.address for placed in self._placed.values()]
        with suppress(OSError, TimeoutError, ValueError, RuntimeError):
            if self._client.status == "running":
                self._client.cancel([placed.future for placed in self._placed.values()], force=True)
                if busy:
                    topic = self._about.topic
                    self._client.run(stop, topic, workers=busy, on_error="ignore")
                self._client.unsubscribe_topic(self._about.topic)
        with suppress(queue.Empty):
            while True:
                heard = self._heard.get_nowait()
                if isinstance(heard, dict) and heard["event"] == "say":
                    self._progress.say(heard["value"])
        for name in list(self._placed):
            self._forget(name)

    def _place(self) -> None:
        """Send waiting cells to free workers, in the order of their arrival."""
        busy = {placed.worker.address for placed in self._placed.values()}
        for order in list(self._waiting):
            if self._most and len(self._placed) >= self._most:
                return
            able = self._able(order.cell)
            if able is None:
                self._waiting.remove(order)
                continue
            free = [worker for worker in able if worker.address not in busy]
            if not free:
                continue
            model = order.inputs.get("model", "")
            # a GPU is reserved for a cell that needs one, a loaded model for a cell that reads it
            chosen = min(
                free,
                key=lambda worker: (
                    worker.gpu and not self._wants_gpu(order.cell),
                    not model or self._models.get(worker.address) != model,
                ),
            )
            self._models[chosen.address] = model
            busy.add(chosen.address)
            self._waiting.remove(order)
            self._begin(order, chosen)

    def _able(self, cell: Cell) -> list[Worker] | None:
        """The workers that could compute a cell; None if it is given up."""
        able = [worker for worker in self._workers.ready if worker.gpu or not self._wants_gpu(cell)]
        most = max((worker.memory_mb or float("inf") for worker in able), default=0)
        roomy = [one for one in able if not one.memory_mb or one.memory_mb >= cell.needs.memory_mb]
        if able and not roomy:
            self._fail(
                cell.name,
                f"needs about {cell.needs.memory_mb:,} MB, and no worker has more than {most:,} MB",
            )
            return None
        return roomy

    def _wants_gpu(self, cell: Cell) -> bool:
        """Whether a cell may be sent only to workers that declare a GPU."""
        if self._device == "auto":
            return cell.needs.accelerator and self._gpus
        # every step uses the requested device
        return self._device == "cuda"

    def _begin(self, order: Order, worker: Worker) -> None:
        name = order.cell.name
        if self._client.status != "running":
            raise self._workers.gone()
        stage = self._progress.stage(f"{name} on {worker.host}")
        future = self._client.submit(
            compute_there, order, self._about, self._job,
            # another run on the cluster may have a cell of the same name
            key=f"{name}-{self._about.topic}-{secrets.token_hex(4)}",
            workers=[worker.address], allow_other_workers=False, retries=0, pure=False,
            resources={GPU: 1} if self._wants_gpu(order.cell) else None,
        )  # fmt: skip
        self._placed[name] = _Placed(order, worker, future, stage, stage.__enter__())
        future.add_done_callback(self._heard.put)

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        # in the thread of the client
        self._heard.put(event[1])

    def _take(self, heard: Future | Mapping[str, Any]) -> None:
        if not isinstance(heard, dict):
            placed = next((p for p in self._placed.values() if p.future is heard), None)
            if placed is not None:
                self._finish(placed)
        elif heard["event"] == "say":
            self._progress.say(heard["value"])
        elif (running := self._placed.get(heard["cell"])) is not None:
            running.advance(*heard["value"])

    def _finish(self, placed: _Placed) -> None:
        name, future = placed.order.cell.name, placed.future
        if future.status == "finished":
            with suppress(OSError, TimeoutError, CancelledError):
                self._ended.append(future.result(timeout=_FETCH_S))
                self._forget(name)
                return
            # its worker died after writing the cell: the result is in the folder
            self._again(placed)
        elif future.status == "error":
            error = future.exception()
            if isinstance(error, KilledWorker):
                self._die(placed)
            elif isinstance(error, Unfit):
                self._forget(name)
                self._waiting.insert(0, placed.order)
                self._workers.leave_out(placed.worker.address, str(error))
                if not self._workers.fit:
                    raise ConfigError(
                        f"no worker can take part: the last one {error}",
                        where=self._workers.scheduler,
                        remedy="every worker needs the same files at the same paths",
                    )
            else:
                trace = "".join(traceback.format_exception(error))
                self._forget(name)
                self._fail(name, f"{type(error).__name__}: {error}".splitlines()[0], trace)
        elif future.status == "lost":
            self._die(placed)
        else:
            raise self._workers.gone()

    def _again(self, placed: _Placed) -> None:
        self._forget(placed.order.cell.name)
        self._waiting.insert(0, placed.order)

    def _die(self, placed: _Placed) -> None:
        """Give a cell whose worker is gone to another worker, a limited number of times."""
        name, worker = placed.order.cell.name, placed.worker
        self._workers.fit.pop(worker.address, None)
        self._lost[name] = self._lost.get(name, 0) + 1
        limit = f" (its limit: {worker.memory_mb:,} MB)" if worker.memory_mb else ""
        if self._lost[name] < _LIVES:
            self._progress.say(f"{name}: its worker on {worker.host} died; another one computes it")
            self._again(placed)
            return
        self._forget(name)
        del self._lost[name]
        self._fail(
            name,
            f"{_LIVES} workers died while they computed it, the last on {worker.host}, perhaps "
            f"because they ran out of memory{limit}",
        )

    def _look(self) -> None:
        """Handle cells whose workers are gone, and cells that no worker can compute."""
        self._looked = time.monotonic()
        fit = self._workers.look()
        self._gpus = self._gpus or any(worker.gpu for worker in fit.values())
        there = {*fit, *self._workers.left_out}
        for placed in list(self._placed.values()):
            if placed.worker.address not in there and placed.future.status == "pending":
                self._die(placed)
        helpless = [order for order in self._waiting if not self._able(order.cell)]
        if not helpless:
            self._helpless = None
            return
        what = f"worker with the resource {GPU}" if fit else "worker"
        if self._helpless is None:
            self._helpless = time.monotonic()
            self._progress.say(f"no {what} is left; waiting cells: {len(helpless)}")
        elif time.monotonic() >= self._helpless + patience_s():
            for order in helpless:
                self._waiting.remove(order)
                self._fail(order.cell.name, f"no {what} is left that could compute it")

    def _fail(self, name: str, why: str, trace: str = "") -> None:
        self._ended.append(Done(name, "failed", why, trace))

    def _forget(self, name: str) -> None:
        placed = self._placed.pop(name)
        placed.future.release()
        placed.stage.__exit__(None, None, None)
