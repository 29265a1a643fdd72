"""The recorded plan of the run in a folder, and the processes that work on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.errors import ConfigError
from ...data.output.ownership import LOCKS, RECORD
from ...data.output.run_record import run_configuration, run_facts
from ..configuration.config import parse_config
from ..configuration.renamed import renamed
from ..plan.sources import Sources
from ..plan.whole_run import SOURCES, THREADS, RunPlan, planned
from ..running.locks import gate, owners


def plan_of(folder: Path) -> RunPlan:
    """The plan of the run in a folder, as it was started; only its record is read.

    Raises:
        ConfigError: if it does not contain a run, or one of an earlier version.
        InputError: for options that this version does not know.
    """
    found = run_configuration(folder) if folder.is_dir() else None
    if found is None:
        raise ConfigError(
            "does not contain a run",
            where=str(folder),
            remedy="name a folder that `subprobe run` wrote to",
        )
    config = parse_config(renamed(found), where=str(folder / RECORD))
    sources = Sources.parse(run_facts(folder).get(SOURCES))
    if sources is None or not set(config.tasks) <= set(sources.facts):
        raise _unknown(folder)
    try:
        return planned(config, folder, sources)
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown(folder) from error


def _unknown(folder: Path) -> ConfigError:
    return ConfigError(
        "does not record the inputs of its cells",
        where=str(folder / RECORD),
        remedy="run the same `subprobe run` again; it keeps the finished cells",
    )


def threads_recorded(folder: Path) -> int:
    """The number of threads with which the cells of a run are computed."""
    found: Any = run_facts(folder).get(THREADS)
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else 1


def living(folder: Path) -> list[dict[str, object]]:
    """The processes that work in a run folder now: configuration, host and process id of each."""
    locks = folder / LOCKS
    if locks.is_symlink() or not locks.is_dir():
        return []
    with gate(locks):
        return owners(locks)
