"""The command about what survivors were: survival."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, as_seed


def survival(
    folder: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    state: Annotated[
        str,
        typer.Option(help="full model that heads are measured on: finetuned or pretrained"),
    ] = "finetuned",
    draws: Annotated[int, typer.Option(help="permutations", min=99, max=100_000)] = 1000,
    seed: Annotated[int, typer.Option(help="same seed, same numbers", callback=as_seed)] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="folder for CSV tables")] = None,
    as_json: AsJson = False,
) -> None:
    """Test whether what a head does in the full model predicts that pruning keeps it.

    Example: subprobe survival runs/quickstart --out survival
    """
    from ..analysis.run_folder import load_rows
    from ..analysis.screen.survival_content import print_survival
    from ..analysis.survival_content.measure import measure_survival
    from ..data.atomic import check_folder
    from ..data.errors import UnknownNameError
    from ..data.tables import write_csv

    if state not in ("finetuned", "pretrained"):
        raise UnknownNameError("state", state, ("finetuned", "pretrained"))
    if out is not None:
        check_folder(out)
    found = measure_survival(load_rows(folder), state=state, draws=draws, seed=seed)
    if out is not None:
        tables = found.tables()
        for name, table in tables.items():
            write_csv(table, out / f"{name}.csv")
        typer.echo(f"{len(tables)} tables in {out}", err=True)
    if as_json:
        records = {
            name: json.loads(table.to_json(orient="records"))
            for name, table in found.tables().items()
        }
        typer.echo(json.dumps(records, ensure_ascii=False))
    elif out is None:
        print_survival(found)
