"""The command about annotation artefacts of a task: artefacts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Device,
    EncoderEpochs,
    GroupDisjoint,
    Limit,
    Overwrite,
    OwnTask,
    Quiet,
    Quotes,
    Selection,
    emit_tables,
    max_length_option,
    prepare_folder,
    progress_of,
    seed_option,
    tell,
    writing,
)


def artefacts(
    task: OwnTask,
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    only: Annotated[
        str, typer.Option("--only", help="text of a pair that is read: second (default) or first")
    ] = "",
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="encoder that is fine-tuned as a classifier; in addition to n-grams; embedded, "
            "./folder or hub id",
        ),
    ] = None,
    epochs: EncoderEpochs = 0,
    max_length: Annotated[int, max_length_option("recorded for the model")] = 0,
    smoothing: Annotated[
        float, typer.Option(help="added to each count of words before PMI", min=0.0, max=1e9)
    ] = 100.0,
    top: Annotated[int, typer.Option(help="words per class", min=1)] = 10,
    selection: Selection = "held-out",
    limit: Limit = 0,
    seed: Annotated[int, seed_option("held-out examples, task head, bootstrap")] = 1,
    device: Device = "auto",
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test whether part of the input already predicts the classes of a task.

    Example: subprobe artefacts entailment --out artefacts

    Example: subprobe artefacts RTE --data-dir ./glue --encoder embedded
    """
    from ...analysis.artefacts.shown import LEGEND, shown_artefacts
    from ...analysis.artefacts.task import artefacts_of
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.screen.records import print_lines, print_records
    from ..flags import COMMAND_LINE

    out = prepare_folder(out, "artefacts", overwrite)
    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    recipe = {"epochs": epochs, "max_length": max_length}
    options = parse_config({"recipe": recipe}, where=COMMAND_LINE).recipe
    found = artefacts_of(
        choice,
        only_text=only,
        encoder=encoder,
        options=options,
        smoothing=smoothing,
        top=top,
        selection=selection,
        limit=limit,
        seed=seed,
        device=device,
        progress=progress_of(quiet),
    )
    emit_tables(found.tables(), out, "artefacts", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        for title, records, keep in shown_artefacts(found):
            print_records(records, title=title, keep=keep)
        print_lines([*found.notes, LEGEND])
    elif not quiet:
        tell(found.notes)
