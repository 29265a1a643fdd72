"""The command that shows how a task's files are read: data."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ..flags import as_flags
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    GroupDisjoint,
    Limit,
    Model,
    Quotes,
    Selection,
    Task,
    max_length_option,
    seed_option,
)


def data(
    model: Model,
    task: Task,
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    seed: Annotated[int, seed_option("the examples that masks are chosen on")] = 1,
    selection: Selection = "held-out",
    max_length: Annotated[int, max_length_option("recorded for the model")] = 0,
    limit: Limit = 0,
    as_json: AsJson = False,
) -> None:
    """Show how a task's files are read, in subwords of the model; train nothing.

    Example: subprobe data embedded --task stance --data-dir ./stance --column first=text
    --column label=side
    """
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.single.training import look_at
    from ...analysis.steps.data_summary import summary_lines

    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    summary = look_at(
        model, choice, seed=seed, selection=selection, max_length=max_length, limit=limit
    )
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        typer.echo(as_flags("\n".join(summary_lines(summary))))
