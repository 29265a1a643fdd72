"""Peak of the private memory of a process while something runs.

`ru_maxrss` is unsuitable: a child inherits its parent's value, so all children of a large parent
report the same number. The resident set without shared and mapped pages is private to the process:
mapped model files and libraries are not counted.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psutil

_PAUSE_S = 0.001


def anonymous_bytes() -> int:
    """Resident memory of this process without shared and mapped pages, in bytes."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


class PeakMemory:
    """Records the private memory of the process inside a `with` block.

    Attributes:
        before: bytes at the beginning of the block.
        highest: maximum bytes until its end.
    """

    def __enter__(self) -> PeakMemory:
        self.before = self.highest = anonymous_bytes()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.highest = max(self.highest, anonymous_bytes())
            time.sleep(_PAUSE_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._watcher.join()
        self.highest = max(self.highest, anonymous_bytes())

    @property
    def above(self) -> int:
        """Bytes by which the peak is above the beginning."""
        return self.highest - self.before
