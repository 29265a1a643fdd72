"""The command about learned gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    AsJson,
    Columns,
    DataDir,
    MaxLength,
    Model,
    NoSpecials,
    Quiet,
    Task,
    progress_of,
)


def gates(
    model: Model,
    task: Task,
    out: Annotated[Path, typer.Option("--out", help="folder for the masks and sweep.csv")],
    penalty: Annotated[
        list[float], typer.Option("--penalty", help="loss a head must be worth; repeat to sweep")
    ],
    data_dir: DataDir = None,
    column: Columns = None,
    epochs: Annotated[int, typer.Option(help="passes over train for each penalty")] = 2,
    learning_rate: Annotated[float, typer.Option(help="of the gates")] = 0.2,
    batch_size: Annotated[int, typer.Option(help="examples that share a draw of gates")] = 8,
    seed: Annotated[int, typer.Option(help="orders the examples, draws the gates")] = 0,
    train_encoder: Annotated[
        bool, typer.Option("--train-encoder", help="train the encoder with its gates, and save it")
    ] = False,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn which heads are worth a penalty, by gates trained with it.

    Example: subprobe gates ./models/acc-1 --task acceptability --penalty 0.005 --out gates
    """
    from ..analysis.running.gate_sweep import sweep_gates, sweep_table
    from ..analysis.running.single import load_for_task, task_choice
    from ..analysis.screen.console import print_records
    from ..pruning.learned_gates import L0Options

    options = L0Options(
        penalty=0.0,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        frozen=not train_encoder,
        seed=seed,
    )
    progress = progress_of(quiet)
    loaded = load_for_task(
        model, task_choice(task, data_dir, column), max_length=max_length,
        allow_no_specials=allow_no_specials, progress=progress,
    )  # fmt: skip
    sweep = sweep_gates(loaded, penalty, options, out, progress)
    table = sweep_table(sweep, loaded.parts)
    if as_json:
        masks = [found.subnetwork.describe() for found in sweep.learned.values()]
        typer.echo(json.dumps({"table": table, "masks": masks}))
    else:
        print_records(table, title=f"{loaded.parts.spec.name}, learned gates in {out}")
