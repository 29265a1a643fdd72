"""Compute cells in several processes; a slow, killed or failing cell stops no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ...data.files.temporaries import remove_stale
from ..cells.work import Done, Order
from ..configuration.config import RunConfig
from ..steps.progress import Advance, Progress
from . import following
from .engine import materials_of, work_on
from .resources import set_up
from .stopping import held_back

_POLL_S = 0.1
Job = Callable[[Order, RunConfig, Path, Progress], Done]
_told: Connection | None = None


class Pool:
    """An engine of several processes, each of which computes one cell at a time.

    Each process is a pool of its own: if it is killed, only its cell is lost, and it is replaced.

    Args:
        config: the options of the run.
        folder: the run folder.
        slots: number of processes.
        threads: number of threads of each.
        progress: receives the progress of the processes.
        job: the function that a process applies to a cell; None = compute it.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        slots: int,
        threads: int,
        progress: Progress,
        job: Job | None = None,
    ):
        self.slots = slots
        self._config, self._folder, self._job = config, folder, job or compute_here
        self._workers = [_Worker(threads, config.deterministic, progress) for _ in range(slots)]
        # a process sends nothing at the end of its cell: the thread that notices it reports here
        self._ended, self._ending = multiprocessing.Pipe(duplex=False)

    def submit(self, order: Order) -> None:
        """Give the cell to a free process, preferably one that has loaded its model."""
        free = [worker for worker in self._workers if worker.order is None]
        model = order.inputs.get("model", "")
        chosen = next((worker for worker in free if model and worker.model == model), free[0])
        chosen.model = model
        chosen.begin(order, self._job, self._config, self._folder).add_done_callback(self._wake)

    def _wake(self, _: Future[Done]) -> None:
        # short enough for a single write, so that several threads may do this at once
        self._ending.send_bytes(b"e")

    def wait(self) -> list[Done]:
        """The outcomes of cells; meanwhile, forwards the messages of the processes."""
        pipes = {worker.told: worker for worker in self._workers if worker.order is not None}
        for pipe in wait([*pipes, self._ended], timeout=_POLL_S):
            assert isinstance(pipe, Connection)
            if pipe is self._ended:
                pipe.recv_bytes()
            else:
                pipes[pipe].listen()
        return [done for worker in pipes.values() if (done := worker.ended()) is not None]

    def close(self) -> None:
        """Stop all processes, and remove their unfinished files."""
        with held_back():
            for worker in self._workers:
                worker.stop()
        models = self._folder / "models"
        for folder in (self._folder / "cells", models, *models.glob("*")):
            remove_stale(folder)


class _Worker:
    """One process, and the cell that it computes."""

    def __init__(self, threads: int, deterministic: bool, progress: Progress):
        self.order: Order | None = None
        self.model = ""
        self._threads, self._deterministic, self._progress = threads, deterministic, progress
        self._stage: tuple[AbstractContextManager[Advance], Advance] | None = None
        self._future: Future[Done] | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.told, sending = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            1,
            mp_context=context,
            initializer=following.begin,
            initargs=(f"{__name__}:set_up_worker", self._threads, self._deterministic, sending),
        )
        self._sending = sending

    def begin(self, order: Order, job: Job, config: RunConfig, folder: Path) -> Future[Done]:
        """Let the process compute a cell."""
        self.order = order
        with held_back(), _without_script(), _one_thread(self._threads), _deaf_to_interrupts():
            self._future = self._pool.submit(_work, job, order, config, folder)
        return self._future

    def listen(self) -> None:
        """Forward the messages of the process."""
        with suppress(EOFError, OSError):
            while self.told.poll():
                event, value = self.told.recv()
                if event == "begin":
                    stage = self._progress.stage(value)
                    self._stage = (stage, stage.__enter__())
                elif event == "done" and self._stage is not None:
                    self._stage[1](*value)
                elif event == "say":
                    self._progress.say(value)
                elif event == "end":
                    self._leave_stage()

    def _leave_stage(self) -> None:
        if self._stage is not None:
            self._stage[0].__exit__(None, None, None)
            self._stage = None

    def ended(self) -> Done | None:
        """The outcome of the cell, if it has ended; a killed process is replaced."""
        if self._future is None or self.order is None or not self._future.done():
            return None
        name = self.order.cell.name
        self.listen()
        self._leave_stage()
        try:
            done = self._future.result()
        except BrokenProcessPool:
            self.stop()
            self._start()
            self.model = ""
            done = Done(
                name,
                "failed",
                "the process that computed it was killed, perhaps because memory ran out",
            )
        self.order = self._future = None
        return done

    def stop(self) -> None:
        """End the process, even if it is computing."""
        self._leave_stage()
        processes = list(
            (self._pool._processes or {}).values()
        )  # there is no public interface to them
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
        self.told.close()
        self._sending.close()


@contextmanager
def _without_script() -> Iterator[None]:
    """Start a process without importing the caller's main script.

    A new process imports the script that it was started from. It would run a script without `if
    __name__ == "__main__"` a second time, and would not find a script from stdin. Nothing in that
    script is needed here.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Context in which started processes ignore Ctrl-C, which their parent handles.

    They would receive it while they import libraries, before they can ignore it themselves.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread(threads: int) -> Iterator[None]:
    """Context in which started processes have this number of threads in every library."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def set_up_worker(threads: int, deterministic: bool, sending: Connection) -> None:
    """Set up a new process: its number of threads, and where it sends messages."""
    global _told
    _told = sending
    set_up(threads, deterministic=deterministic)


def _work(job: Job, order: Order, config: RunConfig, folder: Path) -> Done:
    assert _told is not None
    return job(order, config, folder, Telling(_told))


def compute_here(order: Order, config: RunConfig, folder: Path, progress: Progress) -> Done:
    """Compute a cell in a worker process, which keeps its inputs for the next cell."""
    return work_on(order, materials_of(config, folder), progress)


class Telling:
    """Progress inside a process: sends messages to the parent process."""

    def __init__(self, told: Connection):
        self._told = told

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Report the beginning, the progress and the end of a stage."""
        self._send("begin", title)
        try:
            yield lambda done, total: self._send("done", (done, total))
        finally:
            self._send("end", None)

    def say(self, line: str) -> None:
        """Report one line."""
        self._send("say", line)

    def _send(self, event: str, value: Any) -> None:
        with suppress(OSError, ValueError):
            self._told.send((event, value))
