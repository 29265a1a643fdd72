"""Start many trainings, stop some early, continue the best (Dodge et al. 2020, section 5).

Evaluated on recorded curves of validation scores: runs are drawn with replacement, as if they were
started now, and the rule sees only the scores that it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def best_after(curves: Floats, drawn: npt.NDArray[np.intp], plan: Plan) -> Floats:
    """The best score that a plan finds in each sample of runs [R].

    Runs are ranked by their best score in the first evaluations; those that are stopped are the
    worst, and of equal ones those drawn last. The result is the best score of all evaluations that
    were made. The best run so far is always continued, so that is the best score of the continued
    runs.

    Args:
        curves: scores, higher is better [N, E].
        drawn: the runs that are started [R, started].
        plan: the plan.
    """
    whole = curves.max(axis=1)
    if not plan.stopped:
        return np.asarray(whole[drawn].max(axis=1))
    early = curves[:, : plan.evaluations].max(axis=1)
    order = np.argsort(-early[drawn], axis=1, kind="stable")
    kept = np.take_along_axis(drawn, order[:, : plan.started - plan.stopped], axis=1)
    return np.asarray(whole[kept].max(axis=1))


def evaluate_plans(
    curves: npt.ArrayLike, budget: int, *, resamples: int = RESAMPLES, seed: int = 0,
    most: int | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """The expected best score of every way to spend a budget.

    Plans that start equally many runs are evaluated on the same samples.

    Args:
        curves: scores of each run at each evaluation, higher is better [N, E]; NaN, of a run that
            diverged, counts as the lowest finite score of all runs.
        budget: number of complete trainings that could be paid for.
        resamples: number of samples of runs.
        seed: same seed, same result.
        most: maximum number of runs that are started; None = N, at most 200, at least the budget.

    Returns:
        One line for each plan, the one that stops no run first: its numbers, `continued`, the mean
        over samples as `value`, its Monte Carlo standard error as `mc_se`, and the share of a
        complete training after which runs are stopped as `share_seen`.
    """
    scores = np.asarray(curves, dtype=np.float64)
    finite = np.isfinite(scores)
    scores = np.where(finite, scores, scores[finite].min() if finite.any() else np.nan)
    runs, evaluations = scores.shape
    most = max(budget, min(runs, MOST_STARTED) if most is None else most)
    by_start: dict[int, list[Plan]] = {}
    for plan in plans_of(budget, evaluations, most):
        by_start.setdefault(plan.started, []).append(plan)
    lines = []
    for started, plans in sorted(by_start.items()):
        rng = np.random.default_rng([seed, budget, started])
        sums = np.zeros((len(plans), 2))
        step = max(1, _AT_ONCE // started)
        for begin in range(0, resamples, step):
            drawn = rng.integers(0, runs, size=(min(step, resamples - begin), started))
            for place, plan in enumerate(plans):
                best = best_after(scores, drawn, plan)
                sums[place] += best.sum(), (best**2).sum()
        for plan, (total, squares) in zip(plans, sums, strict=True):
            mean = total / resamples
            variance = max(0.0, squares / resamples - mean**2)
            lines.append(
                {
                    "budget": budget, "started": started, "stopped": plan.stopped,
                    "continued": started - plan.stopped, "evaluations": plan.evaluations,
                    "share_seen": plan.evaluations / evaluations if plan.stopped else 1.0,
                    "value": mean, "mc_se": np.sqrt(variance / resamples), "n_resamples": resamples,
                }
            )  # fmt: skip
    return lines
