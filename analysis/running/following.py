"""A worker process that ends with the process that began it, also while it loads its libraries.

Nothing else is imported here: what a worker does first must not take long.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import threading
from typing import Any


def begin(then: str, *arguments: Any) -> None:
    """Follow the parent, be deaf to Ctrl-C, which is for it, and go on.

    Args:
        then: what is called, as `module:name`; its module is loaded only now.
        arguments: that it takes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pkgutil.resolve_name(then)(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
