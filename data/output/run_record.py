"""The record of a run folder: its configuration, its seeds, and the masks that belong to it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..files.json_text import is_shallow
from .ownership import RUN, Record

CONFIGURATION, SEEDS = "configuration", "seeds"
"""Keys of the record of a run for its options and the names of its tasks and seeds."""

_KIND = "random-complement|[a-z]+"  # the only kind with a hyphen
_MASK = re.compile(rf"(?P<seed>.+-seed\d+)-(?:(?P<method>[a-z-]+?)-)??(?:{_KIND})\.safetensors")


def run_configuration(folder: Path) -> dict[str, Any] | None:
    """The options of the run in a folder, finished or not; None if there is no run."""
    found = _recorded(folder, CONFIGURATION)
    if found is None:
        found = _manifest(folder).get("config")
    return found if isinstance(found, dict) else None


def run_seeds(folder: Path) -> set[str] | None:
    """The names of a run's tasks and seeds, such as `acceptability-seed1`; None if unknown."""
    found = _recorded(folder, SEEDS)
    if found is None:
        runs = _manifest(folder).get("runs")
        if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
            return None
        found = [f"{run.get('task')}-seed{run.get('seed', run.get('seed_init'))}" for run in runs]
    return set(map(str, found)) if isinstance(found, list) else None


def masks_left_over(folder: Path, paths: Iterable[Path]) -> list[Path]:
    """Mask files in a run folder whose task, seed or method is not in the run's configuration.

    Args:
        folder: the run folder; for any other folder the result is empty.
        paths: mask files named `TASK-seedN-[METHOD-]KIND.safetensors`; others belong to the run.
    """
    seeds = run_seeds(folder)
    if seeds is None:
        return []
    pruned = (run_configuration(folder) or {}).get("prune")
    methods = pruned.get("methods") if isinstance(pruned, dict) else None
    left = []
    for path in paths:
        named = _MASK.fullmatch(path.name)
        if named is None:
            continue
        method = named["method"] or "structured"
        other = isinstance(methods, list) and method not in methods
        if named["seed"] not in seeds or other:
            left.append(path)
    return left


def run_facts(folder: Path) -> Mapping[str, Any]:
    """The part of a folder's record about its run; empty if there is no run."""
    facts = Record.of(folder).facts.get(RUN)
    return facts if isinstance(facts, dict) else {}


def _recorded(folder: Path, key: str) -> Any:
    return run_facts(folder).get(key)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) and is_shallow(held) else {}
