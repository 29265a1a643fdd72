"""Every test on a model whose true circuit is known, and the committed table of simulations."""

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.hypotheses.asked import Asked
from subprobe.analysis.hypotheses.lines import (
    against_draws,
    check_draws,
    equivalence_line,
    independence_line,
)
from subprobe.analysis.hypotheses.measure import hypotheses_of
from subprobe.analysis.hypotheses.minimality import switched, units_of_mask
from subprobe.analysis.hypotheses.scoring import MaskScorer
from subprobe.analysis.statistics.checks import checks_table
from subprobe.benchmarks.check_hypotheses import equivalence_rows, independence_rows
from subprobe.benchmarks.planted_circuit import SPEC, Planted
from subprobe.data.errors import ConfigError, MaskError

ABOUT = {"model": "planted", "task": "planted"}
UNITS = np.arange(200)


@pytest.fixture(scope="module")
def planted():
    return Planted(4, 12, 4, 120, seed=2)


@pytest.fixture(scope="module")
def found(planted):
    asked = Asked(draws=29, within="pruned", permutations=99)
    return hypotheses_of(planted, planted.mask(), SPEC, asked, about=ABOUT)


def test_the_planted_circuit_is_found(found, planted):
    tests = found.hypotheses.set_index("hypothesis")
    assert tests.loc["sufficiency", "answer"] == "sufficient"
    assert tests.loc["necessity", "answer"] == "necessary"
    assert tests.loc["independence", "answer"] == "no dependence found"
    units = found.units
    kept = units[units["kept"]]
    assert len(kept) == planted.planted
    assert kept["rejected"].all()
    places = {(int(line.layer), int(line.head)) for line in kept.itertuples()}
    assert places == set(map(tuple, np.argwhere(planted.circuit).tolist()))
    # of the pruned heads, as many as draws are put back
    assert len(units) - len(kept) == 29


def test_the_lines_are_functions_of_the_scores(found):
    scores, line = found.scored, found.hypotheses.iloc[0]
    null = scores.loc[scores["kind"] == "random", "value"].astype(float)
    good = float(scores.loc[scores["kind"] == "good", "value"].iloc[0])
    assert line["wins"] == (good > null).sum() == 29
    assert line["p_value"] == pytest.approx(0.9**29)
    assert line["least_n"] == 29
    assert float(scores["divergence"].iloc[0]) == 0.0  # the full model against itself


def test_a_mask_without_a_planted_head_is_refused_by_every_test(planted):
    heads = planted.circuit.copy()
    heads[tuple(np.argwhere(heads)[0])] = False
    asked = Asked(("sufficiency", "equivalence", "independence"), draws=29, permutations=99)
    wrong = planted.mask(~heads & ~planted.circuit)
    lines = hypotheses_of(planted, wrong, SPEC, asked, about=ABOUT).hypotheses
    lines = lines.set_index("hypothesis")
    assert lines.loc["sufficiency", "answer"] == "not shown to be sufficient"
    assert lines.loc["equivalence", "answer"] == "not shown to be equivalent"
    # without the irrelevant heads the circuit remains, and it knows what the full model knows
    assert lines.loc["independence", "answer"].startswith("the rest is not independent")


def test_the_divergence_is_that_of_the_probabilities(planted):
    scorer = MaskScorer(planted, SPEC, "kl")
    mask = planted.mask()
    full, masked = planted.score(None).logits, planted.score(mask).logits
    p, q = (np.exp(one) / np.exp(one).sum(1, keepdims=True) for one in (full, masked))
    plain = np.mean([sum(a * np.log(a / b) for a, b in zip(*rows, strict=True))
                     for rows in zip(p, q, strict=True)])  # fmt: skip
    assert scorer.score(mask).divergence == pytest.approx(plain, rel=1e-9)
    assert scorer.score(mask).quality == pytest.approx(-plain, rel=1e-9)


def test_one_unit_is_switched_at_a_time(planted):
    mask = planted.mask()
    rng = np.random.default_rng(0)
    for kept in (True, False):
        for unit in units_of_mask(mask, kept, 5, rng):
            other = switched(mask, unit)
            assert (other.head_mask != mask.head_mask).sum() == 1
            assert other.head_mask[unit[1]] != kept
            assert np.array_equal(other.mlp_mask, mask.mlp_mask)


def test_single_weights_have_no_minimality(planted):
    mask = planted.mask(method="magnitude").with_meta(
        head_mask=np.ones((4, 12), bool), weight_masks={"a": np.eye(3, dtype=bool)}
    )
    with pytest.raises(MaskError, match="not for single weights"):
        hypotheses_of(planted, mask, SPEC, Asked(), about=ABOUT)


def test_ties_are_no_wins():
    line = against_draws("sufficiency", 0.5, [0.5] * 30, 0.9)
    assert (line["wins"], line["n_ties"], line["p_value"]) == (0, 30, 1.0)
    worse = against_draws("necessity", 0.4, [0.5] * 29, 0.9)
    assert worse["p_value"] == pytest.approx(0.0471, abs=1e-4)
    few = against_draws("necessity", 0.4, [0.5] * 28, 0.9)
    assert "p_value" not in few
    assert few["flag"] == "28 draws: at least 29 are needed"
    with pytest.raises(ConfigError, match=r"p is 0.122"):
        check_draws(20, 0.9)


def test_clusters_are_the_units():
    rng = np.random.default_rng(5)
    gaps = rng.choice([-1.0, 1.0], size=50)
    single = equivalence_line(gaps, np.zeros(50), np.arange(50), 0.2)
    four = equivalence_line(np.repeat(gaps, 4), np.zeros(200), np.repeat(np.arange(50), 4), 0.2)
    assert (single["wins"], single["n"], single["p_value"]) == (
        four["wins"], four["n"], four["p_value"],
    )  # fmt: skip
    x, y = rng.normal(size=(2, 50))
    alone = independence_line(x, y, np.arange(50), None, permutations=99, seed=1)
    units = np.repeat(np.arange(50), 3)
    thrice = independence_line(
        np.repeat(x, 3), np.repeat(y, 3), units, None, permutations=99, seed=1
    )
    assert thrice["p_value"] == alone["p_value"]
    assert thrice["n"] == 50


def test_simulated_sizes_are_at_most_the_level():
    table = pd.DataFrame(checks_table("hypotheses.csv"))
    sizes, power = table[table["check"] == "size"], table[table["check"] == "power"]
    assert len(sizes) >= 20
    assert (sizes["rate"] <= 0.05 + 2 * sizes["monte_carlo_error"]).all()
    assert sizes["holds"].astype(str).eq("True").all()
    assert set(table["hypothesis"]) == {
        "sufficiency", "necessity", "equivalence", "independence", "minimality",
    }  # fmt: skip
    # 80 examples are hardly above the least number that equivalence needs
    assert (power.loc[power["n"] != 80, "rate"] >= 0.75).all()


@pytest.mark.slow
def test_a_few_simulations_give_the_committed_table():
    table = pd.DataFrame(checks_table("hypotheses.csv")).set_index(["hypothesis", "case", "n"])
    for line in [*equivalence_rows(100), *independence_rows(20)]:
        expected = table.loc[(line["hypothesis"], line["case"], line["n"])]
        error = np.hypot(line["monte_carlo_error"], expected["monte_carlo_error"]) + 0.02
        assert abs(line["rate"] - expected["rate"]) <= 4 * error, line
