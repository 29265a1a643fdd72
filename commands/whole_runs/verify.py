"""The command that checks the cells of a run: verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...data.errors import one_line
from ..options import AsJson, Quiet, Seed, named, progress_of

WRONG = 3
"""Exit code if a cell is damaged, missing or different."""


def verify(
    folder: Annotated[Path, named("a run folder", "RUN")],
    sample: Annotated[
        int,
        typer.Option("--sample", min=0, help="number of cells that are recomputed and compared"),
    ] = 0,
    every: Annotated[bool, typer.Option("--all", help="recompute every cell")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check the content of every file of a run, and compare recomputed cells with it byte by byte.

    The run folder is not changed. Exit code 3: a file is damaged or missing, or a recomputed cell
    differs; `subprobe run` computes damaged cells again.

    Example: subprobe verify runs/quickstart --sample 3
    """
    from ...analysis.upkeep.verify import verify_run

    found = verify_run(folder, sample=sample, seed=seed, every=every, progress=progress_of(quiet))
    if as_json:
        typer.echo(json.dumps(found.plain(), ensure_ascii=False))
    else:
        for line in found.lines():
            typer.echo(one_line(line))
    if not found.good:
        raise typer.Exit(WRONG)
