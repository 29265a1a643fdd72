"""Train subnetworks for longer, at other rates, on more examples: what do they need to learn?

For each good mask, the full model and random and bad masks of the good one's size are trained on an
embedded task with every combination of the options. It made the table of
docs/training-of-subnetworks.md.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from subprobe.analysis.configuration.config import RecipeOptions
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.configuration.recipe import chosen_recipe
from subprobe.analysis.steps.outcome import outcome
from subprobe.analysis.steps.performance import performance_rows
from subprobe.analysis.steps.selection import parts_for
from subprobe.analysis.wording import between, decimal
from subprobe.data.generator.sampling import SIZES
from subprobe.data.output.tables import write_csv
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import resolve_model
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.finetune import ROUTES
from subprobe.pruning.controls import CONTROLS

KINDS = ("full", "good", *CONTROLS)


def mask_of(kind: str, good: Subnetwork, draw: int) -> Subnetwork | None:
    """The mask that a kind of model is trained under; None for the full one."""
    if kind == "full":
        return None
    return good if kind == "good" else CONTROLS[kind](good, seed=good.seed_init, draw=draw)


def trainings(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line for each mask, kind and way of training."""
    from .training import scored_training

    source = resolve_model(options.model)
    ways = list(
        itertools.product(options.examples, options.epochs, options.learning_rate, options.warmup)
    )
    for path, (examples, epochs, rate, warmup), kind in itertools.product(
        options.masks, ways, options.kind
    ):
        good = Subnetwork.load(path)
        seed, mask = good.seed_init, mask_of(kind, good, options.draw)
        data = load_task(options.task, sizes={**SIZES, "train": examples})
        parts = parts_for(data, PruneOptions(), seed=seed)
        given = RecipeOptions(precision=options.precision, epochs=epochs, learning_rate=rate)
        recipe = replace(chosen_recipe(source, data.spec.name, given), warmup=warmup)
        route = "masked" if mask is None else options.route
        trained, scored, seconds = scored_training(
            options.model, parts, recipe, seed=seed, mask=mask, route=route
        )
        line = performance_rows(scored, parts).iloc[0]
        kept = good.counts()
        yield {
            "task": options.task, "seed": seed, "kind": kind, "draw": options.draw,
            "heads": kept["heads"][mask is None], "mlps": kept["mlps"][mask is None],
            "route": route, "precision": recipe.precision, "examples": examples,
            "epochs": recipe.epochs, "steps": trained.steps, "batch_size": recipe.batch_size,
            "learning_rate": recipe.learning_rate, "warmup": warmup, "loss": trained.losses[-1],
            "metric": line["metric"], "value": line["value"], "ci_low": line["ci_low"],
            "ci_high": line["ci_high"], "n": line["n"], "baseline_value": line["baseline_value"],
            "flag": outcome(trained, parts, recipe, mask).flag, "seconds": round(seconds, 1),
        }  # fmt: skip


def markdown(lines: pd.DataFrame) -> str:
    """The trainings as the table of the docs."""
    said = [
        "| seed | mask | heads, MLPs | examples | epochs (steps) | rate | route | score | flag "
        "| processor s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines.itertuples():
        precision = "" if line.precision == "float32" else f", {line.precision}"
        said.append(
            f"| {line.seed} | {line.kind} | {line.heads}, {line.mlps} | {line.examples:,} "
            f"| {line.epochs:g} ({line.steps:,}) | {line.learning_rate:g} "
            f"| {line.route}{precision} "
            f"| {decimal(line.value, 3)} {between(line.ci_low, line.ci_high)} | {line.flag or ''} "
            f"| {line.seconds:.0f} |"
        )
    return "\n".join(said)


def main(arguments: list[str] | None = None) -> None:
    """Train, print every line as it comes, then the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.check_training", description=__doc__
    )
    parser.add_argument("masks", type=Path, nargs="+", help="good masks, each with its seed")
    parser.add_argument("--task", default="acceptability", help="an embedded task")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--kind", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--draw", type=int, default=0, help="of random and bad")
    parser.add_argument("--examples", type=int, nargs="+", default=[SIZES["train"]])
    parser.add_argument("--epochs", type=float, nargs="+", default=[0.0], help="0 = as recorded")
    parser.add_argument(
        "--learning-rate", type=float, nargs="+", default=[0.0], help="0 = as recorded"
    )
    parser.add_argument("--warmup", type=float, nargs="+", default=[0.1], help="share of the steps")
    parser.add_argument("--route", choices=ROUTES, default="compact")
    parser.add_argument("--precision", default="", help="empty = as recorded")
    parser.add_argument("--out", type=Path, help="CSV file of the trainings")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = []
    for line in trainings(options):
        found.append(line)
        print(*line.values(), flush=True)
        if options.out:
            write_csv(pd.DataFrame(found), options.out)
    print(markdown(pd.DataFrame(found)))


if __name__ == "__main__":
    main()
