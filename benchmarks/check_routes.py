"""Retrain one mask by both routes with many seeds: do the results agree, and which is faster?

Without dropout, the routes give the same losses. With dropout, a seed draws different numbers for
smaller tensors, so only the distribution over many seeds can agree.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.configuration.recipe import chosen_recipe
from subprobe.analysis.flags import FAILED
from subprobe.analysis.statistics.paired_tests import sign_flips
from subprobe.analysis.steps.outcome import outcome
from subprobe.analysis.steps.selection import parts_for
from subprobe.data.output.tables import write_csv
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import resolve_model
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.finetune import ROUTES


def trainings(mask: Subnetwork, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line for each seed and route: the primary metric and the processor seconds."""
    from .training import scored_training

    data = load_task(options.task, data_dir=options.data_dir)
    given = RecipeOptions(precision=options.precision, epochs=options.epochs)
    recipe = chosen_recipe(resolve_model(options.model), data.spec.name, given)
    for seed in range(options.first, options.first + options.seeds):
        parts = parts_for(data, PruneOptions(), seed=seed)
        for route in ROUTES:
            trained, scored, seconds = scored_training(
                options.model, parts, recipe, seed=seed, mask=mask, route=route
            )
            flag = outcome(trained, parts, recipe, mask).flag
            yield {"seed": seed, "route": route, "score": scored.metrics[parts.spec.metric],
                   "seconds": seconds, "flag": flag}  # fmt: skip


def compared(lines: pd.DataFrame) -> str:
    """The results in words: spread of each route, their difference, time."""
    scores = lines.pivot_table(index="seed", columns="route", values="score")
    seconds = lines.pivot_table(index="seed", columns="route", values="seconds")
    gaps = (scores["compact"] - scores["masked"]).to_numpy()
    said = [
        f"{route}: mean {scores[route].mean():.4f}, sd {scores[route].std():.4f}, "
        f"{scores[route].min():.4f} to {scores[route].max():.4f}"
        for route in ROUTES
    ]
    if len(gaps) > 1:
        low, high = stats.t.interval(0.95, len(gaps) - 1, gaps.mean(), stats.sem(gaps))
        said.append(
            f"compact - masked: {gaps.mean():+.4f} [{low:+.4f}, {high:+.4f}] (t, {len(gaps)} "
            f"seeds), sign flips p = {sign_flips(gaps).p_value:.3f}"
        )
    ratios = seconds["compact"] / seconds["masked"]
    said.append(
        f"processor time of compact over masked: {np.median(ratios):.3f} "
        f"({ratios.min():.3f} to {ratios.max():.3f})"
    )
    said += [
        f"{flag}: {int((lines['flag'] == flag).sum())} of {len(lines)} trainings" for flag in FAILED
    ]
    return "\n".join(said)


def main(arguments: list[str] | None = None) -> None:
    """Train, print every line as it comes, then the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check_routes", description=__doc__)
    parser.add_argument("mask", type=Path, help="a structured mask")
    parser.add_argument("--task", required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first", type=int, default=1, help="seed to begin with")
    parser.add_argument("--epochs", type=float, default=0.0, help="0 = as recorded")
    parser.add_argument("--precision", default="", help="empty = as recorded")
    parser.add_argument("--out", type=Path, help="CSV file of the trainings")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = []
    for line in trainings(Subnetwork.load(options.mask), options):
        found.append(line)
        print(*line.values(), flush=True)
    frame = pd.DataFrame(found)
    if options.out:
        write_csv(frame, options.out)
    print(compared(frame))


if __name__ == "__main__":
    main()
