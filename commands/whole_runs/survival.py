"""The command about which heads survive pruning: survival."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import (
    AsJson,
    Overwrite,
    Seed,
    emit_tables,
    named,
    permutations_option,
    prepare_folder,
    writing,
)


def survival(
    folder: Annotated[Path, named("a run folder", "RUN")],
    state: Annotated[
        str,
        typer.Option(help="full model in which heads are measured: finetuned or pretrained"),
    ] = "finetuned",
    permutations: Annotated[int, permutations_option(100_000)] = 1000,
    seed: Seed = 0,
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Test which properties of heads in the full model predict that pruning keeps them.

    Example: subprobe survival runs/quickstart --out survival
    """
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.screen.survival_content import print_survival
    from ...analysis.survival_content.measure import measure_survival
    from ...data.errors import UnknownNameError

    if state not in ("finetuned", "pretrained"):
        raise UnknownNameError("state", state, ("finetuned", "pretrained"))
    out = prepare_folder(out, "survival", overwrite)
    found = measure_survival(load_rows(folder), state=state, draws=permutations, seed=seed)
    emit_tables(found.tables(), out, "survival", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        print_survival(found)
