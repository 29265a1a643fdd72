"""Points, areas and tests of made answers against plain computations."""

import dataclasses

import numpy as np
import pytest
from made_curve import crossed_panel, made_model, made_panel, made_sizes
from subprobe.analysis.curve.areas import cmd, cpr
from subprobe.analysis.curve.better import DRAWS, DRAWS_NEEDED, EXAMPLES, SEEDS, few_draws
from subprobe.analysis.curve.measure import curve_of
from subprobe.analysis.curve.panel import Panel
from subprobe.analysis.statistics.paired_tests import crossed_t
from subprobe.analysis.statistics.variation import CROSSED_T, INCOMPLETE
from subprobe.data.errors import ConfigError

GRID = (0.25, 0.5, 0.75, 1.0)


def test_points_are_means_over_seeds_of_means_over_draws():
    panel = made_panel(3)
    points = curve_of(panel).points.set_index(["kind", "share"])
    for kind, draws in (("good", 1), ("random", 5), ("bad", 5)):
        for place, share in enumerate(GRID):
            line = points.loc[(kind, share)]
            each = np.array([
                [m.value for m in one.marks if (m.kind, m.place) == (kind, place)]
                for one in panel.scored
            ])  # fmt: skip
            assert each.shape == (3, draws)
            assert line["value"] == pytest.approx(each.mean(), abs=1e-12)
            assert line[["lowest", "highest"]].tolist() == [each.min(), each.max()]
            f = [
                np.mean((own - one.scores["empty"]) / (one.scores["full"] - one.scores["empty"]))
                for own, one in zip(each, panel.scored, strict=True)
            ]
            assert line["faithfulness"] == pytest.approx(np.mean(f), abs=1e-12)
            assert (line["n_seeds"], line["n_draws"], line["n"]) == (3, draws, 200)
            assert line["varies"] == "seeds and examples"
            assert line["ci_low"] < line["value"] < line["ci_high"]
    assert points.loc[("good", 0.5), ["heads", "mlps"]].tolist() == [8, 2]


def test_areas_are_those_of_each_draw():
    panel = made_panel(2)
    areas = curve_of(panel).areas.set_index(["kind", "measure"])
    for kind in ("good", "random", "bad"):
        for name, area in (("cpr", cpr), ("cmd", cmd)):
            own = []
            for one in panel.scored:
                low, high = one.scores["empty"], one.scores["full"]
                scores = one.values(kind)
                own += [area(GRID, (scores[:, d] - low) / (high - low)) for d in
                        range(scores.shape[1])]  # fmt: skip
            line = areas.loc[(kind, name)]
            assert line["value"] == pytest.approx(np.mean(own), abs=1e-12)
            assert line["highest"] == pytest.approx(max(own), abs=1e-12)
            assert line["better"] == ("higher" if name == "cpr" else "lower")
            assert line["grid"] == "0.25 0.5 0.75 1"
    assert areas.loc[("good", "cpr"), "value"] > areas.loc[("random", "cpr"), "value"]
    assert areas.loc[("good", "effective_size"), "within"] == 0.03


def test_a_perfect_curve_has_the_areas_of_one():
    rates = {"good": (1.0, 1.0, 1.0, 1.0), "random": (1.0,) * 4}
    areas = curve_of(made_panel(rates=rates, full=1.0)).areas.set_index(["kind", "measure"])
    assert areas.loc[("good", "cpr"), "value"] == pytest.approx(0.75)
    assert areas.loc[("good", "cmd"), "value"] == 0
    assert areas.loc[("good", "effective_size"), "value"] == 0.25


@pytest.mark.parametrize("cluster", [1, 4])
def test_one_seed_varies_by_examples_or_clusters_and_draws(cluster):
    points = curve_of(made_panel(1, cluster=cluster)).points.set_index(["kind", "share"])
    good, random = points.loc[("good", 0.5)], points.loc[("random", 0.5)]
    assert good["varies"] == "examples"
    assert random["varies"] == "draws and examples"
    of = "examples" if cluster == 1 else "50 clusters"
    assert of in good["ci_method"]
    assert good["n_clusters"] == 200 // cluster
    # by the binomial law
    error = np.sqrt(good["value"] * (1 - good["value"]) / 200)
    assert good["ci_high"] - good["ci_low"] == pytest.approx(2 * 1.96 * error, rel=0.35)


def test_good_masks_are_ranked_among_random_ones():
    tests = curve_of(made_panel(1, draws=9)).tests
    ranks = tests[tests["test"].eq(DRAWS) & tests["measure"].eq("score")]
    assert ranks["share"].tolist() == [0.25, 0.5, 0.75]
    panel = made_panel(1, draws=9)
    for line in ranks.itertuples():
        place = GRID.index(line.share)
        good, random = (panel.scored[0].values(kind)[place] for kind in ("good", "random"))
        assert line.p_value == pytest.approx((1 + (random >= good).sum()) / 10)
        assert line.difference == pytest.approx(float(good.mean() - random.mean()))
    assert ranks["family_size"].eq(3).all()
    assert ranks["draws_needed"].eq(19).all()
    assert ranks["note"].eq(few_draws(9)).all()
    assert (ranks["p_adjusted"] >= ranks["p_value"]).all()
    assert ranks["correction"].eq("Westfall-Young max-T").all()
    areas = tests[tests["measure"].isin(["cpr", "cmd"])]
    assert areas["p_value"].tolist() == areas["p_adjusted"].tolist() == [0.1, 0.1]
    assert areas["family_size"].eq(2).all()
    exchanged = tests[tests["test"].eq(EXAMPLES)]
    assert (exchanged["p_adjusted"] < 0.05).all()
    assert (exchanged["p_adjusted"] >= exchanged["p_value"]).all()


def test_twenty_draws_can_answer_at_every_size():
    assert 1 / (DRAWS_NEEDED + 1) <= 0.05 < 1 / DRAWS_NEEDED
    assert not few_draws(DRAWS_NEEDED)
    assert few_draws(18).startswith("smallest p of a rank among 18 random masks is 0.0526")
    tests = curve_of(made_panel(1, draws=20, n=400)).tests
    ranks = tests[tests["test"].eq(DRAWS)]
    assert ranks["p_adjusted"].eq(1 / 21).all()
    assert ranks["note"].isna().all()


@pytest.mark.parametrize("seeds", [1, 2])
def test_ranks_are_corrected_by_the_largest_value_of_each_random_curve(seeds):
    """By a plain loop over draws; each draw number is one curve."""
    panel = made_panel(seeds, draws=9, n=60)
    tests = curve_of(panel).tests
    ranks = tests[tests["test"].eq(DRAWS) & tests["measure"].eq("score")]
    curves = [np.mean([one.values("good")[:3, 0] for one in panel.scored], axis=0)]
    for draw in range(9):
        each = [one.values("random")[:3, draw] for one in panel.scored]
        curves.append(np.mean(each, axis=0))
    scaled = (np.array(curves) - np.mean(curves, axis=0)) / np.std(curves, axis=0)
    for place, p in enumerate(ranks["p_adjusted"]):
        above = sum(max(scaled[draw]) >= scaled[0][place] - 1e-9 for draw in range(1, 10))
        assert p == pytest.approx((1 + above) / 10)


def test_crossed_seeds_are_no_independent_models():
    pairs = [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    shuffled = [pairs[place] for place in (3, 0, 5, 2, 1, 4)]
    panel = crossed_panel(shuffled, draws=3)
    assert panel.grid is not None
    assert panel.grid.shape == "2 x 3"
    assert [one.seeds for one in panel.scored] == pairs
    found = curve_of(panel)
    line = found.points.set_index(["kind", "share"]).loc[("good", 0.5)]
    assert line["ci_method"].startswith("bootstrap over 2 x 3 crossed seeds and examples")
    # t of the smaller number of seeds minus 1, not of five degrees of freedom
    independent = crossed_panel([(n, n) for n in range(6)], draws=3)
    other = curve_of(independent).points.set_index(["kind", "share"]).loc[("good", 0.5)]
    assert line["value"] == pytest.approx(other["value"])
    assert line["ci_high"] - line["ci_low"] > 2 * (other["ci_high"] - other["ci_low"])
    tests = found.tests
    assert set(tests["test"]) == {DRAWS, CROSSED_T}
    gaps = np.array([one.values("good")[1, 0] - one.values("random")[1].mean()
                     for one in panel.scored])  # fmt: skip
    crossed = tests[tests["test"].eq(CROSSED_T) & tests["share"].eq(0.5)].iloc[0]
    assert crossed["p_value"] == pytest.approx(crossed_t(gaps, panel.grid).p_value)
    masks = found.masks
    assert masks["seed"].unique().tolist() == [1, 1002, 1003, 2001, 2, 2003]
    assert masks.groupby("seed")["seed_order"].first().dropna().tolist() == [2, 3, 1, 3]


def test_crossed_seeds_with_a_missing_run_have_no_interval_over_seeds():
    panel = crossed_panel([(1, 1), (1, 2), (2, 1)])
    found = curve_of(panel)
    assert panel.crossed
    assert panel.grid is None
    for table in (found.points, found.areas):
        assert table["ci_low"].isna().all()
        assert table["ci_method"].eq(f"no interval: {INCOMPLETE}").all()
    tested = found.tests[found.tests["test"].eq(CROSSED_T)]
    assert tested["p_value"].isna().all()
    assert tested["note"].eq(INCOMPLETE).all()


def test_seeds_are_tested_by_their_signs():
    tests = curve_of(made_panel(6)).tests
    assert set(tests["test"]) == {DRAWS, SEEDS}
    signs = tests[tests["test"].eq(SEEDS)]
    assert signs["p_value"].min() == 2 / 2**6


def test_equal_masks_differ_by_nothing():
    tests = curve_of(made_panel(1, draws=9, rates={"good": (0.7,) * 4, "random": (0.7,) * 4})).tests
    one = tests[tests["test"].eq(EXAMPLES)]
    assert (one["p_value"] > 0.01).all()
    assert ((one["ci_low"] < 0) & (one["ci_high"] > 0)).all()


def test_other_metrics_are_tested_by_exchanges():
    tests = curve_of(made_panel(1, metric="matthews")).tests
    assert tests.loc[tests["test"].eq(EXAMPLES), "p_value"].between(0, 1).all()


def test_areas_are_undefined_without_a_gain():
    panel = made_panel(1, full=0.2)
    assert panel.degenerate
    found = curve_of(panel)
    assert found.points["flag"].eq("degenerate").all()
    assert found.points["faithfulness"].isna().all()
    areas = found.areas.set_index("measure")
    assert areas.loc[["cpr", "cmd"], "value"].isna().all()


def test_the_same_seed_gives_the_same_tables():
    one, other = (curve_of(made_panel(2)).tables() for _ in range(2))
    for name, table in one.items():
        assert table.to_csv() == other[name].to_csv()


def test_models_of_other_examples_are_refused():
    models = [made_model(0), dataclasses.replace(made_model(1), ids=tuple("abcd") * 50)]
    with pytest.raises(ConfigError, match="model-0 and model-1 are scored on different examples"):
        Panel(models, made_sizes(), {})


def test_intervals_of_areas_stay_within_their_range():
    areas = curve_of(made_panel(2)).areas.set_index(["kind", "measure"])
    cut = areas.loc[[("good", "cmd"), ("good", "effective_size")]]
    # t of one degree of freedom is wide
    assert cut["ci_low"].tolist() == [0, 0]
    assert cut["ci_high"].iloc[1] == 1
    assert areas.loc[("good", "cpr"), "ci_low"] < 0
