"""The resources that a run uses on this machine: threads per cell, cells at the same time."""

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
    """Number of threads per cell, independent of how many cells are computed at the same time.

    The number affects the last digits of results, so a run keeps the number that it was started
        with: the requested one, else the one recorded in its folder, else the cores of this machine
        divided by tasks and seeds.
    """
    if config.threads:
        return config.threads
    recorded = run_facts(folder).get(THREADS)
    if isinstance(recorded, int) and not isinstance(recorded, bool) and recorded > 0:
        return recorded
    return max(1, (os.cpu_count() or 1) // (len(config.tasks) * len(config.seeds)))


def workers_of(config: RunConfig, threads: int, cells: int) -> int:
    """Number of cells at the same time: as requested, else as many as the cores allow.

    Only one process uses an accelerator. A process that may not start others computes alone.
    """
    import torch

    if multiprocessing.current_process().daemon:
        return 1
    shared = config.device != "cpu" and torch.accelerator.is_available()
    automatic = 1 if shared else max(1, (os.cpu_count() or 1) // threads)
    return max(1, min(config.workers or automatic, cells))


def set_up(threads: int, *, deterministic: bool = False) -> None:
    """Set the number of threads of this process, and deterministic algorithms if requested."""
    import torch

    torch.set_num_threads(threads)
    if deterministic:
        # cuBLAS requires this before its first use
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


@contextmanager
def computing_with(threads: int, *, deterministic: bool = False) -> Iterator[None]:
    """Context with these settings; the earlier ones are restored afterwards."""
    import torch

    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    set_up(threads, deterministic=deterministic)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
