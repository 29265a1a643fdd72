"""The workers of a cluster: which are connected, which may take part, their resources."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_timedelta

from ....data.errors import ConfigError, SubprobeError
from ....data.output.ownership import LOCKS
from ...steps.progress import Progress
from ..manifest import versions
from .visit import visit

if TYPE_CHECKING:
    from distributed import Client

GPU = "GPU"
"""The resource that workers with an accelerator declare."""

PATIENCE, _USUAL = "subprobe.wait-for-workers", "5 minutes"
"""Key of Dask's configuration: how long a cell waits for a worker that could compute it."""

_STEP_S = 0.2


@dataclass(frozen=True)
class Worker:
    """A worker: a process that computes cells.

    Attributes:
        address: its address, which changes with each start.
        host: name of its machine.
        memory_mb: its memory limit; 0 = no limit.
        gpu: whether it declares the resource `GPU`.
    """

    address: str
    host: str
    memory_mb: int
    gpu: bool

    @classmethod
    def of(cls, address: str, held: Mapping[str, Any]) -> Worker:
        """A worker as the scheduler describes it."""
        limit = int((held.get("memory_limit") or 0) / 2**20)
        gpu = float(held.get("resources", {}).get(GPU, 0)) >= 1
        return cls(address, str(held.get("host", address)), limit, gpu)


def patience_s() -> float:
    """Maximum seconds that a cell waits for a worker that could compute it.

    Raises:
        ConfigError: if the value in Dask's configuration is not a time.
    """
    named = dask.config.get(PATIENCE, _USUAL)
    try:
        found = float(parse_timedelta(named))
    except (KeyError, ValueError, TypeError, AttributeError):
        found = -1.0
    if not 0 <= found < float("inf"):
        raise ConfigError(f"must be a time such as 5 minutes, got {named!r}", where=PATIENCE)
    return found


class Workers:
    """The workers that may take part in a run, updated by `look`.

    Args:
        client: connected to the scheduler.
        folder: the run folder.
        progress: receives a message for each excluded worker, with the reason.
    """

    def __init__(self, client: Client, folder: Path, progress: Progress):
        self._client, self._folder, self._progress = client, folder, progress
        self.scheduler = str(client.scheduler.addr) if client.scheduler else "the scheduler"
        self.fit: dict[str, Worker] = {}
        self.left_out: dict[str, str] = {}
        self._resting: set[str] = set()

    @property
    def ready(self) -> list[Worker]:
        """The workers that take part, without those that are ending or paused for memory."""
        return [one for one in self.fit.values() if one.address not in self._resting]

    def wait(self) -> None:
        """Wait for the first worker that may take part.

        Raises:
            ConfigError: if no worker may take part, or none connects in time.
        """
        until, said = time.monotonic() + patience_s(), False
        while not self.look():
            if self.left_out:
                address, why = next(iter(self.left_out.items()))
                raise ConfigError(
                    f"worker {address} {why}", where=self.scheduler,
                    remedy="every worker needs the same installation, and the run folder and its "
                    "data at the same paths",
                )  # fmt: skip
            if time.monotonic() >= until:
                raise ConfigError(
                    "the scheduler has no worker", where=self.scheduler,
                    remedy="start workers with `dask worker`, or wait longer (docs/cluster.md)",
                )  # fmt: skip
            if not said:
                self._progress.say(f"waiting for the first worker of {self.scheduler}")
                said = True
            time.sleep(_STEP_S)

    def gone(self) -> SubprobeError:
        """The error for a run whose scheduler is gone."""
        return SubprobeError(
            "the scheduler is gone, or the connection to it was lost",
            where=self.scheduler,
            remedy="run the same command again once it is back; finished cells are kept",
        )

    def look(self) -> dict[str, Worker]:
        """Update the set of workers, and check those that are new.

        Raises:
            SubprobeError: if the scheduler is gone.
        """
        if self._client.status != "running":
            raise self.gone()
        held = self._client.scheduler_info(n_workers=-1)["workers"]
        self._resting = {address for address, one in held.items() if one["status"] != "running"}
        for address in set(self.fit) - set(held):
            del self.fit[address]
        for address in set(self.left_out) - set(held):
            del self.left_out[address]
        if new := sorted(set(held) - set(self.fit) - set(self.left_out) - self._resting):
            self._visit(new, held)
        return self.fit

    def leave_out(self, address: str, why: str) -> None:
        """Exclude a worker from the run."""
        worker = self.fit.pop(address, None)
        self.left_out[address] = why
        self._progress.say(f"worker {worker.host if worker else ''} ({address}) is left out: {why}")

    def _visit(self, new: list[str], held: Mapping[str, Mapping[str, Any]]) -> None:
        token = secrets.token_hex(8)
        locks = self._folder / LOCKS
        locks.mkdir(parents=True, exist_ok=True)
        marker = locks / f"workers-{token}.lock"
        marker.write_text(token, "utf-8")
        try:
            found = self._client.run(
                visit, str(marker), token, os.getcwd(), versions(), workers=new, on_error="return"
            )
        except (OSError, ValueError):
            return  # one of them is gone already, which the next update will notice
        finally:
            marker.unlink(missing_ok=True)
        for address, why in found.items():
            worker = self.fit[address] = Worker.of(address, held[address])
            if isinstance(why, (OSError, TimeoutError)):
                del self.fit[address]  # it disconnected in the meantime
            elif isinstance(why, BaseException):
                self.leave_out(address, f"cannot run subprobe: {type(why).__name__}: {why}")
            elif why:
                self.leave_out(address, why)
            elif int(held[address].get("nthreads", 1)) > 1:
                self._progress.say(
                    f"worker {worker.host} ({address}) has {held[address]['nthreads']} Dask "
                    "threads, but it computes one cell at a time"
                )
