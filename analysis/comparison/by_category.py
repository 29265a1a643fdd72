"""Matthews correlation on the diagnostic set of GLUE, compared between the models of a run.

A correlation is no mean over pairs, so it cannot be resampled from sums as other results of probes
are: it is computed again from the predictions in each resample.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.files.parquet_files import DAMAGED_CELL, read_frame
from ...probes.diagnostics.entries import (
    ACCURACY,
    CATEGORY,
    GLUE_DIAGNOSTICS,
    MATTHEWS,
    OVERALL,
    metric_of,
)
from ..cell_output import check_as_written, check_own_items
from ..statistics.clusters import units_of
from ..statistics.variation import pairs_in
from ..statistics.weighted import RESAMPLES
from .pair_records import COMPARED, TESTED, frame_of
from .pairs import Model, pairs_of
from .run_items import Answers, model_columns
from .score_comparisons import Comparisons, compare_answers, joined

_COLUMNS = [
    "cell_id", "probe", "item_id", "cluster_id", "relation", "metric", "prediction", "gold",
]  # fmt: skip
Category = tuple[str, str]
"""Level and name; both are empty for the whole set."""


def compare_categories(
    rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES
) -> Comparisons:
    """Differences in Matthews correlation, on the whole diagnostic set and by coarse category.

    Pairs of sentences, or clusters of them, are resampled and exchanged as examples of a task are.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells, which hold the predictions.
        resamples: bootstrap samples.

    Returns:
        Differences and tests; p-values are not yet corrected.
    """
    mine = rows[rows["probe"].eq(GLUE_DIAGNOSTICS) & rows["metric"].eq(MATTHEWS)]
    mine = model_columns(mine[mine["cell_id"].fillna("").ne("")])
    parts = []
    for (model, task), scored in mine.groupby(["model", "task"], sort=False):
        of_category: dict[Category, dict[Model, dict[int, Answers]]] = {}
        for who, seed, found in _answers(scored, cells):
            for category, answers in found.items():
                of_category.setdefault(category, {}).setdefault(who, {})[seed] = answers
        for (level, name), every in of_category.items():
            about = {"model": model, "task": task, "probe": GLUE_DIAGNOSTICS,
                     "variant": scored["variant"].iloc[0], "relation": name or pd.NA}  # fmt: skip
            compared = compare_answers(
                pairs_of(list(every)), every, [MATTHEWS], about, pairs_in(scored),
                resamples=resamples,
            )  # fmt: skip
            parts.append(_named(compared, metric_of(level, MATTHEWS)))
    return joined(parts) if parts else Comparisons()


def _named(found: Comparisons, metric: str) -> Comparisons:
    """The lines about the correlation, under its name; right answers are compared elsewhere."""
    tests = found.tests[found.tests["metric"] == MATTHEWS]
    same = {"metric": metric, "primary": False}
    return Comparisons(
        frame_of(found.compared.assign(**same), COMPARED), frame_of(tests.assign(**same), TESTED)
    )


def _answers(
    rows: pd.DataFrame, cells: Path
) -> Iterator[tuple[Model, int, dict[Category, Answers]]]:
    """Model and seed with the answers of all draws, for what has items of the same pairs."""
    expected: dict[Category, tuple[str, ...]] = {}
    who = ["method", "kind", "state", "seed"]
    for (method, kind, state, seed), draws in rows.groupby(who, sort=False, observed=True):
        draws = draws.sort_values("draw", kind="stable")
        read = [_categories(cells / f"{cell}.parquet") for cell in draws["cell_id"]]
        found = {}
        for category in read[0]:
            said = [one[category] for one in read if category in one]
            ids = expected.setdefault(category, tuple(said[0]["item_id"]))
            if len(said) < len(read) or any(tuple(one["item_id"]) != ids for one in said):
                continue
            clusters = said[0]["cluster_id"]
            found[category] = Answers(
                ids,
                said[0]["gold"].to_numpy(np.float64),
                np.stack([one["prediction"].to_numpy(np.float64) for one in said], axis=1),
                tuple(int(draw) for draw in draws["draw"].fillna(0)),
                tuple(map(str, draws["cell_id"])),
                ", ".join(sorted({flag for flag in draws["flag"].dropna() if flag})),
                units_of(clusters.where(clusters.notna(), None).tolist()),
            )
        yield (str(method), str(kind), str(state)), int(seed), found


def _categories(path: Path) -> dict[Category, pd.DataFrame]:
    """The items of one cell by level and category; nothing without its file."""
    if not path.is_file():
        return {}
    check_as_written(path)
    items = read_frame(path, _COLUMNS, remedy=DAMAGED_CELL, seal=True)
    check_own_items(items["cell_id"].unique(), path)
    items = items[items["probe"] == GLUE_DIAGNOSTICS]
    levels = {metric_of(level, ACCURACY): level for level in (OVERALL, CATEGORY)}
    items = items[items["metric"].isin(list(levels))]
    named: dict[Any, pd.DataFrame] = dict(
        iter(items.groupby([items["metric"], items["relation"].fillna("")], sort=False))
    )
    return {(levels[str(metric)], str(name)): one for (metric, name), one in named.items()}
