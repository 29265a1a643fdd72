"""The peak memory of this process since a given moment, where the system reports it."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path


def forget_peak() -> None:
    """Reset the peak (on Linux; elsewhere it is the peak of the whole process)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Peak resident memory of this process in mebibytes, rounded to one."""
    with contextlib.suppress(OSError):
        held = Path("/proc/self/status").read_text()
        if found := re.search(r"VmHWM:\s*(\d+) kB", held):
            return float(round(int(found[1]) / 1024))
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # bytes on macOS, kilobytes elsewhere
    return float(round(most / (2**20 if sys.platform == "darwin" else 1024)))
