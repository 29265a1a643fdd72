"""What the processes of the worker tests compute; they import this file by its name."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from subprobe.analysis.configuration.config import RunConfig
from subprobe.data.errors import ConfigError


def write_seed(config: RunConfig, out: Path, progress: Any) -> None:
    """Write a file named by the seed."""
    seed = config.seeds[0]
    with progress.stage(f"seed {seed}") as advance:
        advance(1, 2)
        (out / str(seed)).write_text("done")
    progress.say(f"said {seed}")


def refuse(config: RunConfig, out: Path, progress: Any) -> None:
    """Raise an error that the user can mend."""
    with progress.stage("refusing"):
        raise ConfigError(f"seed {config.seeds[0]} is refused", where="test", remedy="none")


def die(config: RunConfig, out: Path, progress: Any) -> None:
    """Be killed, as by the system when memory runs out."""
    with progress.stage("dying"):
        os.kill(os.getpid(), signal.SIGKILL)
