"""Summaries are plain arithmetic over rows, and ranks among random draws keep their size."""

import itertools

import numpy as np
import pandas as pd
import pytest
from run_rows import ATTENTION, GROUPS, RELATIONS, made_rows
from subprobe.analysis.summary.probes import probe_table
from subprobe.analysis.summary.ranks import good_against_random, over_seeds
from subprobe.analysis.summary.summaries import SUMMARIES, performance_table, summaries
from subprobe.data.output.tables import rows_frame


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return made_rows(("acceptability", "entailment"), (1, 2, 3), draws=29)


def scores(rows: pd.DataFrame, task: str, kind: str, state: str) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    about = ("performance", task, kind, state)
    for row in rows[rows["probe"] == "performance"].to_dict("records"):
        if (row["probe"], row["task"], row["kind"], row["state"]) == about:
            found.setdefault(row["seed"], []).append(row["value"])
    return found


@pytest.mark.parametrize("kind", ["good", "random", "bad"])
def test_performance_equals_a_plain_loop(rows, kind):
    table = performance_table(rows)
    for task, state in itertools.product(("acceptability", "entailment"), ("pruned", "retrained")):
        by_seed = scores(rows, task, kind, state)
        means = [sum(v) / len(v) for v in by_seed.values()]
        flat = [v for values in by_seed.values() for v in values]
        line = table.query("task == @task and kind == @kind and state == @state").iloc[0]
        assert line["mean"] == pytest.approx(np.mean(means))
        assert (line["seed_low"], line["seed_high"]) == pytest.approx((min(means), max(means)))
        assert line["median"] == pytest.approx(np.median(flat))
        assert (line["n_seeds"], line["n_draws"]) == (3, len(by_seed[1]))
        assert (line["lowest"], line["highest"]) == (min(flat), max(flat))
        if len(by_seed[1]) >= 29:
            assert line["draw_low"] == pytest.approx(np.quantile(flat, 0.025))
            assert line["draw_high"] == pytest.approx(np.quantile(flat, 0.975))
        else:
            assert pd.isna(line["draw_low"])
            assert pd.isna(line["draw_high"])


def test_performance_reads_in_order_and_knows_sizes(rows):
    table = performance_table(rows)
    one = table[table["task"] == "acceptability"]
    assert one["kind"].tolist() == [
        "full", "good", "random", "bad", "good", "random", "bad", "untrained",
    ]  # fmt: skip
    assert one["heads_kept"].tolist() == pytest.approx([1, *[42 / 72] * 6, 1])
    assert one["mlps_kept"].tolist() == pytest.approx([1, *[4 / 6] * 6, 1])
    assert set(one["baseline_value"]) == {0.5}


def test_every_metric_has_a_line_and_the_first_is_primary(rows):
    more = rows[rows["probe"] == "performance"].assign(metric="matthews", value=0.1)
    table = performance_table(pd.concat([rows, more], ignore_index=True))
    assert set(table.loc[table["primary"], "metric"]) == {"accuracy"}
    assert table.loc[table["metric"] == "matthews", "mean"].tolist() == pytest.approx([0.1] * 16)


def test_flags_are_shown_and_missing_scores_are_left_out():
    rows = made_rows(degenerate=("acceptability",))
    assert set(performance_table(rows)["flag"]) == {"degenerate"}
    lost = (rows["probe"] == "performance") & (rows["kind"] == "bad") & (rows["draw"] > 3)
    rows.loc[lost, "value"] = pd.NA
    table = performance_table(rows)
    assert table.query("kind == 'bad' and state == 'pruned'")["n_draws"].tolist() == [4]


def ranked(good: dict[int, float], random: dict[int, list[float]]) -> pd.DataFrame:
    records = [
        {"kind": kind, "seed": seed, "draw": draw, "value": value}
        for kind, of_seed in (("good", {s: [v] for s, v in good.items()}), ("random", random))
        for seed, values in of_seed.items()
        for draw, value in enumerate(values)
    ]
    about = {"probe": "performance", "model": "m", "task": "t", "metric": "accuracy"}
    about["method"] = "structured"
    return rows_frame([{**about, "state": "pruned", **record} for record in records])


def test_rank_within_a_seed_counts_draws():
    draws = [0.1 * i for i in range(30)]
    table = good_against_random(ranked({1: 0.7}, {1: draws}))
    line = table[table["seed"] == 1].iloc[0]
    below, ties = sum(x < 0.7 for x in draws), sum(x == 0.7 for x in draws)
    assert line["percentile"] == pytest.approx((below + ties / 2) / 30)
    assert line["p_value"] == pytest.approx((1 + sum(x >= 0.7 - 1e-9 for x in draws)) / 31)


def test_p_over_seeds_equals_enumeration():
    rng = np.random.default_rng(0)
    good = {1: 0.8, 2: 0.9}
    random = {seed: rng.uniform(0.5, 1, 29).tolist() for seed in good}
    table = good_against_random(ranked(good, random))
    line = table[table["seed"].isna()].iloc[0]
    choices = list(itertools.product(*([*random[s], good[s]] for s in good)))
    expected = sum(sum(choice) >= 1.7 - 1e-12 for choice in choices) / len(choices)
    assert line["p_value"] == pytest.approx(expected)
    assert line["p_floor"] == pytest.approx(1 / 900)
    assert line["p_adjusted"] == pytest.approx(expected)
    assert line["family_size"] == 1


def test_a_good_mask_like_any_draw_is_rejected_at_the_level():
    rng, runs = np.random.default_rng(5), 2000
    p = []
    for _ in range(runs):
        first, second = rng.normal(size=(2, 10))
        p.append(over_seeds([first[0], second[0]], [first[1:], second[1:]], "greater")[0])
    for level in (0.05, 0.2):
        error = 3 * np.sqrt(level * (1 - level) / runs)
        assert np.mean(np.array(p) <= level + 1e-9) == pytest.approx(level, abs=error)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("draws", [1, 5, 28, 29])
def test_ranks_among_fewer_than_29_draws_are_not_told(draws, seeds):
    """Also where several seeds together could reach the level: each seed needs its draws."""
    good = dict.fromkeys(range(seeds), 0.9)
    random = {seed: np.linspace(0.1, 0.5, draws).tolist() for seed in good}
    table = good_against_random(ranked(good, random))
    ranks = table[["p_value", "percentile", "beyond", "random_low", "random_high"]]
    over = table[table["seed"].isna()]
    assert table["random_median"].tolist() == pytest.approx([np.median(random[0])] * (seeds + 1))
    if draws == 29:
        assert ranks.notna().all(axis=None)
        assert over["p_adjusted"].notna().all()
        assert table["flag"].eq("").all()
        return
    assert ranks.isna().all(axis=None)
    assert over["p_adjusted"].isna().all()
    said = (
        f"{draws} draw{'' if draws == 1 else 's'}: too few for a p-value over draws, which needs 29"
    )
    assert set(table["flag"]) == {said}


def test_many_seeds_are_sampled_and_not_enumerated():
    rng = np.random.default_rng(1)
    good = dict.fromkeys(range(8), 5.0)
    table = good_against_random(ranked(good, {s: rng.normal(size=30).tolist() for s in good}))
    assert table.loc[table["seed"].isna(), "p_value"].iloc[0] < 0.001


def test_good_and_bad_are_tested_on_their_own_side(rows):
    table = good_against_random(rows)
    over = table[table["seed"].isna() & (table["state"] == "pruned")].set_index(["task", "kind"])
    assert over.loc[("acceptability", "good"), "p_adjusted"] < 0.05
    assert over.loc[("acceptability", "good"), "alternative"] == "greater"
    assert over.loc[("acceptability", "bad"), "alternative"] == "less"
    assert over.loc[("acceptability", "bad"), "percentile"] < 0.5
    tested = table[table["p_adjusted"].notna()]
    assert set(tested["family_size"]) == {4}


def test_attention_is_compared_over_the_same_heads(rows):
    table = probe_table(rows)
    one = rows[(rows["probe"] == "attention-stats") & (rows["metric"] == "attention_to_special")]
    one = one[(one["task"] == "acceptability")].to_dict("records")
    values: dict[int, list[float]] = {}
    full: dict[int, list[float]] = {}
    whole = {(r["seed"], r["layer"], r["head"]): r["value"] for r in one if r["kind"] == "full"}
    for r in one:
        if (r["kind"], r["state"]) == ("good", "pruned") and not pd.isna(r["value"]):
            values.setdefault(r["seed"], []).append(r["value"])
            full.setdefault(r["seed"], []).append(whole[r["seed"], r["layer"], r["head"]])
    line = table.query(
        "task == 'acceptability' and metric == 'attention_to_special' and kind == 'good'"
        " and state == 'pruned'"
    ).iloc[0]
    assert line["mean"] == pytest.approx(np.mean([np.mean(v) for v in values.values()]))
    assert line["reference"] == pytest.approx(np.mean([np.mean(v) for v in full.values()]))
    assert line["n"] == 42
    everything = np.mean(list(whole.values()))
    assert abs(line["reference"] - everything) > 1e-4  # other heads, another mean


def test_probe_lines_are_complete(rows):
    table = probe_table(rows)
    counts = table[table["task"] == "entailment"].groupby("probe").size()
    cells = 1 + 3 * 2  # full, and three kinds pruned and retrained
    assert counts["attention-stats"] == cells * len(ATTENTION)
    assert counts["dependency-heads"] == cells * (len(RELATIONS) + 2)
    assert counts["attributions"] == cells * len(GROUPS)
    assert counts["survivors"] == 3 * 2 * (len(RELATIONS) + 1)


def test_relations_are_averaged_without_the_pooled_one(rows):
    mine = rows.query("probe == 'dependency-heads' and metric == 'best_head_accuracy'")
    mine = mine.query("task == 'acceptability' and kind == 'good' and state == 'retrained'")
    expected = mine[mine["relation"] != "all"].groupby("seed")["value"].mean().mean()
    line = probe_table(rows).query(
        "task == 'acceptability' and probe == 'dependency-heads' and relation == 'all-relations'"
        " and kind == 'good' and state == 'retrained'"
    )
    assert line["mean"].tolist() == pytest.approx([expected])


def test_p_over_seeds_is_the_largest(rows):
    shares = rows.query("probe == 'attributions' and relation == 'negation' and kind == 'good'")
    shares = shares.query("task == 'entailment' and state == 'pruned'")
    line = probe_table(rows).query(
        "probe == 'attributions' and relation == 'negation' and kind == 'good'"
        " and task == 'entailment' and state == 'pruned'"
    )
    assert line["p_value"].tolist() == pytest.approx([shares["p_value"].max()])


@pytest.mark.parametrize("lines", [6, 0])
def test_rows_without_probes_or_without_anything_have_summaries(lines):
    made = made_rows(probes=False, draws=1, retrained_draws=0) if lines else rows_frame([])
    found = summaries(made)
    assert set(found) == set(SUMMARIES)
    assert found["summary_probes"].empty
    assert len(found["summary_performance"]) == lines
