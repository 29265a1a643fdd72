"""The command that writes the tables of a run for other programs: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import prepare_out
from ..options import Overwrite, named, writing


def export(
    folder: Annotated[Path, named("a run folder", "RUN")],
    out: Annotated[Path, writing("folder for the tables")],
    form: Annotated[str, typer.Option("--format", help="csv or parquet")] = "csv",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="only this table; repeat for several")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a whole run as tidy tables with a data dictionary.

    Example: subprobe export runs/quickstart --format parquet --out tables
    """
    from ...analysis.run_folder.export import export_run
    from ...analysis.run_folder.reading import load_run

    out = prepare_out(out, folder=f"export {form}", overwrite=overwrite)
    run = load_run(folder)
    counts = export_run(run, out, form=form, tables=table or (), overwrite=overwrite)
    lines = ", ".join(f"{name} {count}" for name, count in counts.items())
    typer.echo(f"{len(counts)} tables in {out}: {lines}", err=True)
