"""Several seeds at the same time: each in a process of its own that fills the store of cells.

The processes only compute cells; the caller then reads them from the store in order, so a run
gives the same tables whether its seeds were computed one after the other or side by side.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from ...data.errors import SubprobeError
from ..configuration.config import RunConfig
from ..steps.progress import Advance, Progress
from .earlier import remove_halves

_POLL_S = 0.2
Compute = Callable[[RunConfig, Path, Progress], Any]


def worker_count(wanted: int, jobs: int, device: str = "auto") -> int:
    """How many processes to use: as asked for, else one a core, never more than there are jobs.

    An accelerator is shared by one process only, and a process that may start none computes alone.
    """
    if multiprocessing.current_process().daemon:
        return 1
    shared = device != "cpu" and torch.accelerator.is_available()
    automatic = 1 if shared else os.cpu_count() or 1
    return min(wanted or automatic, jobs)


def compute_apart(
    compute: Compute, parts: Sequence[RunConfig], out: Path, workers: int, progress: Progress
) -> None:
    """Call `compute(part, out, progress)` for every part, in `workers` processes.

    Args:
        compute: a function of a module; what it returns is thrown away.
        parts: the options of each call.
        out: the run folder.
        workers: processes at the same time; cores are shared out evenly among them.
        progress: is told what the processes tell.

    Raises:
        SubprobeError: the first that a process raised; the others are stopped.
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // workers)
    others = set(multiprocessing.active_children())
    with _without_script():
        started = context.Manager()
    with started as manager:
        told = manager.Queue()
        with ProcessPoolExecutor(
            workers, mp_context=context, initializer=_start, initargs=(threads,)
        ) as pool:
            try:
                with _without_script():
                    futures = [
                        pool.submit(_work, compute, part, out, told, number)
                        for number, part in enumerate(parts)
                    ]
                _listen(futures, told, progress)
            except BrokenProcessPool:
                raise SubprobeError(
                    "a process that computed a seed was killed, perhaps for its memory",
                    where=str(out),
                    remedy="run the same command again with `workers = 1` in the config file",
                ) from None
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                for process in set(multiprocessing.active_children()) - others:
                    process.terminate()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                remove_halves(out)


@contextmanager
def _without_script() -> Iterator[None]:
    """Start processes without what the caller runs.

    A new process imports the script it was started from, and so would run a script that does not
    ask for `__name__ == "__main__"` a second time, and find none that came from stdin. Nothing
    that is computed here lies in it.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _start(threads: int) -> None:
    """Give a new process its share of the cores; Ctrl-C is for the one that it belongs to."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)


def _work(compute: Compute, part: RunConfig, out: Path, told: Any, number: int) -> None:
    compute(part, out, _Told(told, number))


class _Told:
    """Progress inside a process: sends what happens to the process that listens."""

    def __init__(self, told: Any, number: int):
        self._told, self._number = told, number

    @contextmanager
    def stage(self, title: str) -> Iterator[Advance]:
        """Tell that a stage begins, how far it is, and that it is over."""
        self._told.put((self._number, "begin", title))
        try:
            yield lambda done, total: self._told.put((self._number, "done", (done, total)))
        finally:
            self._told.put((self._number, "end", None))

    def say(self, line: str) -> None:
        """Tell one plain line."""
        self._told.put((self._number, "say", line))


def _listen(futures: Sequence[Future[None]], told: Any, progress: Progress) -> None:
    """Pass on what the processes tell until all are done; raise what the first of them raised."""
    stages: dict[int, tuple[AbstractContextManager[Advance], Advance]] = {}
    with ExitStack() as open_stages:
        while True:
            finished = all(future.done() for future in futures)
            for future in futures:
                if future.done():
                    future.result()
            try:
                number, event, value = told.get(timeout=_POLL_S)
            except queue.Empty:
                if finished:
                    return
                continue
            if event == "begin":
                stage = progress.stage(value)
                stages[number] = (stage, stage.__enter__())
                open_stages.callback(_close, stages, number)
            elif event == "done":
                stages[number][1](*value)
            elif event == "say":
                progress.say(value)
            else:
                _close(stages, number)


def _close(stages: dict[int, tuple[AbstractContextManager[Advance], Advance]], number: int) -> None:
    """Leave the open stage of a process, if it has one."""
    if number in stages:
        stages.pop(number)[0].__exit__(None, None, None)
