"""The command about splits that keep groups of examples apart: groups."""

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
    Overwrite,
    OwnTask,
    Quiet,
    Quotes,
    emit_tables,
    limit_option,
    max_length_option,
    prepare_folder,
    progress_of,
    seed_option,
    tell,
    writing,
)


def groups(
    task: OwnTask,
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_folds: Annotated[int, typer.Option(help="number of folds of groups", min=2)] = 5,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "--k",
            help="examples of each held-out group that are added to training; repeat for several; "
            "default: 1",
            min=1,
        ),
    ] = None,
    largest: Annotated[
        int, typer.Option(help="number of groups, the largest, that are predicted", min=2)
    ] = 20,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="encoder that is fine-tuned as a classifier; in each fold, instead of n-grams; "
            "embedded, ./folder or hub id",
        ),
    ] = None,
    epochs: EncoderEpochs = 0,
    max_length: Annotated[int, max_length_option("recorded for the model")] = 0,
    limit: Annotated[int, limit_option()] = 0,
    seed: Annotated[int, seed_option("folds, task head")] = 1,
    device: Device = "auto",
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test whether a score depends on groups, such as annotators, that training has seen.

    Example: subprobe groups stance --data-dir ./stance --column first=text --column label=side
    --column group=annotator
    """
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.groups.shown import LEGEND, shown_groups
    from ...analysis.groups.task import group_splits
    from ...analysis.screen.records import print_lines, print_records
    from ..flags import COMMAND_LINE

    out = prepare_folder(out, "groups", overwrite)
    choice = task_choice(task, data_dir, column, quotes=quotes, as_classes=as_classes)
    recipe = {"epochs": epochs, "max_length": max_length}
    options = parse_config({"recipe": recipe}, where=COMMAND_LINE).recipe
    found = group_splits(
        choice,
        encoder=encoder,
        options=options,
        folds=group_folds,
        added=tuple(k or (1,)),
        largest=largest,
        limit=limit,
        seed=seed,
        device=device,
        progress=progress_of(quiet),
    )
    emit_tables(found.tables(), out, "groups", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        title, records, keep = shown_groups(found)
        print_records(records, title=title, keep=keep)
        print_lines([*found.notes, LEGEND])
    elif not quiet:
        tell(found.notes)
