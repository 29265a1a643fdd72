"""Plans that stop trainings early, against every sample of the recorded curves."""

from itertools import product

import numpy as np
import pytest
from subprobe.analysis.spread.continued import Plan, best_after, evaluate_plans, plans_of
from subprobe.analysis.spread.expected_best import best_of

CURVES = np.array(
    [[0.5, 0.6, 0.9], [0.7, 0.6, 0.65], [0.4, 0.8, 0.7], [0.5, 0.5, 0.5]]
)  # fmt: skip


def by_hand(curves, sample, plan):
    """What a plan finds in one sample, step by step."""
    runs = [list(curves[i]) for i in sample]
    order = sorted(range(len(runs)), key=lambda i: -max(runs[i][: plan.evaluations or None]))
    continued = order[: plan.started - plan.stopped]
    seen = [max(runs[i]) for i in continued]
    seen += [max(runs[i][: plan.evaluations]) for i in order if i not in continued]
    return max(seen)


@pytest.mark.parametrize(
    "plan", [Plan(2, 0, 0), Plan(2, 1, 1), Plan(3, 2, 1), Plan(3, 1, 2), Plan(3, 2, 2)]
)
def test_a_plan_finds_in_each_sample_what_it_finds_by_hand(plan):
    samples = list(product(range(4), repeat=plan.started))
    continued = plan.started - plan.stopped
    found = best_after(CURVES, np.array(samples), plan.evaluations, [1, continued])
    assert found[:, 1].tolist() == [by_hand(CURVES, sample, plan) for sample in samples]


def test_resampling_converges_to_the_mean_over_all_samples():
    lines = evaluate_plans(CURVES, [1, 2], seed=3)
    assert [one["budget"] for one in lines if not one["stopped"]] == [1, 2]
    assert any(one["stopped"] for one in lines)
    for one in lines:
        plan = Plan(one["started"], one["stopped"], one["evaluations"])
        samples = product(range(4), repeat=plan.started)
        every = np.array([by_hand(CURVES, sample, plan) for sample in samples])
        assert one["value"] == pytest.approx(every.mean(), abs=5 * one["mc_se"])
        assert one["mc_se"] == pytest.approx(every.std() / np.sqrt(50_000), rel=0.05, abs=1e-9)


def test_without_stopping_it_is_the_expected_best_of_the_budget():
    first = evaluate_plans(CURVES, [3], seed=1)[0]
    assert (first["started"], first["stopped"], first["share_seen"]) == (3, 0, 1.0)
    assert first["value"] == pytest.approx(
        float(best_of(CURVES.max(axis=1), 3)[0]), abs=5 * first["mc_se"]
    )


@pytest.mark.parametrize(("budget", "evaluations", "most"), [(1, 2, 4), (2, 3, 9), (3, 5, 12)])
def test_plans_are_all_that_cost_exactly_the_budget(budget, evaluations, most):
    found = {(p.started, p.stopped, p.evaluations) for p in plans_of(budget, evaluations, most)}
    every = {
        (s, k, e)
        for s in range(1, most + 1)
        for k in range(1, s)
        for e in range(1, evaluations)
        if (s - k) * evaluations + k * e == budget * evaluations
    }
    assert found == every | {(budget, 0, 0)}
    assert len(found) > 1 or budget == 1


def test_curves_that_never_cross_lose_nothing_by_stopping():
    """The best run is the best from the first evaluation on: more starts for the same budget."""
    curves = np.arange(5.0)[:, None] + np.linspace(0, 0.5, 4)[None, :]
    lines = evaluate_plans(curves, [2], resamples=4000)
    assert len(lines) > 1
    assert min(one["value"] for one in lines) == lines[0]["value"]


def test_same_seed_same_numbers_and_a_diverged_run_is_the_worst():
    curves = np.vstack([CURVES, [0.3, np.nan, np.nan], [np.nan] * 3])
    assert evaluate_plans(curves, [2], resamples=500) == evaluate_plans(curves, [2], resamples=500)
    assert all(np.isfinite(one["value"]) for one in evaluate_plans(curves, [2], resamples=500))
    alone = evaluate_plans(curves[4:], [1], resamples=500)
    assert alone[0]["value"] == pytest.approx(0.3)
