"""The spread of each metric over masks, and its correlation with the score: masks are the units.

Intervals and tests speak of other masks that the same search finds in this model; the examples and
the model stay the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ..spread.over_seeds import RESAMPLES, correlation, mean_over_seeds
from ..statistics.corrections import ALPHA
from ..wording import counted
from .points import Line

Floats = npt.NDArray[np.float64]

FEWEST_FOR_P = next(n for n in range(2, 20) if 2 / factorial(n) <= ALPHA)
"""With fewer masks no order of them is rare enough for p <= .05: 5."""
RESAMPLED = "masks; the examples are the same"
_NO_CHANGE = 1e-12


def spread_line(line: Line, score: Line | None, seed: int) -> dict[str, Any]:
    """Mean, standard deviation and range of one metric over masks.

    The interval of the mean is mean ± t x the bootstrap standard error over masks; that of the
    standard deviation is chi-squared and assumes normally distributed values.
    `sd_at_equal_score` is the standard deviation of the residuals of a linear regression on the
    score, with M - 2 degrees of freedom: the spread that remains between masks of equal score.

    Args:
        line: the metric.
        score: the score, for metrics beside it.
        seed: of the bootstrap.
    """
    values = line.values.to_numpy()
    found = mean_over_seeds(values, None, RESAMPLES, seed)
    n = len(values)
    known = "ci_low" in found
    found["ci_method"] = (
        f"t of the bootstrap error over {n} masks ({RESAMPLES})"
        if known
        else "no interval: " + ("one mask" if n < 2 else "all masks have the same value")
    )
    if known and line.share:
        # a symmetric interval may leave the range of a share; cut, it covers as often
        found["ci_low"], found["ci_high"] = max(found["ci_low"], 0.0), min(found["ci_high"], 1.0)
    if score is not None:
        found["sd_at_equal_score"] = residual_sd(_beside(line, score), values)
    return {
        **line.about, "better": line.better, "primary": line.primary, "n_masks": n,
        "full": line.full, **line.sample, "flag": line.flag, **found,
    }  # fmt: skip


def residual_sd(scores: Floats, values: Floats) -> float:
    """Standard deviation of the values [M] around their linear regression on the scores [M]."""
    n = len(values)
    if n < 3:
        return float("nan")
    x, y = scores - scores.mean(), values - values.mean()
    slope = (x @ y) / (x @ x) if x @ x > _NO_CHANGE**2 else 0.0
    return float(np.sqrt(((y - slope * x) ** 2).sum() / (n - 2)))


def correlation_lines(line: Line, score: Line, draws: int, seed: int) -> Iterator[dict[str, Any]]:
    """Pearson's and Spearman's correlation of one metric with the score over masks.

    Pearson's interval is Fisher's z with Student's t; Spearman's has the standard error of Bonett
    & Wright (2000). p is two-sided: the masks of one metric are permuted. `smallest_r` is the
    smallest correlation that M masks distinguish from 0 at .05 by Student's t.
    """
    pair = _beside(line, score), line.values.to_numpy()
    n = len(pair[0])
    for name, (scores, values) in (("pearson", pair), ("spearman", tuple(map(_ranks, pair)))):
        found = correlation(scores, values, None, draws, seed)
        about = {
            "score": score.label, **line.about, "correlation": name, "n_masks": n,
            "smallest_r": smallest_r(n),
        }  # fmt: skip
        if not found:
            said = (
                f"{counted(n, 'mask')}: a correlation needs 3"
                if n < 3
                else "no correlation: one of the two does not vary over masks"
            )
            yield about | {"note": said}
            continue
        low, high = found.get("r_low", float("nan")), found.get("r_high", float("nan"))
        method = "Fisher's z with Student's t"
        if name == "spearman":
            low, high = bonett_wright(found["r"], n)
            method = "Bonett & Wright (2000) with Student's t"
        floor = found["floor"]
        more = {}
        if floor > ALPHA:
            more["note"] = (
                f"{counted(n, 'mask')}: the smallest possible p is {floor:.3g}; a test needs "
                f"{FEWEST_FOR_P}"
            )
        yield about | more | {
            "r": found["r"], "ci_low": low, "ci_high": high, "resampled": RESAMPLED,
            "ci_method": method if np.isfinite(low) else "no interval: needs 4 masks and |r| < 1",
            "test": found["test"].replace("runs", "masks"),
            "p_value": found["p_value"] if floor <= ALPHA else float("nan"), "floor": floor,
        }  # fmt: skip


def bonett_wright(r: float, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Limits of Spearman's correlation of n pairs (Bonett & Wright 2000), with t of n - 2.

    The standard error of Fisher's z is sqrt((1 + r²/2) / (n - 3)).
    """
    if n < 4 or abs(r) >= 1 - _NO_CHANGE:
        return float("nan"), float("nan")
    half = stdtrit(n - 2, (1 + level) / 2) * np.sqrt((1 + r**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)
    return float(low), float(high)


def smallest_r(n: int, *, level: float = 0.95) -> float:
    """The smallest |r| of n pairs that Student's t distinguishes from 0."""
    if n < 3:
        return float("nan")
    t = stdtrit(n - 2, (1 + level) / 2)
    return float(t / np.sqrt(n - 2 + t**2))


def _beside(line: Line, score: Line) -> Floats:
    """The scores of the masks of a line, in its order."""
    return np.asarray(score.values.reindex(line.values.index), dtype=np.float64)


def _ranks(values: Floats) -> Floats:
    # scipy.stats takes most of a second to import
    from scipy.stats import rankdata

    return np.asarray(rankdata(values), dtype=np.float64)
