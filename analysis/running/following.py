"""A worker process that ends with its parent process, even while it imports libraries.

Nothing else is imported here: this must take effect quickly.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import threading
from typing import Any


def begin(then: str, *arguments: Any) -> None:
    """End with the parent, ignore Ctrl-C (the parent handles it), and call a function.

    Args:
        then: the function, as `module:name`; its module is imported only now.
        arguments: its arguments.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pkgutil.resolve_name(then)(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
