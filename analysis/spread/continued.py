"""Start many trainings, stop some early, continue the best (Dodge et al. 2020, section 5).

Evaluated on recorded curves of validation scores: runs are drawn with replacement, as if they were
started now, and the rule sees only the scores that it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 50_000
MOST_STARTED = 200
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Plan:
    """How a budget is spent.

    Attributes:
        started: number of trainings that are started.
        stopped: number of these that are stopped early; the others are trained to the end.
        evaluations: number of evaluations after which they are stopped; 0 if none is.
    """

    started: int
    stopped: int
    evaluations: int


def plans_of(budget: int, evaluations: int, most: int) -> Iterator[Plan]:
    """Every way to spend a budget exactly; the first stops no training.

    Started trainings cost their evaluations: stopped x evaluations until then + continued x all
    evaluations = budget x all evaluations. At least one training is continued.

    Args:
        budget: number of complete trainings that could be paid for.
        evaluations: number E of evaluations of a complete training.
        most: maximum number of trainings that are started.
    """
    yield Plan(budget, 0, 0)
    for started in range(budget + 1, most + 1):
        for seen in range(1, evaluations):
            # (started - stopped) * E + stopped * seen == budget * E
            saved, left = divmod((started - budget) * evaluations, evaluations - seen)
            if not left and saved < started:
                yield Plan(started, saved, seen)


def best_after(
    curves: Floats, drawn: npt.NDArray[np.intp], evaluations: int, continued: Sequence[int]
) -> Floats:
    """The best score in each sample of runs, for several numbers of continued runs [R, C].

    Runs are ranked by their best score in the first evaluations; those that are stopped are the
    worst, and of equal ones those drawn last. The result is the best score of all evaluations that
    were made. The best run so far is always continued, so that is the best score of the continued
    runs.

    Args:
        curves: scores, higher is better [N, E].
        drawn: the runs that are started [R, started].
        evaluations: number of evaluations before runs are stopped; 0 if none is.
        continued: numbers of runs that are trained to the end [C].
    """
    whole = curves.max(axis=1)
    if evaluations:
        early = curves[:, :evaluations].max(axis=1)
        order = np.argsort(-early[drawn], axis=1, kind="stable")
        drawn = np.take_along_axis(drawn, order, axis=1)
    best = np.maximum.accumulate(whole[drawn], axis=1)
    return np.asarray(best[:, np.asarray(continued) - 1])


def evaluate_plans(
    curves: npt.ArrayLike, budgets: Sequence[int], *, resamples: int = RESAMPLES, seed: int = 0
) -> list[dict[str, Any]]:
    """The expected best score of every way to spend each budget.

    At most N runs are started (and at most 200), or as many as the budget pays for. Plans that
    start equally many runs are evaluated on the same samples.

    Args:
        curves: scores of each run at each evaluation, higher is better [N, E]; NaN, of a run that
            diverged, counts as the lowest finite score of all runs.
        budgets: numbers of complete trainings that could be paid for.
        resamples: number of samples of runs.
        seed: same seed, same result.

    Returns:
        One line for each plan, of each budget the one that stops no run first: its numbers,
        `continued`, the mean over samples as `value`, its Monte Carlo standard error as `mc_se`,
        and the share of a complete training after which runs are stopped as `share_seen`.
    """
    scores = np.asarray(curves, dtype=np.float64)
    finite = np.isfinite(scores)
    scores = np.where(finite, scores, scores[finite].min() if finite.any() else np.nan)
    runs, evaluations = scores.shape
    plans = [
        (budget, plan)
        for budget in budgets
        for plan in plans_of(budget, evaluations, max(budget, min(runs, MOST_STARTED)))
    ]
    found = _expected(scores, [plan for _, plan in plans], resamples, seed)
    return [
        {
            "budget": budget, "started": plan.started, "stopped": plan.stopped,
            "continued": plan.started - plan.stopped, "evaluations": plan.evaluations,
            "share_seen": plan.evaluations / evaluations if plan.stopped else 1.0,
            "value": found[plan][0], "mc_se": found[plan][1], "n_resamples": resamples,
        }
        for budget, plan in plans
    ]  # fmt: skip


def _expected(
    scores: Floats, plans: Sequence[Plan], resamples: int, seed: int
) -> dict[Plan, tuple[float, float]]:
    """Plan -> mean over samples and its standard error; equal rankings are made once."""
    alike: dict[int, dict[int, list[Plan]]] = {}
    for plan in dict.fromkeys(plans):
        alike.setdefault(plan.started, {}).setdefault(plan.evaluations, []).append(plan)
    found: dict[Plan, tuple[float, float]] = {}
    for started, rankings in alike.items():
        rng = np.random.default_rng([seed, started])
        sums: dict[int, Floats] = {
            seen: np.zeros((2, len(some))) for seen, some in rankings.items()
        }
        step = max(1, _AT_ONCE // started)
        for begin in range(0, resamples, step):
            size = min(step, resamples - begin)
            drawn = rng.integers(0, len(scores), size=(size, started))
            for seen, some in rankings.items():
                best = best_after(scores, drawn, seen, [p.started - p.stopped for p in some])
                sums[seen] += best.sum(axis=0), (best**2).sum(axis=0)
        for seen, some in rankings.items():
            mean, squares = sums[seen] / resamples
            spread = np.sqrt(np.maximum(squares - mean**2, 0) / resamples)
            found |= dict(zip(some, zip(mean.tolist(), spread.tolist(), strict=True), strict=True))
    return found
