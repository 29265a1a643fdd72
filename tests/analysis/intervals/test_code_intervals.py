"""Intervals of codelengths are those of the ratio of bits by words over resampled sentences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.intervals.code_intervals import code_intervals
from subprobe.analysis.statistics.clusters import RESAMPLES
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.forward.base import ProbeResult

N, K = 60, 5
DRAW = np.random.default_rng(0)
WORDS = DRAW.integers(1, 20, size=N)
BITS = {variant: WORDS * DRAW.uniform(0.2, 1.4, size=N) for variant in ("own", "own;control=types")}
GUESSED = np.where(np.arange(N) < 3, 0, WORDS)
RIGHT = GUESSED * DRAW.uniform(0, 1, size=N)


def result(clusters: Any = None) -> ProbeResult:
    """What `mdl` gives of one state under two assignments of labels."""
    rows, items = [], []
    uniform = math.log2(K)
    for variant, bits in BITS.items():
        about = {"probe": "mdl", "variant": variant, "unit": "layer", "layer": 2,
                 "relation": "upos", "n": int(WORDS.sum()), "baseline": "uniform code"}  # fmt: skip
        total = bits.sum()
        rows += [
            {**about, "metric": "codelength", "value": total},
            {**about, "metric": "codelength", "value": total, "baseline": "label entropy"},
            {**about, "metric": "bits_per_word", "value": total / WORDS.sum(),
             "baseline_value": uniform},
            {**about, "metric": "compression", "value": WORDS.sum() * uniform / total},
            {**about, "metric": "codelength_sd", "value": 1.0},
            {**about, "metric": "learning_curve_area", "value": RIGHT.sum() / GUESSED.sum()},
        ]  # fmt: skip
        for metric, tops, counts in (
            ("bits_per_word", bits, WORDS), ("learning_curve_area", RIGHT, GUESSED),
        ):  # fmt: skip
            items += [
                {"item_id": f"e{i}", "sentence_id": f"s{i}", "variant": variant, "layer": 2,
                 "metric": metric, "numerator": tops[i], "denominator": counts[i],
                 "cluster_id": clusters[i] if clusters else None}
                for i in range(N) if counts[i]
            ]  # fmt: skip
    return ProbeResult("mdl", rows_frame(rows), lambda: items_frame(items))


def plain_limits(tops: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Percentiles over sentences drawn one by one."""
    draw, found = np.random.default_rng(5), []
    for _ in range(2000):
        drawn = draw.integers(len(tops), size=len(tops))
        found.append(tops[drawn].sum() / counts[drawn].sum())
    low, high = np.percentile(found, [2.5, 97.5])
    return low, high


def only(rows: pd.DataFrame, variant: str, metric: str) -> pd.Series:
    found = rows[rows["variant"].eq(variant) & rows["metric"].eq(metric)]
    return found.iloc[0]


@pytest.mark.parametrize("variant", list(BITS))
def test_limits_are_those_of_sentences_drawn_one_by_one(variant):
    rows = code_intervals(result())
    low, high = plain_limits(BITS[variant], WORDS)
    bits = only(rows, variant, "bits_per_word")
    assert (bits["ci_low"], bits["ci_high"]) == (
        pytest.approx(low, rel=0.03),
        pytest.approx(high, rel=0.03),
    )
    total, uniform = WORDS.sum(), math.log2(K)
    length, ratio = only(rows, variant, "codelength"), only(rows, variant, "compression")
    assert length["ci_low"] == pytest.approx(total * bits["ci_low"])
    assert length["ci_high"] == pytest.approx(total * bits["ci_high"])
    assert ratio["ci_low"] == pytest.approx(uniform / bits["ci_high"])
    assert ratio["ci_high"] == pytest.approx(uniform / bits["ci_low"])
    for row in (bits, length, ratio):
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["ci_method"] == f"percentile bootstrap over sentences ({RESAMPLES})"
        assert row["n_clusters"] == N
    area = only(rows, variant, "learning_curve_area")
    low, high = plain_limits(RIGHT[3:], GUESSED[3:])
    assert area["ci_low"] == pytest.approx(low, abs=0.02)
    assert area["ci_high"] == pytest.approx(high, abs=0.02)
    assert area["n_clusters"] == N - 3
    assert pd.isna(only(rows, variant, "codelength_sd")["ci_low"])


def test_every_row_of_a_codelength_has_the_interval():
    rows = code_intervals(result())
    lengths = rows[rows["metric"].eq("codelength") & rows["variant"].eq("own")]
    assert len(lengths) == 2
    assert len(set(lengths["ci_low"])) == 1
    assert len(rows) == len(result().rows)


def test_clusters_are_drawn_whole():
    names = [f"c{i // 10}" for i in range(N)]
    rows = code_intervals(result(names))
    row = only(rows, "own", "codelength")
    assert row["n_clusters"] == 6
    assert row["ci_method"] == f"percentile bootstrap over clusters of sentences ({RESAMPLES})"


def test_one_cluster_has_no_interval():
    rows = code_intervals(result(["c"] * N))
    assert rows["ci_low"].isna().all()
    assert rows["ci_method"].isna().all()


def test_the_same_seed_gives_the_same_limits():
    assert code_intervals(result()).equals(code_intervals(result()))
