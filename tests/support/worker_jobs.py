"""What the processes of the pool tests do with a cell; they import this file by its name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from subprobe.analysis.cells.work import Done, Order
from subprobe.analysis.configuration.config import RunConfig
from subprobe.data.errors import ConfigError


def write_name(order: Order, config: RunConfig, out: Path, progress: Any) -> Done:
    """Write a file named by the cell."""
    name = order.cell.name
    with progress.stage(f"cell {name}") as advance:
        advance(1, 2)
        (out / name).write_text(str(os.getpid()))
    progress.say(f"said {name}")
    return Done(name, "done")


def refuse(order: Order, config: RunConfig, out: Path, progress: Any) -> Done:
    """Fail with an error that the user can mend."""
    error = ConfigError(f"{order.cell.name} is refused", where="test", remedy="none")
    return Done(order.cell.name, "failed", str(error), "trace", error)


def die(order: Order, config: RunConfig, out: Path, progress: Any) -> Done:
    """Be killed, as by the system when memory runs out; only the cell called `killer` is."""
    if order.cell.name == "killer":
        with progress.stage("dying"):
            os.kill(os.getpid(), signal.SIGKILL)
    return write_name(order, config, out, progress)


def mixed(order: Order, config: RunConfig, out: Path, progress: Any) -> Done:
    """Fail where the cell is called `refused`, be killed where it is `killer`, else write."""
    one = refuse if order.cell.name == "refused" else die
    return one(order, config, out, progress)


def rest(order: Order, config: RunConfig, out: Path, progress: Any) -> Done:
    """Say which process this is, and never end."""
    (out / order.cell.name).write_text(str(os.getpid()))
    time.sleep(600)
    return Done(order.cell.name, "done")
