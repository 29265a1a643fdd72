"""Pictures of what masked language models prefer, by construction and kind of subnetwork."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...probes.registry import find_probe
from ..verdict.answer import Answer
from .charts import Figure, file_name, spec_of
from .differences import (
    Items,
    compared,
    difference_panels,
    differences,
    how_to_read,
    ordered,
    said_differences,
)
from .probe_figures import SHOWN, claim, lines_of, means

LANGUAGE = "language"
"""The figure of an entry whose headline is an accuracy for each construction."""

CONSTRUCTIONS = Items("relation", "difference in accuracy", "pairs")


def language_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy on each construction, compared with random subnetworks: one figure per score."""
    lines, draws = lines_of(answer, LANGUAGE), lines_of(answer, LANGUAGE, "summary_probe_draws")
    # means over constructions have other metrics
    lines, draws = (one[one["metric"].str.startswith("accuracy")] for one in (lines, draws))
    for (probe, metric), mine in lines.groupby(["probe", "metric"], sort=False):
        each = draws[(draws["probe"] == probe) & (draws["metric"] == metric)]
        table = compared(differences(each, "relation"), CONSTRUCTIONS)
        if table.empty:
            continue
        order = ordered(table, CONSTRUCTIONS)
        parts = is_part(mine["relation"])
        noun = "groups of pairs" if parts.any() else "constructions"
        overlap = " A pair counts in its file and in each of its groups." * bool(parts.any())
        yield Figure(
            file_name(f"{probe}-{str(metric).removeprefix('accuracy_')}", answer.label),
            claim(answer, f"{probe} accuracy", noun, table, CONSTRUCTIONS),
            f"Accuracy of the probe {probe} ({find_probe(str(probe)).help}), compared with random "
            f"subnetworks of the same size. {how_to_read(table, CONSTRUCTIONS)}{overlap} The table "
            "has the accuracies themselves, and those of the full model.",
            f"Good minus random. {said_differences(table, CONSTRUCTIONS, order)}. Means over "
            f"{'files' if parts.any() else 'constructions'}: {means(mine[~parts])}.",
            spec_of(difference_panels(each, CONSTRUCTIONS, order)),
            mine[SHOWN],
            "summary_probes.csv",
        )


def is_part(relations: pd.Series[str]) -> pd.Series[bool]:
    """Whether each relation is a part of another one, as `FILE/GROUP` is of `FILE`."""
    return relations.str.split("/").str[0].isin(set(relations)) & relations.str.contains("/")
