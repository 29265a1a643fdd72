"""What `subprobe --help` costs more than a bare interpreter."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time

from .timing import REPEATS, Measure, planted


def _spent(arguments: list[str]) -> tuple[float, float]:
    """Processor and wall seconds of one child process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), wall


def start(repeats: int = REPEATS) -> Measure:
    """Seconds of `subprobe --help` minus those of an interpreter that does nothing."""
    fault = "import torch; " if planted() else ""
    command = ["-c", f"{fault}import sys; sys.argv = ['subprobe', '--help']; "
                     "from subprobe.cli import main; main()"]  # fmt: skip
    _spent(command)
    pairs = [(_spent(command), _spent(["-c", "pass"])) for _ in range(repeats)]
    cpu = [ours[0] - bare[0] for ours, bare in pairs]
    wall = [ours[1] - bare[1] for ours, bare in pairs]
    return Measure(
        "subprobe --help minus an interpreter",
        statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), 0.5, "s",
    )  # fmt: skip
