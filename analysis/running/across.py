"""The subnetworks that several seeds of a task share, scored and retrained in each of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ...pruning.across_seeds import ACROSS, across_seeds
from ...pruning.subnetwork import Subnetwork
from .config import RunConfig
from .masks import mask_rows, save_mask
from .seed_run import SeedRun

COMPARED = ("structured", "structured-heads", "structured-mlps")
"""Methods whose units are few enough to be compared one by one."""


def across_frames(runs: Sequence[SeedRun], config: RunConfig) -> list[pd.DataFrame]:
    """Rows of super, anti and middle of every task and method with several seeds."""
    frames: list[pd.DataFrame] = []
    for task in dict.fromkeys(run.parts.spec.name for run in runs):
        mine = [run for run in runs if run.parts.spec.name == task]
        if len(mine) < 2:
            continue
        for method in (m for m in config.prune.methods if m in COMPARED):
            goods = [run.good(method) for run in mine]
            for kind in ACROSS:
                shared = across_seeds(kind, goods, seed=mine[0].seed)
                save_mask(shared, mine[0].setting.folder, task)
                frames += [frame for run in mine for frame in _frames(run, shared, config)]
    return frames


def _frames(run: SeedRun, mask: Subnetwork, config: RunConfig) -> list[pd.DataFrame]:
    found = [run.score(mask).rows, mask_rows(mask, run.identity(None, mask, "pruned"))]
    if config.controls.retrained_draws:
        found.append(run.retrain(mask).rows)
    if config.probe.names and "pruned" in config.probe.states:
        found.append(run.probe(mask).rows)
    return found
