"""The command about GLUE as a whole: glue."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import AsJson, Overwrite, named, prepare_table, writing


def glue(
    folders: Annotated[list[Path], named("run folders", "RUN...")],
    out: Annotated[Path | None, writing("CSV or Parquet file")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Average the scores of each kind of subnetwork over the tasks of GLUE.

    Example: subprobe glue runs/mrpc runs/cola
    """
    from ...analysis.glue.mean import glue_table
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.screen.glue import print_glue
    from ...data.output.tables import write_csv, write_parquet

    out = prepare_table(out, overwrite, *folders)
    table = glue_table([(load_rows(folder), folder / "cells") for folder in folders])
    if out is not None:
        (write_parquet if out.suffix.lower() == ".parquet" else write_csv)(table, out)
        typer.echo(f"{len(table)} rows in {out}", err=True)
    if as_json:
        typer.echo(table.to_json(orient="records"))
    elif out is None:
        print_glue(table)
