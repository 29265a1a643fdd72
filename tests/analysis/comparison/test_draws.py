"""Each draw has its own difference and test on the same items, and so has the mean over draws."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from paired_run import HEADS, dead_heads, of, write_paired_run
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.comparison.pairs import draw_pairs
from subprobe.analysis.comparison.tables import comparison_tables
from subprobe.analysis.screen.compared.comparison import print_pairs
from subprobe.analysis.statistics.corrections import adjust
from subprobe.analysis.statistics.paired_ratios import swap_ratios
from subprobe.analysis.statistics.paired_tests import cluster_signs, swap_draws, swap_test
from subprobe.data.tasks.metrics import METRICS

DRAWS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("draws") / "run"
    write_paired_run(made, n=60, draws=DRAWS, sentences=40, probe_draws=DRAWS)
    return made


@pytest.fixture(scope="module")
def tables(folder):
    rows = pd.read_parquet(folder / "rows.parquet")
    return comparison_tables(rows, folder / "cells", resamples=200)


GOOD, RANDOM, BAD = (("good", "pruned"), ("random", "pruned"), ("bad", "pruned"))


def items(folder, kind, draw, seed=1, state="pruned", probe="dependency-heads"):
    path = folder / "cells" / f"acceptability-{seed}-{kind}-{state}-{draw}.parquet"
    found = CellOutput.load(path).items
    return found[found["probe"] == probe]


def test_draws_are_paired_by_number_or_with_the_one_there_is():
    assert draw_pairs([0], [0, 1, 4]) == [(0, 0, 0), (1, 0, 1), (4, 0, 2)]
    assert draw_pairs([0, 1], [0]) == [(0, 0, 0), (1, 1, 0)]
    assert draw_pairs([0, 1, 4], [1, 4]) == [(1, 1, 0), (4, 2, 1)]
    # the mask of draw 0 retrained is held against that of draw 0 alone
    assert draw_pairs([0], [0, 1, 4], same_kind=True) == [(0, 0, 0)]


def ratio(folder, kind, draw, alive):
    found = items(folder, kind, draw)
    found = found[(found["metric"] == "dependency_accuracy") & (found["relation"] == "nsubj")]
    found = found[[place in alive for place in zip(found["layer"], found["head"], strict=True)]]
    sums = found.groupby("sentence_id")[["numerator", "denominator"]].sum().astype(float)
    return sums["numerator"].sum() / sums["denominator"].sum()


WHERE = {"metric": "dependency_accuracy", "relation": "nsubj", "seed": 1}


def test_a_probe_is_compared_in_each_draw_and_in_their_mean(folder, tables):
    gaps = []
    for draw in range(DRAWS):
        dead = {*dead_heads("good", 0), *dead_heads("random", draw)}
        alive = set(HEADS) - dead
        values = ratio(folder, "good", 0, alive), ratio(folder, "random", draw, alive)
        line = of(tables["comparisons"], GOOD, RANDOM, level="one draw", draw=draw, **WHERE)
        line = line.iloc[0]
        assert (line["value_a"], line["value_b"]) == pytest.approx(values)
        assert (line["draws_a"], line["draws_b"]) == (1, 1)
        gaps.append(values[0] - values[1])
    over = of(tables["comparisons"], GOOD, RANDOM, level="one seed", draw=None, **WHERE).iloc[0]
    assert over["difference"] == pytest.approx(np.mean(gaps))
    assert (over["draws_a"], over["draws_b"]) == (1, DRAWS)
    tested = of(tables["tests"], GOOD, RANDOM, test="exchanged sentences", **WHERE)
    assert tested["draw"].tolist() == [pd.NA, 0, 1, 2]
    assert tested["level"].tolist() == ["one seed", *["one draw"] * 3]
    assert tested["difference"].tolist() == pytest.approx([np.mean(gaps), *gaps])


def test_two_drawn_kinds_are_paired_by_number(tables):
    line = of(tables["comparisons"], RANDOM, BAD, level="one seed", **WHERE).iloc[0]
    assert (line["draws_a"], line["draws_b"]) == (DRAWS, DRAWS)
    single = of(tables["comparisons"], RANDOM, BAD, level="one draw", **WHERE)
    assert single["draw"].tolist() == [0, 1, 2]
    assert line["difference"] == pytest.approx(single["difference"].mean())


def test_models_with_one_draw_have_no_lines_of_draws(tables):
    for table in ("comparisons", "tests"):
        single = tables[table][tables[table]["level"] == "one draw"]
        assert len(single)
        kinds = {*single["kind_a"], *single["kind_b"]}
        assert not ((~single["kind_a"].isin(["random", "bad"]))
                    & ~single["kind_b"].isin(["random", "bad"])).any()  # fmt: skip
        assert {"random", "bad"} <= kinds
    again = of(tables["tests"], ("bad", "retrained"), BAD, level="one draw", metric="accuracy")
    assert set(again["draw"]) == {0}


def test_scores_are_tested_in_each_draw_and_in_their_mean(folder, tables):
    a, b = (
        np.stack([(one["prediction"] == one["gold"]).to_numpy(bool) for one in found], axis=1)
        for found in (
            [items(folder, "good", 0, probe="performance")],
            [items(folder, "random", d, probe="performance") for d in range(DRAWS)],
        )
    )
    tests = tables["tests"]
    single = of(tests, GOOD, RANDOM, level="one draw", seed=1, test="McNemar, exact")
    assert single["difference"].tolist() == pytest.approx((a - b.astype(float)).mean(axis=0))
    over = of(tests, GOOD, RANDOM, seed=1, draw=None, test="signs of examples, exact").iloc[0]
    assert over["difference"] == pytest.approx(a.mean() - b.mean())
    assert over["p_value"] == pytest.approx(cluster_signs(a, b, np.arange(60)).p_value)
    assert (over["level"], over["draws_a"], over["draws_b"]) == ("one seed", 1, DRAWS)
    mcc = of(tests, GOOD, RANDOM, level="one seed", seed=1, metric="matthews").iloc[0]
    said = [items(folder, "random", d, probe="performance") for d in range(DRAWS)]
    score = [METRICS["matthews"](one["prediction"].to_numpy(int), one["gold"].to_numpy(int))
             for one in (items(folder, "good", 0, probe="performance"), *said)]  # fmt: skip
    assert mcc["difference"] == pytest.approx(score[0] - np.mean(score[1:]))


def test_tests_of_single_draws_are_families_of_their_own(tables):
    tests = tables["tests"]
    single = tests["level"] == "one draw"
    assert tests.loc[single, "family"].str.endswith(" · each draw").all()
    assert not tests.loc[~single, "family"].str.endswith(" · each draw").any()
    for _, group in tests[tests["p_value"].notna()].groupby("family"):
        assert group["p_adjusted"].tolist() == pytest.approx(adjust(group["p_value"]).tolist())


def test_the_screen_counts_draws_that_differ(tables, capsys):
    print_pairs(tables)
    line = next(x for x in capsys.readouterr().out.splitlines() if "good - random, pruned" in x)
    tests = of(tables["tests"], GOOD, RANDOM, level="one draw", test="McNemar, exact")
    assert line.split()[-1] == f"{int((tests['p_adjusted'] <= 0.05).sum())}/{2 * DRAWS}"


# -- the tests themselves ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("columns", [(1, 4), (3, 3), (2, 3)])
def test_signs_with_draws_are_those_of_all_patterns(seed, columns):
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(9), 2)
    a, b = (rng.random((18, count)) < p for count, p in zip(columns, (0.7, 0.4), strict=True))
    gaps = np.array([(a.mean(1) - b.mean(1))[units == unit].sum() for unit in range(9)])
    sums = [abs(np.dot(signs, gaps)) for signs in product((-1, 1), repeat=9)]
    expected = np.mean(np.array(sums) >= abs(gaps.sum()) - 1e-9)
    assert cluster_signs(a, b, units).p_value == pytest.approx(expected, abs=1e-12)


def exchanged(first, second, units, statistic):
    """Every exchange of whole units, in all draws together."""
    observed = statistic(first, second)
    found = []
    for swap in product((False, True), repeat=int(units.max()) + 1):
        at = np.array(swap)[units]
        a, b = first.copy(), second.copy()
        a[at], b[at] = second[at], first[at]
        found.append(abs(statistic(a, b)) >= abs(observed) - 1e-9)
    return np.mean(found)


@pytest.mark.parametrize(
    "metric", ["matthews", "f1", pytest.param("spearman", marks=pytest.mark.slow)]
)
def test_answers_of_all_draws_are_exchanged_together(metric):
    rng = np.random.default_rng(4)
    units = np.repeat(np.arange(10), 2)
    gold = rng.integers(0, 2, 20) if metric != "spearman" else rng.normal(size=20)
    if metric == "spearman":
        first, second = gold[:, None] + rng.normal(size=(2, 20, 3)) * [[[0.4]], [[1.5]]]
    else:
        first, second = (np.where(rng.random((20, 3)) < p, gold[:, None], 1 - gold[:, None])
                         for p in (0.8, 0.55))  # fmt: skip

    def statistic(a, b):
        return np.mean([METRICS[metric](a[:, d], gold) - METRICS[metric](b[:, d], gold)
                        for d in range(3)])  # fmt: skip

    found = swap_draws(metric, first, second, gold, units, draws=8000)
    expected = exchanged(first, second, units, statistic)
    assert found.p_value == pytest.approx(expected, abs=0.02)
    one = swap_draws(metric, first[:, :1], second[:, :1], gold, units, draws=8000)
    same = swap_test(metric, first[:, 0], second[:, 0], gold, units, draws=8000)
    assert one.p_value == pytest.approx(same.p_value, abs=0.03)
    assert np.isnan(swap_draws(metric, first, first, gold, units).p_value)


def test_sentences_of_all_draws_are_exchanged_together():
    rng = np.random.default_rng(7)
    bottom = rng.integers(1, 5, (3, 10)).astype(float)
    sides = [
        np.stack([rng.binomial(bottom.astype(int), p), bottom], axis=1)[..., None].astype(float)
        for p in (0.75, 0.5)
    ]  # [D, 2, N, 1]
    found = swap_ratios(sides[0], sides[1], [f"s{i}" for i in range(10)], draws=8000)[0]

    def statistic(a, b):
        return np.mean(
            a[:, :, 0].sum(0) / a[:, :, 1].sum(0) - b[:, :, 0].sum(0) / b[:, :, 1].sum(0)
        )

    first, second = (side[..., 0].transpose(2, 0, 1) for side in sides)  # [N, D, 2]
    expected = exchanged(first, second, np.arange(10), statistic)
    assert found.p_value == pytest.approx(expected, abs=0.02)
    ids = [f"s{i}" for i in range(10)]
    for draw in range(3):
        alone = swap_ratios(sides[0][[draw]], sides[1][[draw]], ids)[0].p_value
        plain = swap_ratios(sides[0][draw], sides[1][draw], ids)[0].p_value
        assert alone == pytest.approx(plain, nan_ok=True)


@pytest.mark.slow
def test_equal_models_with_draws_are_called_different_at_the_level():
    """Draws of one law, items of which all models find some harder: 5% of the tests are wrong."""
    rng = np.random.default_rng(11)
    units, wrong, runs = np.repeat(np.arange(40), 2), 0, 1500
    for _ in range(runs):
        hard = np.repeat(rng.normal(size=40), 2)[:, None]
        a, b = (hard + rng.normal(size=(80, d)) > 0 for d in (1, 5))
        wrong += cluster_signs(a, b, units).p_value <= 0.05
    assert wrong / runs == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / runs))
