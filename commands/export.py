"""The command that hands a whole run to other programs: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    folder: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    out: Annotated[Path, typer.Option("--out", help="folder for the tables")],
    form: Annotated[str, typer.Option("--format", help="csv or parquet")] = "csv",
    table: Annotated[
        list[str] | None, typer.Option("--table", help="only this table; repeat for several")
    ] = None,
) -> None:
    """Write a whole run as tidy tables with a data dictionary.

    Example: subprobe export runs/quickstart --format parquet --out tables
    """
    from ..analysis.export import export_run
    from ..analysis.run_folder import load_run

    counts = export_run(load_run(folder), out, form=form, tables=table or ())
    lines = ", ".join(f"{name} {count}" for name, count in counts.items())
    typer.echo(f"{len(counts)} tables in {out}: {lines}", err=True)
