"""The subnetworks that several seeds of a task share, scored and retrained in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...models.masks.subnetwork import Subnetwork
from ...pruning.across_seeds import ACROSS, across_seeds
from ..configuration.config import RunConfig
from ..flags import OF_A_SEED
from ..steps.degenerate import degenerate_search
from ..steps.masks import mask_rows, save_mask
from .seed_run import SeedRun

COMPARED = ("structured", "structured-heads", "structured-mlps")
"""Methods whose units are few enough to be compared one by one."""


def across_frames(runs: Sequence[SeedRun], config: RunConfig, folder: Path) -> list[pd.DataFrame]:
    """Rows of super, anti and middle of every task and method with several seeds.

    A seed whose full model diverged or did not learn has no say in what all seeds keep: its mask
    holds a score that says nothing. The shared masks are scored in it like in the others, and saved
    in `folder`.
    """
    frames: list[pd.DataFrame] = []
    for task in dict.fromkeys(run.parts.spec.name for run in runs):
        mine = [run for run in runs if run.parts.spec.name == task]
        if len(mine) < 2:
            continue
        for method in (m for m in config.prune.methods if m in COMPARED):
            goods = _goods(mine, method)
            if len(goods) < 2:
                continue
            for kind in ACROSS:
                shared = across_seeds(kind, goods, seed=mine[0].seed)
                save_mask(shared, folder, task)
                frames += [frame for run in mine for frame in _frames(run, shared, config)]
    return frames


def _goods(runs: Sequence[SeedRun], method: str) -> list[Subnetwork]:
    """The good masks of the seeds whose search had something to find; the others are told."""
    found = []
    for run in runs:
        good = run.good(method)
        if flag := run.model.full.notes["flag"]:
            why = OF_A_SEED[flag]
        else:
            # rule `study` goes on where nothing was learned; a mask that it found may be compared
            why = "" if good.sparsity() else degenerate_search(good)
        if why:
            run.progress.say(f"{run.name}: not in super, anti and middle ({method}): {why}")
        else:
            found.append(good)
    return found


def _frames(run: SeedRun, mask: Subnetwork, config: RunConfig) -> list[pd.DataFrame]:
    found = [run.score(mask).rows, mask_rows(mask, run.identity(None, mask, "pruned"))]
    if config.controls.retrained_draws:
        found.append(run.retrain(mask).rows)
    if config.probe.names and "pruned" in config.probe.states:
        found.append(run.probe(mask).rows)
    return found
