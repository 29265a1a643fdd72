"""Intervals and tests of the rows of `attention-change`, from its items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtr

from ...data.output.item_parts import ItemParts
from ..statistics.clusters import RESAMPLES, Units, alone, limits, over_units, resampled, units_of
from ..statistics.corrections import adjust_rows

Floats = npt.NDArray[np.float64]
_DIFFERENCES = {
    "attention_to_target_change": ("attention_to_target", "reference_attention_to_target")
}


def with_statistics(
    rows: pd.DataFrame, items: pd.DataFrame | ItemParts, *, seed: int = 0
) -> pd.DataFrame:
    """The rows with intervals over texts, and a test of each head's attention to targets.

    The interval is a percentile bootstrap over texts, with the same resamples for all heads. The
    test compares attention to a target with shuffles of its positions within each text: the sum
    over texts is compared with its exact mean and variance over shuffles by the normal
    distribution, two-sided. It is computed only for heads, and corrected over all heads and targets
    (Holm). Texts that share a source are resampled as one cluster, and the variance is the largest
    that shuffles of a cluster can have together: that of texts that are shuffled alike.

    Args:
        rows: of one model.
        items: the same result's, sorted by text inside each metric and relation; each text has an
            item for every kept head. Parts are read once, one after the other.
        seed: of the resamples.
    """
    names = ["ci_low", "ci_high", "p_value"]
    found = rows.reset_index(drop=True).assign(**dict.fromkeys(names, np.nan))
    parts = _score_tables(ItemParts.of(items))
    whole = True
    groups = found.groupby(["metric", found["relation"].fillna("")], sort=False)
    for (metric, relation), members in groups:
        ours, *theirs = _DIFFERENCES.get(metric, (metric,))
        if (ours, relation) not in parts:
            continue
        heads, scores = parts[ours, relation].heads, parts[ours, relation].scores()
        units = parts[ours, relation].units()
        for name in theirs:
            scores = scores - parts[name, relation].scores()
        within = _limits(scores, heads, units, seed)
        whole = whole and alone(units)
        p_values: dict[tuple[int | None, int | None], float] = {}
        if metric == "attention_to_target":
            null = [parts[f"shuffled_{of}", relation].scores() for of in ("mean", "variance")]
            found_p = _p_values(scores, null[0], null[1], units)
            p_values = dict(zip(heads, found_p, strict=True))
        for row in members.itertuples():
            at = (None if pd.isna(row.layer) else int(row.layer),
                  None if pd.isna(row.head) else int(row.head))  # fmt: skip
            if at in within:
                found.loc[row.Index, ["ci_low", "ci_high"]] = within[at]
            found.loc[row.Index, "p_value"] = p_values.get(at, np.nan)
    named = found["ci_low"].notna()
    over = "texts" if whole else "clusters of texts"
    found.loc[named, "ci_method"] = f"percentile bootstrap over {over} ({RESAMPLES})"
    return adjust_rows(found)


class _Scores:
    """The scores of one metric and relation as they are read, and the clusters of the texts."""

    def __init__(self) -> None:
        self._heads: dict[tuple[int, int], None] = {}
        self._scores: list[Floats] = []
        self._clusters: list[npt.NDArray[np.int32]] = []

    def add(self, items: pd.DataFrame, clusters: dict[str, int]) -> None:
        """Note some items, with the numbers of the clusters of the corpus; new ones are added."""
        known = items[["layer", "head"]].drop_duplicates()
        pairs = zip(known["layer"].tolist(), known["head"].tolist(), strict=True)
        self._heads |= dict.fromkeys(pairs)
        self._scores.append(items["score"].to_numpy(dtype=np.float64))
        code, names = pd.factorize(items["cluster_id"])
        number = [clusters.setdefault(str(name), len(clusters)) for name in names]
        # without a cluster: -1, which takes the last
        self._clusters.append(np.array([*number, -1], dtype=np.int32)[code])

    @property
    def heads(self) -> list[tuple[int, int]]:
        """Layer and head of each column."""
        return list(self._heads)

    def scores(self) -> Floats:
        """Scores of N texts [N, heads]."""
        self._scores = [np.concatenate(self._scores)]
        return self._scores[0].reshape(-1, len(self._heads))

    def units(self) -> Units:
        """The cluster of each text [N]."""
        of_texts = np.concatenate(self._clusters)[:: len(self._heads)]
        return units_of([None if number < 0 else str(number) for number in of_texts.tolist()])


def _score_tables(items: ItemParts) -> dict[tuple[str, str], _Scores]:
    """Metric and relation -> their scores."""
    found: dict[tuple[str, str], _Scores] = {}
    clusters: dict[str, int] = {}
    for part in items:
        for key, own in part.groupby(["metric", part["relation"].fillna("")], sort=False):
            metric, relation = map(str, key)
            found.setdefault((metric, relation), _Scores()).add(own, clusters)
    return found


def _limits(
    scores: Floats, heads: list[tuple[int, int]], clusters: Units, seed: int
) -> dict[tuple[int | None, int | None], Floats]:
    """Interval of each head, of each layer's mean over kept heads, and of the model's."""
    n = len(scores)
    if n < 2:
        return {}
    units: dict[tuple[int | None, int | None], Floats] = dict(zip(heads, scores.T, strict=True))
    layers = np.array([layer for layer, _ in heads])
    units |= {(int(one), None): scores[:, layers == one].mean(1) for one in np.unique(layers)}
    units[None, None] = scores.mean(1)
    counted = np.stack([*units.values(), np.ones(n)], axis=1)
    sums = resampled(over_units(counted, clusters), seed)
    means = sums[:, :-1] / sums[:, -1:]
    return dict(zip(units, limits(means), strict=True))


def _p_values(scores: Floats, mean: Floats, variance: Floats, units: Units) -> Floats:
    """Two-sided p of each head; NaN where no shuffle changes anything."""
    spread = np.sqrt((over_units(np.sqrt(variance), units) ** 2).sum(0))
    excess = (scores - mean).sum(0)
    z = np.divide(excess, spread, out=np.full_like(excess, np.nan), where=spread > 1e-12)
    found: Floats = 2 * ndtr(-np.abs(z))
    return found
