"""Which words go with which class: pointwise mutual information (Gururangan et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.errors import DataFileError
from ..statistics.clusters import Units, alone, count_of, limits, over_units, resampled
from ..statistics.corrections import CORRECTIONS, adjust
from ..statistics.count_laws import EXACT, clopper_pearson
from .linear import WORD, Floats

SMOOTHING = 100
TOP = 10
NONE = 1e-12
"""PMI up to this is 0 but for rounding."""
IN_GROUPS = "texts of a group are not independent"
"""`flag` where a test would take dependent texts as independent."""
COLUMNS = (
    "class", "rank", "word", "pmi", "share", "ci_low", "ci_high", "ci_method", "n_in_class", "n",
    "n_clusters", "baseline", "baseline_value", "p_value", "p_adjusted", "correction",
    "family_size", "flag",
)  # fmt: skip
"""Columns of the table of words, in file order."""


def word_counts(
    texts: Sequence[str], labels: npt.NDArray[np.int64], num_labels: int
) -> tuple[list[str], npt.NDArray[np.int64], Any]:
    """In how many texts of each class each word occurs.

    Returns:
        The W lower-cased words, the counts [W, K], one per text however often it has the word, and
        the sparse incidence of words in texts [N, W].

    Raises:
        DataFileError: if no text contains a word.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(token_pattern=WORD, binary=True)
    try:
        there = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn refuses an empty vocabulary
        raise DataFileError(
            "no training text contains a word", remedy="check the text columns"
        ) from None
    counts = (there.T @ np.eye(num_labels, dtype=np.int64)[labels]).astype(np.int64)
    return list(vectorizer.get_feature_names_out()), counts, there


def mutual_information(counts: npt.ArrayLike, smoothing: float = SMOOTHING) -> Floats:
    """PMI of words and classes in nats [W, K]: log p(word, class) / (p(word) p(class)).

    Gururangan et al. (2018) add 100 to each count; probabilities are those of the smoothed table.

    Args:
        counts: number of texts of each class with each word [W, K].
        smoothing: added to each count; with 0, PMI is minus infinity where a class has no text with
            a word, and NaN where it has no text at all.
    """
    table = np.asarray(counts, dtype=np.float64) + smoothing
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / table.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.log(table / expected)
    return found


def word_table(
    texts: Sequence[str],
    labels: npt.NDArray[np.int64],
    names: Sequence[str],
    units: Units,
    *,
    smoothing: float = SMOOTHING,
    top: int = TOP,
    seed: int = 0,
) -> pd.DataFrame:
    """The words with the highest PMI of each class (COLUMNS), of those with a PMI above 0.

    A word with a PMI of 0 or less does not go with a class: a class may have fewer words than
    `top`, or none.

    `share` is the share of the class among the texts with the word, with its exact binomial
    interval (Clopper and Pearson 1934), beside the share of the class among all texts. p is the
    one-sided hypergeometric probability of at least so many texts of the class (Fisher's exact
    test), corrected over all words and classes by Holm, as the words shown are chosen among all.
    With groups the interval is a bootstrap over groups, and there is no p.

    Args:
        texts: the N texts.
        labels: class id of each [N].
        names: the K classes.
        units: the group of each text [N].
        smoothing: see `mutual_information`.
        top: maximum number of words of each class.
        seed: of the bootstrap.
    """
    from scipy.stats import hypergeom

    words, counts, there = word_counts(texts, labels, len(names))
    pmi = mutual_information(counts, smoothing)
    n_class, total = np.bincount(labels, minlength=len(names)), len(labels)
    n_word, single = counts.sum(axis=1), alone(units)
    p_values = np.full(counts.shape, np.nan)
    if single:
        p_values = hypergeom.sf(counts - 1, total, n_class[None, :], n_word[:, None])
    adjusted = adjust(p_values.ravel()).reshape(counts.shape)
    records: list[dict[str, Any]] = []
    for k, name in enumerate(names):
        # ties in the order of the words
        best = [w for w in np.argsort(-pmi[:, k], kind="stable")[:top] if pmi[w, k] > NONE]
        for rank, w in enumerate(best, 1):
            of_class, n = int(counts[w, k]), int(n_word[w])
            mine = there[:, [w]].toarray().ravel() > 0
            if single:
                interval: tuple[Any, Any, str] = (*clopper_pearson(of_class, n), EXACT)
            else:
                interval = _over_groups(mine, labels == k, units, seed)
            records.append({
                "class": name, "rank": rank, "word": words[w], "pmi": pmi[w, k],
                "share": of_class / n, "ci_low": interval[0], "ci_high": interval[1],
                "ci_method": interval[2], "n_in_class": of_class, "n": n,
                "n_clusters": len(np.unique(units[mine])), "baseline": "share of the class",
                "baseline_value": n_class[k] / total, "p_value": p_values[w, k],
                "p_adjusted": adjusted[w, k],
                "correction": CORRECTIONS["holm"] if single else pd.NA,
                "family_size": counts.size if single else pd.NA,
                "flag": "" if single else IN_GROUPS,
            })  # fmt: skip
    return pd.DataFrame(records, columns=list(COLUMNS))


def _over_groups(
    mine: npt.NDArray[np.bool_], of_class: npt.NDArray[np.bool_], units: Units, seed: int
) -> tuple[float, float, str]:
    """Bootstrap limits of the share of a class among texts with a word, over their groups."""
    _, own = np.unique(units[mine], return_inverse=True)
    both = np.column_stack([of_class[mine], np.ones(int(mine.sum()))]).astype(np.float64)
    sums = over_units(both, own.astype(np.int64))
    if count_of(own) < 2:
        return float("nan"), float("nan"), "no interval: there is only one independent unit"
    drawn = resampled(sums, seed)
    drawn = drawn[:, [0]] / drawn[:, [1]]
    if np.ptp(drawn) == 0:
        return float("nan"), float("nan"), f"no interval: all resamples give {drawn[0, 0]:.3g}"
    low, high = limits(drawn)[0]
    return float(low), float(high), f"percentile bootstrap over {len(sums)} clusters"
