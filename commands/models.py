"""The commands about one model and its masks: finetune, prune, sample, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    AsJson,
    Columns,
    DataDir,
    MaskIn,
    MaxLength,
    Model,
    NoSpecials,
    Quiet,
    Task,
    emit,
    progress_of,
)


def finetune(
    out: Annotated[Path, typer.Option("--out", help="folder for the fine-tuned model")],
    task: Task,
    model: Annotated[
        str, typer.Option("--model", help="embedded, ./folder or hub id")
    ] = "embedded",
    data_dir: DataDir = None,
    column: Columns = None,
    seed: Annotated[int, typer.Option(help="initialises the task head")] = 1,
    order_seed: Annotated[
        int | None, typer.Option(help="orders the examples and drops out; default: --seed")
    ] = None,
    selection: Annotated[
        str, typer.Option(help="held-out sets examples aside for choosing masks; or reported")
    ] = "held-out",
    learning_rate: Annotated[float, typer.Option(help="0 = recorded for the model")] = 0.0,
    epochs: Annotated[float, typer.Option(help="0 = recorded for the model")] = 0.0,
    batch_size: Annotated[int, typer.Option(help="0 = recorded for the model")] = 0,
    max_length: Annotated[int, typer.Option(help="subwords kept; 0 = recorded")] = 0,
    precision: Annotated[
        str, typer.Option(help="float32 or bfloat16; default: recorded for the model")
    ] = "",
    mask: Annotated[
        Path | None, typer.Option(help="retrain this subnetwork on the pretrained weights")
    ] = None,
    route: Annotated[
        str, typer.Option(help="of a mask: masked, or compact (faster; heads and MLPs only)")
    ] = "masked",
    allow_no_specials: NoSpecials = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune an encoder on a task, whole or under a mask.

    Example: subprobe finetune --task acceptability --seed 1 --out ./models/acc-1

    Example: subprobe finetune --task acceptability --mask good.safetensors --out ./models/good-1
    """
    from ..analysis.running.config import parse_config
    from ..analysis.running.single import fine_tune_to_folder, task_choice
    from ..pruning.subnetwork import Subnetwork

    recipe = {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "max_length": max_length,
        "precision": precision,
    }
    options = parse_config(
        {"recipe": recipe, "prune": {"selection": selection}, "retrain": {"route": route}},
        where="command line",
    )
    meta = fine_tune_to_folder(
        model,
        task_choice(task, data_dir, column),
        out,
        seed=seed,
        order_seed=seed if order_seed is None else order_seed,
        selection=selection,
        options=options.recipe,
        progress=progress_of(quiet),
        mask=Subnetwork.load(mask) if mask else None,
        route=route,
        allow_no_specials=allow_no_specials,
    )
    typer.echo(json.dumps(meta) if as_json else f"fine-tuned model in {out}", err=not as_json)


def prune(
    model: Model,
    task: Task,
    out: Annotated[Path, typer.Option("--out", help="mask file (.safetensors)")],
    data_dir: DataDir = None,
    column: Columns = None,
    method: Annotated[
        str,
        typer.Option(
            help="structured (heads and MLPs), structured-heads, structured-mlps, "
            "structured-neurons, or magnitude (single weights)"
        ),
    ] = "structured",
    importance: Annotated[
        str, typer.Option(help="what units are ranked by; see: subprobe list importance")
    ] = "gate-example",
    normalise: Annotated[str, typer.Option(help="l2 (by layer) or none")] = "l2",
    rule: Annotated[
        str, typer.Option(help="gain (over the majority), study, or absolute")
    ] = "gain",
    threshold: Annotated[float, typer.Option(help="share, or metric, that must be kept")] = 0.9,
    keep: Annotated[
        float, typer.Option(help="share of the units to keep, whatever the metric does")
    ] = 0.0,
    min_heads: Annotated[int, typer.Option(help="heads that every layer keeps at least")] = 0,
    folds: Annotated[
        int, typer.Option(help="choose the size by cross-validation with so many folds; 0 = none")
    ] = 0,
    selection: Annotated[
        str,
        typer.Option(
            help="what masks are chosen on: held-out, or reported (the study's way); default: as "
            "the model was fine-tuned"
        ),
    ] = "",
    scores: Annotated[str, typer.Option(help="default or study")] = "default",
    batch_size: Annotated[int, typer.Option(help="examples a scoring batch")] = 64,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the good subnetwork of a fine-tuned model.

    Example: subprobe prune ./models/acc-1 --task acceptability --out good.safetensors
    """
    from ..analysis.running.config import parse_config
    from ..analysis.running.single import load_for_task, prune_to_mask, task_choice
    from ..analysis.screen.console import print_mask

    given = {
        "methods": [method],
        "importance": importance,
        "normalise": normalise,
        "rule": rule,
        "threshold": threshold,
        "keep": keep,
        "min_heads": min_heads,
        "scores": scores,
        "batch_size": batch_size,
        **({"selection": selection} if selection else {}),
        **({"selection": "cross-validation", "folds": folds} if folds else {}),
    }
    options = parse_config({"prune": given}, where="command line").prune
    choice = task_choice(task, data_dir, column)
    progress = progress_of(quiet)
    loaded = load_for_task(
        model, choice, selection="" if folds else selection, max_length=max_length,
        allow_no_specials=allow_no_specials, progress=progress,
    )  # fmt: skip
    good = prune_to_mask(loaded, options, out, progress)
    typer.echo(json.dumps(good.describe())) if as_json else print_mask(good, out)


def sample_mask(
    masks: Annotated[
        list[Path],
        typer.Argument(help="a good mask, or those of several seeds", metavar="MASK..."),
    ],
    kind: Annotated[
        str, typer.Option("--kind", help="random, bad; of several seeds: super, anti, middle")
    ],
    out: Annotated[Path, typer.Option("--out", help="mask file (.safetensors)")],
    seed: Annotated[int, typer.Option(help="same seed, same bytes")] = 0,
    draw: Annotated[int, typer.Option(help="number of the draw")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw a random or bad subnetwork of exactly a good one's size, or one across seeds.

    Example: subprobe sample good.safetensors --kind bad --seed 1 --out bad.safetensors
    """
    from ..analysis.screen.console import print_mask
    from ..pruning.controls import sample
    from ..pruning.subnetwork import Subnetwork

    drawn = sample(kind, [Subnetwork.load(mask) for mask in masks], seed=seed, draw=draw)
    drawn.save(out)
    typer.echo(json.dumps(drawn.describe())) if as_json else print_mask(drawn, out)


def evaluate(
    model: Model,
    task: Task,
    mask: MaskIn = None,
    data_dir: DataDir = None,
    column: Columns = None,
    other_weights: Annotated[
        bool, typer.Option("--other-weights", help="accept a mask found on other weights")
    ] = False,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    out: Annotated[Path | None, typer.Option("--out", help="CSV or Parquet file")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score a fine-tuned model, whole or under a mask.

    Example: subprobe evaluate ./models/acc-1 --mask good.safetensors --task acceptability
    """
    from ..analysis.running.masks import load_mask
    from ..analysis.running.single import evaluate_rows, load_for_task, task_choice

    progress = progress_of(quiet)
    loaded = load_for_task(
        model, task_choice(task, data_dir, column), max_length=max_length,
        allow_no_specials=allow_no_specials, progress=progress,
    )  # fmt: skip
    chosen = load_mask(mask, loaded.model, name=loaded.name, other_weights=other_weights)
    emit(evaluate_rows(loaded, chosen, progress), out, as_json)
