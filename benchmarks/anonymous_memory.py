"""Peak of the memory that a process has to itself while something runs.

`ru_maxrss` cannot tell: a child inherits its parent's mark, so that after a large parent every
child shows the same number. The resident set without shared and mapped pages is the process's own,
whoever started it: model files that are mapped, and libraries, do not count.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

import psutil

_PAUSE_S = 0.001


def anonymous_bytes() -> int:
    """Resident memory of this process that no file and no other process shares, in bytes."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


class PeakMemory:
    """Watches the process's own memory inside a `with` block.

    Attributes:
        before: bytes when the block began.
        highest: most bytes that were seen until it ended.
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
