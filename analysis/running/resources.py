"""How much of this machine a run takes: threads of a cell, cells at the same time."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...data.output.run_record import run_facts
from ..configuration.config import RunConfig
from ..plan.whole_run import THREADS


def threads_of(config: RunConfig, folder: Path) -> int:
    """Threads that each cell computes with, however many cells are computed at the same time.

    They decide the last digits, so that a run keeps those that it was begun with: as asked for,
    else as recorded in its folder, else the cores of this machine shared among tasks and seeds.
    """
    if config.threads:
        return config.threads
    recorded = run_facts(folder).get(THREADS)
    if isinstance(recorded, int) and not isinstance(recorded, bool) and recorded > 0:
        return recorded
    return max(1, (os.cpu_count() or 1) // (len(config.tasks) * len(config.seeds)))


def workers_of(config: RunConfig, threads: int, cells: int) -> int:
    """Cells at the same time: as asked for, else as many as the cores allow.

    An accelerator is shared by one process only, and a process that may start none computes alone.
    """
    import torch

    if multiprocessing.current_process().daemon:
        return 1
    shared = config.device != "cpu" and torch.accelerator.is_available()
    automatic = 1 if shared else max(1, (os.cpu_count() or 1) // threads)
    return max(1, min(config.workers or automatic, cells))


def set_up(threads: int, *, deterministic: bool = False) -> None:
    """Let this process compute with so many threads, and if asked for the same bytes each time."""
    import torch

    torch.set_num_threads(threads)
    if deterministic:
        # cuBLAS asks for it, before it is first used
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


@contextmanager
def computing_with(threads: int, *, deterministic: bool = False) -> Iterator[None]:
    """Let this process compute so inside, and as before afterwards."""
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    set_up(threads, deterministic=deterministic)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
