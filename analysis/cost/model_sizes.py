"""The costs of the units of a run's models, as recorded by the run or counted from the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import SubprobeError

Sizes = Mapping[str, Mapping[str, Any]]
"""Task -> the fields of `models.smaller.unit_costs.UnitCosts`."""


def recorded_sizes(manifest: Mapping[str, Any], folder: Path | None, tasks: Sequence[str]) -> Sizes:
    """The sizes that a manifest records.

    Runs of earlier versions did not record them. They are then counted from the configurations of
    the models in the run folder, which imports torch and transformers. Empty if the models were
    removed.

    Args:
        manifest: what `manifest.json` holds.
        folder: the run folder, if it is known.
        tasks: the tasks of the models, as named in the rows of the run.
    """
    found: Sizes = manifest.get("sizes") or {}
    if found or folder is None:
        return found
    return counted_sizes(folder, tasks)


def tasks_of(rows: pd.DataFrame) -> list[str]:
    """The tasks of tidy rows."""
    return [str(task) for task in rows["task"].dropna().unique()]


def counted_sizes(folder: Path, tasks: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The sizes of the fully trained models in a run folder, one for each task.

    The weights are not read. Tasks whose models were removed or cannot be read are left out.
    """
    found = {}
    for task in tasks:
        for model in sorted((folder / "models").glob(f"{task}-seed*/config.json")):
            if _is_whole(model.parent.name, task) and (costs := _counted(model.parent)):
                found[task] = costs
                break
    return found


def _is_whole(name: str, task: str) -> bool:
    """Whether a folder contains the full model of a seed, not a retrained subnetwork."""
    return name.removeprefix(f"{task}-seed").isdigit()


def _counted(folder: Path) -> dict[str, Any]:
    from ...models.checkpoint.loading import CLASSIFIERS, skeleton
    from ...models.folder.checkpoint_files import quiet_library, read_config
    from ...models.folder.sources import resolve_model
    from ...models.smaller.unit_costs import unit_costs

    try:
        config = read_config(resolve_model(str(folder.resolve())))
        with quiet_library():
            return unit_costs(skeleton(CLASSIFIERS[type(config)], config)).plain()
    except (SubprobeError, KeyError):
        return {}
