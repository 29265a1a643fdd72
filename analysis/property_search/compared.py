"""Tests of the differences between masks for a property and their controls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ...data.files.parquet_files import read_frame
from ...data.output.tables import ITEM_TYPES, items_frame, read_rows
from ..comparison.pairs import Model, Pair
from ..comparison.probe_comparisons import compare_models
from ..comparison.probe_items import probe_items
from ..comparison.probed_models import ProbedModels
from ..comparison.score_comparisons import joined
from ..comparison.seed_points import seed_points
from ..statistics.weighted import RESAMPLES
from .names import ITEMS, PROBE, REFIT, ROWS

_QUESTIONS = (
    (("good", "pretrained"), ("full", "pretrained"), "what the mask gains or loses"),
    (("good", "pretrained"), ("complement", "pretrained"), "whether the rest encodes it as well"),
    (("good", "pretrained"), ("random", "pretrained"), "whether it matters which units are kept"),
    (("good", "pretrained"), ("good", "untrained"), "what pretraining gives"),
    (("random", "pretrained"), ("full", "pretrained"), "what random loses"),
)


def is_search(folder: Path) -> bool:
    """Whether a folder contains the results of a search for a property."""
    return (folder / ROWS).is_file() and (folder / ITEMS).is_file()


def read_search(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows and the items of such a folder.

    Raises:
        DataFileError: if a file is damaged.
    """
    return read_rows(folder / ROWS), items_frame(read_frame(folder / ITEMS, list(ITEM_TYPES)))


def compared_masks(
    rows: pd.DataFrame,
    items: pd.DataFrame,
    *,
    correction: str = "holm",
    resamples: int = RESAMPLES,
) -> dict[str, pd.DataFrame]:
    """Differences of each mask from its controls, over the words of the same sentences.

    Sentences, or their documents, are resampled and exchanged, as for every probe; each penalty has
    its own lines, identified by `variant`.

    Args:
        rows: of a search.
        items: its items.
        correction: `holm` or `fdr_bh`.
        resamples: bootstrap samples.

    Returns:
        the available tables of `subprobe compare`: comparisons, tests, seed_points,
        comparison_notes.
    """
    scored = rows[rows["metric"].eq("accuracy")]
    parts = []
    for variant in scored["variant"].drop_duplicates():
        if not variant.startswith("lambda=") or not variant.endswith(REFIT):
            continue
        whole = scored["kind"].eq("full") & scored["variant"].eq(REFIT)
        mine = scored[scored["variant"].eq(variant) | whole]
        about = {name: mine[name].iloc[0] for name in ("model", "task")}
        models = _probed(mine, items, variant)
        seed = int(mine["seed"].iloc[0])
        pairs = list(_pairs(list(models.draws)))
        parts.append(compare_models(pairs, {seed: models}, about, resamples=resamples))
    found = joined(parts).corrected(correction)
    return {
        "comparisons": found.compared,
        "tests": found.tests,
        "seed_points": seed_points(rows),
        "comparison_notes": pd.DataFrame({"note": pd.array(found.notes, dtype="string")}),
    }


def _probed(rows: pd.DataFrame, items: pd.DataFrame, variant: str) -> ProbedModels:
    """The scored models, all under one variant: full encoders have no penalty."""
    models = ProbedModels()
    about = ["method", "kind", "state", "draw", "cell_id"]
    for (method, kind, state, draw, cell), mine in rows.groupby(about, sort=True):
        own = probe_items(items[items["cell_id"].eq(cell)].assign(variant=variant))
        if own is not None:
            models.add((method, kind, state), PROBE, mine, own, str(cell), int(draw))
    return models


def _pairs(models: list[Model]) -> Iterator[Pair]:
    by_kind = {model[1:]: model for model in models}
    for first, second, question in _QUESTIONS:
        if first in by_kind and second in by_kind:
            yield Pair(by_kind[first], by_kind[second], question)
