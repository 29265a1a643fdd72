"""Rows of one score: accuracy over words and over sentences, with intervals and baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import items_frame
from ..statistics.clusters import Floats, alone, count_of, limits, over_units, resampled, units_of
from ..statistics.paired import expanded_limits
from .names import PROBE
from .parts import Words

_CLUSTERS = 10
"""Minimum number of documents for documents, not sentences, to be the sampling unit."""


def score_rows(
    correct: Floats, words: Words, about: Mapping[str, Any], **more: Any
) -> list[dict[str, Any]]:
    """`accuracy` over words, and `accuracy_by_sentence`, the mean of sentences' means (published).

    Intervals resample documents, or sentences where there are no documents.

    Args:
        correct: correct words and all words of each sentence [N, 2].
        words: the parts; the baseline is the most frequent class of the train part.
        about: columns that name the model and the score.
        more: further columns of the first row, such as a p-value.
    """
    units = units_of_words(words)
    majority = majority_of(words)
    records = []
    means = np.stack([correct[:, 0] / correct[:, 1], np.ones(len(correct))], axis=1)
    chance = np.stack([majority[:, 0] / majority[:, 1], np.ones(len(correct))], axis=1)
    for metric, sums, baseline in (
        ("accuracy", correct, majority),
        ("accuracy_by_sentence", means, chance),
    ):
        value = float(sums[:, 0].sum() / sums[:, 1].sum())
        low, high, method = _interval(sums, units)
        records.append(
            {
                **about,
                "probe": PROBE,
                "unit": "model",
                **words.about(),
                "split": words.split,
                "metric": metric,
                "value": value,
                "ci_low": low,
                "ci_high": high,
                "ci_method": method,
                "n": int(sums[:, 1].sum()),
                "n_clusters": count_of(units),
                "n_dropped": words.test.n_words_dropped,
                "baseline": "majority",
                "baseline_value": float(baseline[:, 0].sum() / baseline[:, 1].sum()),
            }
        )
    records[0] |= more
    return records


def score_items(correct: Floats, words: Words, about: Mapping[str, Any]) -> pd.DataFrame:
    """The items of one score: correct words and all words of each sentence.

    Args:
        correct: correct words and all words of each sentence [N, 2].
        words: the parts.
        about: columns that name the model and the score.
    """
    sentences = words.test.sentences
    ids = [one.id for one in sentences]
    frame = pd.DataFrame(
        {
            "item_id": ids,
            "sentence_id": ids,
            "cluster_id": [one.document or None for one in sentences]
            if _clustered(words)
            else None,
            "numerator": correct[:, 0],
            "denominator": correct[:, 1],
        }
    )
    about = {name: about[name] for name in ("cell_id", "variant")}
    return items_frame(frame.assign(**about, probe=PROBE, metric="accuracy"))


def size_rows(
    sizes: Mapping[str, tuple[float, int | None]], words: Words, about: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """One row for each number that says how large a mask or probe is.

    Args:
        sizes: metric -> value and, for counts, how many there are.
        words: the parts.
        about: columns that name the model and the score.
    """
    return [
        {
            **about, "probe": PROBE, "unit": "model", **words.about(),
            "metric": metric, "value": float(value), "n": n,
        }
        for metric, (value, n) in sizes.items()
    ]  # fmt: skip


def units_of_words(words: Words) -> npt.NDArray[np.int64]:
    """The document of each sentence if there are several; else each sentence is its own unit."""
    clustered = _clustered(words)
    return units_of([one.document or None if clustered else None for one in words.test.sentences])


def _clustered(words: Words) -> bool:
    return len({one.document for one in words.test.sentences} - {""}) >= _CLUSTERS


def majority_of(words: Words) -> Floats:
    """Words of the train part's most frequent class, and all words, of each sentence [N, 2]."""
    counts = np.bincount(np.concatenate(words.train.gold), minlength=len(words.train.classes))
    most = int(counts.argmax())
    return np.array([((gold == most).sum(), len(gold)) for gold in words.test.gold], dtype=float)


def _interval(sums: Floats, units: npt.NDArray[np.int64]) -> tuple[float, float, str]:
    n = count_of(units)
    if n < 2:
        return float("nan"), float("nan"), "no interval: there is only one independent unit"
    drawn = resampled(over_units(sums, units), 0)
    ratio = drawn[:, 0] / drawn[:, 1]
    if np.ptp(ratio) <= 1e-12:
        return float("nan"), float("nan"), f"no interval: all resamples score {ratio[0]:.4g}"
    if alone(units):
        low, high = limits(ratio[:, None])[0]
        return float(low), float(high), f"percentile bootstrap over sentences ({len(ratio)})"
    low, high = expanded_limits(ratio, n)
    return low, high, f"percentile bootstrap over {n} documents ({len(ratio)})"


def curve_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One record per scored model: accuracy and size, for plots and screens."""
    points: dict[tuple[Any, ...], dict[str, Any]] = {}
    named = ("encoder", "kind", "score", "lambda", "units", "rank", "draw")
    for row in rows:
        settings = dict(part.split("=", 1) for part in str(row["variant"]).split(";"))
        about = {
            "encoder": row["state"], "kind": row["kind"], "draw": row.get("draw"), **settings,
        }  # fmt: skip
        key = tuple(about.get(name) for name in named)
        point = points.setdefault(key, {name: about.get(name) for name in named})
        if row["metric"] == "accuracy":
            point |= {
                name: row.get(name)
                for name in ("value", "ci_low", "ci_high", "baseline_value", "p_value", "flag")
            }
        elif row["metric"] != "accuracy_by_sentence":
            point[row["metric"]] = row["value"]
    return list(points.values())
