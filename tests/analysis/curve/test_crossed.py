"""Curves over seeds of initialisation that are crossed with seeds of the data order."""

from dataclasses import replace

import numpy as np
import pytest
from made_curve import made_model, made_sizes
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.curve.panel import Panel
from subprobe.analysis.statistics.paired import over_seeds_and_examples
from subprobe.analysis.statistics.paired_tests import crossed_t
from subprobe.analysis.statistics.variation import CROSSED_T, INCOMPLETE
from subprobe.data.seeds import grid_of, seed_of

ABOUT = {"task": "toy", "split": "test", "units": "joint", "order": "nested",
         "importance": "gate-example, l2"}  # fmt: skip
PAIRS = [(init, order) for init in (1, 2) for order in (1, 2, 3)]


def crossed(pairs, order=slice(None)):
    """A panel whose seeds share the accuracy of their initialisation."""
    models = []
    for init, order_seed in pairs:
        right = (0.5 + 0.1 * init, 0.6 + 0.1 * init, 0.85, 0.9)
        rates = {"good": right, "random": (0.5, 0.6, 0.7, 0.9)}
        seed = seed_of(init, order_seed)
        models.append(replace(made_model(seed, rates=rates), seed=seed))
    known = {seed_of(*pair): pair for pair in pairs}
    return Panel(models[order], made_sizes(), ABOUT, resamples=300, pairs=known)


def test_rows_and_columns_of_the_grid_are_resampled():
    panel = crossed(PAIRS)
    points = curve_of(panel).points.set_index(["kind", "share"])
    samples = np.stack([one[:, 1, :].mean(axis=1) for one in panel.lines["good"].samples], axis=1)
    line = points.loc[("good", 0.5)]
    expected = over_seeds_and_examples(line["value"], samples, grid=grid_of(PAIRS))
    assert line[["ci_low", "ci_high"]].tolist() == pytest.approx(expected)
    alone = over_seeds_and_examples(line["value"], samples)
    assert expected[1] - expected[0] > 2 * (alone[1] - alone[0])
    assert "2 x 3 grid" in line["ci_method"]
    assert (line["varies"], line["n_seeds"]) == ("seeds and examples", 6)


def test_good_is_tested_by_the_t_of_crossed_seeds():
    panel = crossed(PAIRS)
    tests = curve_of(panel).tests
    mine = tests[tests["test"].eq(CROSSED_T)].set_index("share")
    gaps = [one.values("good")[0, 0] - one.values("random")[0].mean() for one in panel.scored]
    assert mine.loc[0.25, "p_value"] == pytest.approx(crossed_t(gaps, grid_of(PAIRS)).p_value)
    assert "sign flips over seeds" not in set(tests["test"])


def test_the_order_of_the_models_does_not_matter():
    one, other = (curve_of(crossed(PAIRS, order)) for order in (slice(None), slice(None, None, -1)))
    for name in ("points", "tests", "areas"):
        found = [getattr(side, name).drop(columns="model") for side in (one, other)]
        assert found[0].equals(found[1])


def test_a_grid_that_lacks_a_run_has_no_interval_and_no_test():
    found = curve_of(crossed(PAIRS[:-1]))
    assert found.points["ci_low"].isna().all()
    assert found.points["ci_method"].str.contains(INCOMPLETE).all()
    seeds = found.tests[found.tests["test"].eq(CROSSED_T)]
    assert seeds["p_value"].isna().all()
    assert seeds["note"].str.contains(INCOMPLETE).all()
