"""The command about how much results vary over seeds: spread."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.seeds import LARGEST_NUMBER
from ..options import (
    AsJson,
    Correction,
    Overwrite,
    Seed,
    emit_tables,
    named,
    permutations_option,
    prepare_folder,
    writing,
)


def spread(
    folder: Annotated[Path, named("a run folder", "RUN")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            help="metric to report; one of the task or of a probe; repeat for several; "
            "default: the headline of each probe",
        ),
    ] = None,
    best_of: Annotated[
        int,
        typer.Option(
            "--best-of",
            min=0,
            max=10_000,
            help="largest number of trainings of which the best is expected; 0 = the number of "
            "seeds",
        ),
    ] = 0,
    budget: Annotated[
        list[int] | None,
        typer.Option(
            "--budget",
            min=1,
            max=200,
            help="complete trainings that plans with early stopping may cost; repeat for several; "
            "default: 1 to the number of recorded curves",
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            "--resamples",
            min=100,
            max=LARGEST_NUMBER,
            help="samples of trainings for plans with early stopping",
        ),
    ] = 50_000,
    permutations: Annotated[int, permutations_option(1_000_000)] = 2000,
    correction: Correction = "holm",
    seed: Seed = 0,
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Measure how much scores vary over seeds, and what the best of several trainings scores.

    Example: subprobe spread runs/quickstart --out spread
    """
    from ...analysis.run_folder.reading import load_manifest, load_rows
    from ...analysis.screen.spread import print_spread
    from ...analysis.spread.measure import Asked, measure_spread
    from ...analysis.spread.trainings import read_trainings, seeds_in

    out = prepare_folder(out, "spread", overwrite)
    rows = load_rows(folder)
    recorded = (folder / "manifest.json").is_file()
    manifest = load_manifest(folder) if recorded else {}
    asked = Asked(
        metrics=tuple(metric or ()),
        pairs=seeds_in(manifest),
        trainings=read_trainings(folder, manifest),
        budgets=tuple(budget or ()),
        n=best_of,
        n_missing=len(manifest.get("missing", ())),
        correction=correction,
        permutations=permutations,
        resamples=resamples,
        seed=seed,
    )
    found = measure_spread(rows, asked, where=str(folder))
    emit_tables(found.tables(), out, "spread", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        print_spread(found)
