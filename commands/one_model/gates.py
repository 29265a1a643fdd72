"""The command about learned gates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import prepare_out
from ..flags import refuse
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Device,
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
    UntrainedNull,
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
    epochs: Annotated[int, typer.Option(help="passes over the data; for each penalty")] = 2,
    learning_rate: Annotated[float, typer.Option(help="peak learning rate; of the gates")] = 0.2,
    batch_size: Annotated[int, batch_size_option("8 (a batch shares one draw of the gates)")] = 0,
    limit: Limit = 0,
    seed: Seed = 0,
    train_encoder: Annotated[
        bool, typer.Option("--train-encoder", help="train the encoder with its gates, and save it")
    ] = False,
    null: UntrainedNull = "",
    draws: Annotated[
        int,
        typer.Option(
            help="random masks of each mask's size; with --null; 29 give a p-value", min=0
        ),
    ] = 5,
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
    from ...analysis.untrained_null.of_search import Null
    from ...pruning.search.learned_gates import L0Options

    control = Null.of(null, draws, seed, device)
    if control is None:
        refuse(("draws",), "gates without `null`")
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
    choice = task_choice(task, data_dir, column, quotes=quotes, as_classes=as_classes)
    loaded = open_for_task(
        model, choice, labels=labels, max_length=max_length, limit=limit, device=device,
        allow_no_specials=allow_no_specials, progress=progress, quiet=quiet,
    )  # fmt: skip
    recipe = None
    if control is not None:
        from ...analysis.untrained_null.retrained import check_recorded

        recipe = check_recorded(loaded)
    sweep = sweep_gates(loaded, penalty, options, out, progress, overwrite=overwrite)
    table = sweep_table(sweep, loaded.parts)
    rows = None
    if control is not None and recipe is not None:
        from ...analysis.untrained_null.of_gates import null_of_gates

        rows = null_of_gates(
            loaded, sweep, options, recipe, control, out, progress, overwrite=overwrite
        )
    if as_json:
        masks = [found.subnetwork.describe() for found in sweep.learned.values()]
        found = {"table": table, "masks": masks, "classes_by": loaded.classes_by}
        if rows is not None:
            found["null"] = json.loads(rows.to_json(orient="records"))
        typer.echo(json.dumps(found))
        return
    print_records(table, title=f"{loaded.parts.spec.name}, learned gates in {out}")
    for name in sweep.learned if rows is not None else ():
        from ...analysis.untrained_null.shown import shown

        mine = rows[rows["variant"].str.split(";").str[0].eq(f"lambda={name:g}")]
        print_records(shown(mine), title=f"penalty {name:g} and its untrained null")
