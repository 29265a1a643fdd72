"""Whether the subnetworks of a run rely on the same words.

Attributions of two models to the words of one example are compared by rank and by top words. The
ceiling is the agreement of two full models that were fine-tuned with different seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import DataFileError
from ...data.files.reading import reading
from ..intervals.item_intervals import OVER_CLUSTERS, OVER_TEXTS
from ..statistics.clusters import alone, count_of, units_of
from ..statistics.corrections import adjust_rows
from .over_texts import flipped_signs, least_of_signs, mean_limits

Floats = npt.NDArray[np.float64]

FILE = "attribution_agreement.csv"
COLUMNS = [
    "model", "task", "method", "variant", "metric", "first", "second", "mean", "ci_low", "ci_high",
    "ci_method", "chance", "ceiling", "ceiling_low", "ceiling_high", "difference", "p_value",
    "p_adjusted", "correction", "family_size", "n", "n_clusters", "n_seeds", "n_pairs", "note",
]  # fmt: skip
_TEXTS = ("model", "task", "method", "variant", "metric", "first", "second", "ci_method",
          "correction", "note")  # fmt: skip
TOP_SHARE = 0.2
ONE_SEED = "no ceiling: only one seed"
UNREADABLE = "no example has three words with different attributions in both"

_FAMILY = ("model", "task", "variant")
_ORDER = ("full", "good", "random", "bad")
_FEWEST = 3

Measured = tuple[Floats, float]
"""Agreement of each pair of M models on one example [M, M], and what chance would give."""


def _ranks(values: Floats) -> Measured:
    """Spearman's rank correlation; NaN for a model that gives all words the same value."""
    from scipy.stats import rankdata  # takes most of a second to import

    ranks = rankdata(values, axis=1)
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = centred / lengths
    return np.clip(scaled @ scaled.T, -1.0, 1.0), 0.0


def _top_words(values: Floats) -> Measured:
    """Share of the words with the largest values, a fifth of all, that both have."""
    W = values.shape[1]
    k = int(np.ceil(TOP_SHARE * W))
    first = np.argsort(-values, axis=1, kind="stable")[:, :k]
    chosen = np.zeros(values.shape)
    np.put_along_axis(chosen, first, 1.0, axis=1)
    chosen[np.ptp(values, axis=1) == 0] = np.nan
    return chosen @ chosen.T / k, k / W


METRICS: Mapping[str, Callable[[Floats], Measured]] = {
    "spearman": lambda values: _ranks(np.abs(values)),
    "spearman_signed": _ranks,
    "top_overlap": lambda values: _top_words(np.abs(values)),
}
"""Agreement of the rows of attributions [M, W] of M models to the words of one example."""


def agreement_table(
    words: pd.DataFrame, *, correction: str = "holm", seed: int = 0
) -> pd.DataFrame:
    """Agreement of each pair of kinds of subnetwork, and of full models of two seeds.

    Models of one fine-tuning seed are compared; an example's agreement is its mean over pairs of
    draws and over seeds. `difference` is that mean minus the ceiling, over the same examples, and
    its p is that of sign flips of each unit. A family is all pairs of one model, task, search,
    variant and metric; `note` says if there are too few units to reach .05.

    Args:
        words: a line for each word, example, and model: `model`, `task`, `method`, `variant`,
            `seed`, `kind`, `draw`, `item_id`, `cluster_id`, `sentence`, `position`, `attribution`.
        correction: `holm` or `fdr_bh`.
        seed: of resamples and sign flips.

    Returns:
        a line for each pair of kinds and metric, with the columns `COLUMNS`.
    """
    parts = []
    for about, mine in words.groupby(list(_FAMILY), sort=False):
        ceilings = _ceilings(mine[mine["kind"] == "full"])
        for method in mine.loc[mine["kind"] != "full", "method"].unique():
            compared = mine[(mine["kind"] == "full") | (mine["method"] == method)]
            lines = _lines(compared, ceilings, seed)
            identity = {**dict(zip(_FAMILY, about, strict=True)), "method": method}
            parts.append(pd.DataFrame(lines).assign(**identity))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    found = pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS)
    found["note"] = found["note"].astype("string")
    family = [*_FAMILY, "method", "metric"]
    units = found["n_clusters"].to_numpy(dtype=np.float64, na_value=np.nan)
    floors = pd.Series(least_of_signs(units), index=found.index)
    return adjust_rows(found, family, correction, floors=floors, flag="note")[COLUMNS]


def read_agreement(folder: Path) -> dict[str, pd.DataFrame]:
    """The table that a run wrote, by its name; empty if it wrote none.

    Raises:
        DataFileError: if the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    with reading(path, problem="is not an agreement table"):
        table = pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, "string"))
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise DataFileError(
            f"has no column {missing[0]!r}", where=str(path), remedy="run the folder again"
        )
    return {path.stem: table}


Values = dict[str, dict[str, list[float]]]
"""Metric -> example -> the agreement of each pair of models."""


def _ceilings(full: pd.DataFrame) -> Values:
    """Agreement of the full models of each two seeds."""
    found: Values = {metric: {} for metric in METRICS}
    if full["seed"].nunique() < 2:
        return found
    for item, names, values in _examples(full, ["seed"]):
        pairs = list(combinations(range(len(names)), 2))
        for metric, measure in METRICS.items():
            table, _ = measure(values)
            found[metric][item] = [float(table[pair]) for pair in pairs]
    return found


def _examples(words: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[str, list[Any], Floats]]:
    """Each example that several models read: its id, the models, and attributions [M, W]."""
    ordered = words.sort_values(["item_id", *by, "sentence", "position"], kind="stable")
    for item, mine in ordered.groupby("item_id", sort=False):
        names = list(mine[list(by)].drop_duplicates().itertuples(index=False, name=None))
        values = mine["attribution"].to_numpy(dtype=np.float64)
        if len(names) > 1 and len(values) >= _FEWEST * len(names):
            yield str(item), names, values.reshape(len(names), -1)


def _lines(words: pd.DataFrame, ceilings: Values, seed: int) -> Iterator[dict[str, object]]:
    kinds = [kind for kind in _ORDER if (words["kind"] == kind).any()]
    pairs = [*combinations(kinds, 2), *((kind, kind) for kind in kinds if kind != "full")]
    found: dict[tuple[str, tuple[str, str]], dict[str, list[float]]] = {}
    chances: dict[str, list[float]] = {metric: [] for metric in METRICS}
    models: dict[tuple[str, str], set[tuple[Any, ...]]] = {}
    for number, mine in words.groupby("seed", sort=False):
        for item, names, values in _examples(mine, ["kind", "draw"]):
            measured = {metric: measure(values) for metric, measure in METRICS.items()}
            for metric, (_, chance) in measured.items():
                chances[metric].append(chance)
            for one, other in combinations(range(len(names)), 2):
                pair = _in_order(str(names[one][0]), str(names[other][0]))
                models.setdefault(pair, set()).add((number, names[one], names[other]))
                for metric, (table, _) in measured.items():
                    at = found.setdefault((metric, pair), {}).setdefault(item, [])
                    at.append(float(table[one, other]))
    items = words.drop_duplicates("item_id")
    clusters = dict(zip(items["item_id"].astype(str), items["cluster_id"], strict=True))
    for pair in pairs:
        for metric in METRICS:
            if pair not in models:
                continue
            yield {
                "metric": metric,
                "first": pair[0],
                "second": pair[1],
                "chance": float(np.mean(chances[metric])),
                "n_seeds": len({model[0] for model in models[pair]}),
                "n_pairs": len(models[pair]),
                **_summed(found[metric, pair], ceilings[metric], clusters, seed),
            }


def _in_order(one: str, other: str) -> tuple[str, str]:
    first, second = sorted((one, other), key=_ORDER.index)
    return first, second


def _mean(values: Sequence[float]) -> float:
    """Mean of what is known; NaN where nothing is."""
    known = [one for one in values if np.isfinite(one)]
    return float(np.mean(known)) if known else float("nan")


def _summed(
    found: Mapping[str, list[float]],
    ceiling: Mapping[str, list[float]],
    clusters: Mapping[str, Any],
    seed: int,
) -> dict[str, object]:
    """Mean over examples, its interval, and the ceiling over the same examples."""
    means = {item: _mean(values) for item, values in found.items()}
    tops = {item: _mean(ceiling[item]) for item in means if item in ceiling}
    items = [item for item, value in means.items() if np.isfinite(value)]
    if not items:
        return {"n": 0, "note": UNREADABLE}
    units = units_of([None if pd.isna(clusters[i]) else str(clusters[i]) for i in items])
    own = np.array([means[item] for item in items])
    top = np.array([tops.get(item, np.nan) for item in items])
    limits = mean_limits(np.column_stack([own, top]), units, seed)
    line: dict[str, object] = {
        "mean": own.mean(),
        "ci_low": limits[0, 0],
        "ci_high": limits[0, 1],
        "ci_method": OVER_TEXTS if alone(units) else OVER_CLUSTERS,
        "n": len(items),
        "n_clusters": count_of(units),
    }
    if not np.isfinite(top).any():
        return {**line, "note": ONE_SEED}
    gaps = own - top
    return {
        **line,
        "ceiling": np.nanmean(top),
        "ceiling_low": limits[1, 0],
        "ceiling_high": limits[1, 1],
        "difference": np.nanmean(gaps),
        "p_value": float(flipped_signs(gaps[:, None], units, seed)[0]),
    }
