"""The command about learned gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import prepare_out
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Device,
    GroupDisjoint,
    Labels,
    Limit,
    MaxLength,
    Model,
    NoSpecials,
    Overwrite,
    Quiet,
    Quotes,
    Seed,
    Task,
    batch_size_option,
    progress_of,
    writing,
)
from .task_model import open_for_task


def gates(
    model: Model,
    task: Task,
    out: Annotated[Path, writing("folder for the masks and sweep.csv")],
    penalty: Annotated[
        list[float],
        typer.Option(
            "--penalty",
            help="cost of open gates in the loss; per gate, with one gate per head; "
            "repeat to sweep",
        ),
    ],
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    epochs: Annotated[int, typer.Option(help="passes over the data; for each penalty")] = 2,
    learning_rate: Annotated[float, typer.Option(help="peak learning rate; of the gates")] = 0.2,
    batch_size: Annotated[int, batch_size_option("8 (a batch shares one draw of the gates)")] = 0,
    limit: Limit = 0,
    seed: Seed = 0,
    train_encoder: Annotated[
        bool, typer.Option("--train-encoder", help="train the encoder with its gates, and save it")
    ] = False,
    overwrite: Overwrite = False,
    labels: Labels = None,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn which heads to keep, by training gates under a penalty per head.

    Example: subprobe gates ./finetuned/acc-1 --task acceptability --penalty 0.005 --out gates
    """
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.screen.records import print_records
    from ...analysis.single.gate_sweep import GATES, sweep_gates, sweep_table
    from ...pruning.search.learned_gates import L0Options

    out = prepare_out(out, folder=GATES, overwrite=overwrite, reads=[model])
    options = L0Options(
        penalty=0.0,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size or L0Options.batch_size,
        frozen=not train_encoder,
        seed=seed,
    )
    progress = progress_of(quiet)
    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    loaded = open_for_task(
        model, choice, labels=labels, max_length=max_length, limit=limit, device=device,
        allow_no_specials=allow_no_specials, progress=progress, quiet=quiet,
    )  # fmt: skip
    sweep = sweep_gates(loaded, penalty, options, out, progress, overwrite=overwrite)
    table = sweep_table(sweep, loaded.parts)
    if as_json:
        masks = [found.subnetwork.describe() for found in sweep.learned.values()]
        found = {"table": table, "masks": masks, "classes_by": loaded.classes_by}
        typer.echo(json.dumps(found))
    else:
        print_records(table, title=f"{loaded.parts.spec.name}, learned gates in {out}")
