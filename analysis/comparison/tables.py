"""Every table of `subprobe compare`, for one run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..flags import ABOUT, FAILED
from ..statistics.variation import pairs_in
from ..statistics.weighted import RESAMPLES
from .by_category import compare_categories
from .mixed_model import mixed_models
from .probe_comparisons import compare_probes
from .score_comparisons import compare_scores, joined
from .seed_points import over_seeds, seed_points

_OF_PROBES = (compare_probes, compare_categories)


def comparison_tables(
    rows: pd.DataFrame,
    cells: Path,
    *,
    probes: bool = True,
    correction: str = "holm",
    resamples: int = RESAMPLES,
) -> dict[str, pd.DataFrame]:
    """Comparisons, tests, seeds, the mixed model and what could not be said, by file name.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        probes: also compare what the models know; reads every probe's items.
        correction: `holm` or `fdr_bh`.
        resamples: bootstrap samples.
    """
    found = compare_scores(rows, cells, resamples=resamples)
    if probes:
        more = [make(rows, cells, resamples=resamples) for make in _OF_PROBES]
        found = joined([found, *more])
    found = found.corrected(correction)
    mixed, unfitted = mixed_models(rows, correction=correction)
    points = seed_points(rows)
    notes = [*found.notes, *unfitted, *_failed(points)]
    return {
        "comparisons": found.compared,
        "tests": found.tests,
        "seed_points": points,
        "over_seeds": over_seeds(points, pairs_in(rows)),
        "mixed_model": mixed,
        "comparison_notes": pd.DataFrame({"note": pd.array(notes, dtype="string")}),
    }


def _failed(points: pd.DataFrame) -> list[str]:
    said = []
    for flag in FAILED:
        mine = points[(points["probe"] == "performance") & points["flag"].str.contains(flag)]
        trained = mine.drop_duplicates(["model", "task", "method", "kind", "state", "seed"])
        said += [
            f"{line.task}: {line.kind} {line.state} of {line.method}, seed {line.seed}, "
            f"{ABOUT[flag]}"
            for line in trained.itertuples()
        ]
    return said
