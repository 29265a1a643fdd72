"""The correlation of survival with a predictor: residuals of runs and layers, by hand."""

import numpy as np
import pytest
from scipy.stats import t
from subprobe.analysis.stability.mask_sets import MaskSet
from subprobe.analysis.survival_content.correlation import METHOD, survival_correlation
from subprobe.analysis.survival_content.measure import measure_panels, measure_survival
from subprobe.analysis.survival_content.panel import panel_of_masks
from subprobe.data.output.tables import rows_frame
from survival_content_simulation import Law


@pytest.fixture(scope="module")
def drawn():
    """Survival [R, U], predictor [R, U], layer [U]; layers of unequal size."""
    kept, x, layer = Law(5, 8, 3, 0.8).draw(np.random.default_rng(4))
    return kept[:, 3:], x[:, 3:], layer[3:]


def by_regression(kept, x, layer):
    """The correlation of what regressions on runs x layers leave of survival and predictor."""
    run = np.repeat(np.arange(len(kept)), kept.shape[1])
    place = run * 100 + np.tile(layer, len(kept))
    terms = (place[:, None] == np.unique(place)).astype(float)
    left = [
        y - terms @ np.linalg.lstsq(terms, y, rcond=None)[0]
        for y in (kept.ravel().astype(float), x.ravel())
    ]
    return np.corrcoef(*left)[0, 1]


def test_it_is_that_of_the_residuals_and_its_interval_a_jackknife_over_heads(drawn):
    kept, x, layer = drawn
    found = survival_correlation(kept, x, layer)
    assert found.value == pytest.approx(by_regression(*drawn))
    U = len(layer)
    z = np.arctanh(
        [by_regression(*(np.delete(one, u, axis=-1) for one in drawn)) for u in range(U)]
    )
    reach = t.ppf(0.975, U - 1) * np.sqrt((U - 1) / U * ((z - z.mean()) ** 2).sum())
    expected = np.tanh(np.arctanh(found.value) + np.array([-reach, reach]))
    assert [found.low, found.high] == pytest.approx(expected)
    assert found.method == METHOD


def test_what_cannot_be_said(drawn):
    kept, x, layer = drawn
    constant = survival_correlation(np.ones_like(kept), x, layer)
    assert np.isnan([constant.value, constant.low, constant.high]).all()
    assert constant.method is None
    few = survival_correlation(kept[:, :7], x[:, :7], layer[:7])
    assert np.isfinite(few.value)
    assert few.method is None
    exact = survival_correlation(kept, kept.astype(float), layer)
    assert exact.value == pytest.approx(1)
    assert np.isnan([exact.low, exact.high]).all()


@pytest.mark.parametrize(("shape", "runs", "effect"), [((4, 4), 2, 0.7), ((6, 12), 5, 0.0)])
def test_the_interval_covers_the_truth(shape, runs, effect):
    truth = survival_correlation(
        *Law(shape[0], 5000, runs, effect).draw(np.random.default_rng(0))
    ).value
    rng = np.random.default_rng(1)
    found = [survival_correlation(*Law(*shape, runs, effect).draw(rng)) for _ in range(200)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.92 <= covered <= 0.99


def test_it_stands_in_the_table_beside_the_odds_ratio(drawn):
    kept, x, layer = Law(4, 12, 3, 0.8).draw(np.random.default_rng(3))
    masks = MaskSet("t", (0, 1, 2), {"head": kept}, {"head": (4, 12)})
    panel = panel_of_masks(masks, {"x": x, "minus x": -x})
    lines = measure_panels([panel], draws=199).content.set_index("predictor")
    found = survival_correlation(kept, x, layer)
    assert lines.loc["x", "correlation"] == pytest.approx(found.value)
    assert lines.loc["x", "correlation_low"] == pytest.approx(found.low)
    assert lines.loc["minus x", "correlation_high"] == pytest.approx(-found.low)
    assert lines.loc["x", "correlation_method"] == METHOD
    # heads permuted within layers: the same test, whichever of the two is looked at
    rng = np.random.default_rng(0)
    null = []
    for _ in range(199):
        order = np.lexsort((rng.random(len(layer)), layer))
        null.append(survival_correlation(kept, x[:, order], layer).value)
    p = (1 + np.sum(np.abs(null) >= abs(found.value) - 1e-12)) / 200
    assert lines.loc["x", "p_value"] == pytest.approx(p, abs=0.03)


def test_what_a_head_costs_a_probe_is_a_predictor():
    rng = np.random.default_rng(7)
    rows = []
    for seed in (1, 2, 3):
        about = {"model": "m", "task": "t", "seed": seed, "unit": "head"}
        for layer in range(4):
            for head in range(12):
                place = {**about, "layer": layer, "head": head}
                cost = rng.normal()
                kept = float(cost + rng.normal(0, 0.5) > 0)
                rows.append({**place, "probe": "mask", "metric": "kept", "kind": "good",
                             "method": "structured", "state": "pruned", "draw": 0,
                             "value": kept})  # fmt: skip
                for metric, task, value in (
                    ("accuracy_cost", "upos", cost), ("uuas_cost", "tree", rng.normal()),
                ):  # fmt: skip
                    rows.append({**place, "probe": "head-ablation-cost", "metric": metric,
                                 "relation": task, "variant": "own;state=4", "kind": "full",
                                 "state": "finetuned", "value": value})  # fmt: skip
    lines = measure_survival(rows_frame(rows), draws=199).content.set_index("predictor")
    names = ["head-ablation-cost/accuracy_cost/upos", "head-ablation-cost/uuas_cost/tree"]
    assert [one for one in lines.index if one != "all predictors"] == names
    assert lines.loc[names[0], "correlation"] > 0.5
    assert lines.loc[names[0], "correlation_low"] > 0.3
    assert lines.loc[names[0], "p_adjusted"] < 0.05
    assert lines.loc[names[1], "p_adjusted"] > 0.05
