"""The headline table: gains, differences, intervals and sizes, by formulas of their own."""

import pandas as pd
import pytest
from made_comparisons import HALF, made_comparisons, made_costs
from run_rows import made_rows
from subprobe.analysis.report.page_tables import headline_table as shown_table
from subprobe.analysis.run_folder.dictionary import describe
from subprobe.analysis.summary.headline import COLUMNS, IN_BOTH, headline_table
from subprobe.analysis.summary.ranks import good_against_random
from subprobe.analysis.summary.summaries import performance_table

WHOM = {"model": "embedded", "task": "acceptability", "method": "structured"}


def headline(rows, sizes=None, **known):
    known = {"comparisons": made_comparisons(rows), **known}
    tables = {"summary_performance": performance_table(rows),
              "summary_against_random": good_against_random(rows), **known}  # fmt: skip
    return headline_table(rows, tables, sizes)


@pytest.fixture(scope="module")
def rows():
    return made_rows(probes=False)


@pytest.fixture(scope="module")
def table(rows):
    return headline(rows, {"acceptability": made_costs()}).set_index("kind")


def mean(rows, kind, state):
    mine = rows[(rows["probe"] == "performance") & (rows["kind"] == kind)]
    by_seed = mine[mine["state"] == state].groupby("seed")["value"].mean()
    return by_seed.mean()


def test_scores_gains_and_differences(rows, table):
    full = mean(rows, "full", "finetuned")
    assert list(table.index) == ["full", "good", "random", "bad"]
    for kind in ("good", "random", "bad"):
        for before, state in (("", "pruned"), ("retrained_", "retrained")):
            line, score = table.loc[kind], mean(rows, kind, state)
            assert line[f"{before}score"] == pytest.approx(score)
            assert line[f"{before}gain_kept"] == pytest.approx((score - 0.5) / (full - 0.5))
            if kind == "random":
                assert pd.isna(line[f"{before}difference"])
                continue
            gap = score - mean(rows, "random", state)
            assert line[f"{before}difference"] == pytest.approx(gap)
            # also where the comparison has random first
            assert line[f"{before}ci_low"] == pytest.approx(gap - HALF)
            assert line[f"{before}ci_high"] == pytest.approx(gap + HALF)
    for before, state in (("", "pruned"), ("retrained_", "retrained")):
        # the fine-tuned model stands in both states, next to random subnetworks of each
        line, gap = table.loc["full"], full - mean(rows, "random", state)
        assert line[f"{before}score"] == pytest.approx(full)
        assert line[f"{before}gain_kept"] == pytest.approx(1)
        assert line[f"{before}difference"] == pytest.approx(gap)
        assert line[f"{before}ci_low"] == pytest.approx(gap - HALF)
    assert IN_BOTH in table.loc["full", "note"]


def test_a_full_model_stands_alone_where_nothing_was_retrained(rows):
    pruned = rows[rows["state"] != "retrained"]
    line = headline(pruned).set_index("kind").loc["full"]
    assert pd.isna(line["retrained_score"])
    assert IN_BOTH not in line["note"]


def test_p_is_that_of_the_rank_among_random_masks(rows, table):
    ranks = good_against_random(rows)
    ranks = ranks[ranks["seed"].isna() & (ranks["state"] == "pruned")].set_index("kind")
    for kind in ("good", "bad"):
        assert table.loc[kind, "p_adjusted"] == ranks.loc[kind, "p_adjusted"]
        assert table.loc[kind, "test"] == "rank among random masks"
    assert pd.isna(table.loc["good", "retrained_p_adjusted"])
    assert "retrained: 1 draw: too few for a p-value" in table.loc["good", "note"]


def test_sizes_are_shares_of_the_full_model(table):
    costs, line = made_costs(), table.loc["good"]
    heads, mlps = round(0.58 * 72), round(0.67 * 6)
    neurons = 1536 * (6 - mlps)
    lost = (72 - heads) * 49_248 + neurons * 769 + (6 - mlps) * 384
    assert line["parameters"] == pytest.approx(1 - lost / costs["parameters"])
    saved = (72 - heads) * 14_680_064 + neurons * 196_608
    assert line["flops"] == pytest.approx(1 - saved / costs["flops"])
    assert table.loc["full", ["parameters", "flops"]].tolist() == [1, 1]


@pytest.mark.parametrize("ablation", ["mean", "learned", "resample"])
def test_constants_of_pruned_mlps_stay_as_biases(rows, table, ablation):
    masked = rows["kind"].ne("full") & rows["probe"].eq("performance")
    under = rows.assign(ablation=rows["ablation"].mask(masked, ablation))
    found = headline(under, {"acceptability": made_costs()}).set_index("kind")
    mlps = 6 - round(0.67 * 6)
    kept = 0 if ablation == "resample" else mlps * 384 / made_costs()["parameters"]
    gap = found.loc["good", "parameters"] - table.loc["good", "parameters"]
    assert gap == pytest.approx(kept, abs=1e-12)
    assert found.loc["good", "flops"] == table.loc["good", "flops"]
    # a family without biases gets some, which the counts of units do not give
    bare = {"acceptability": made_costs() | {"mlp_parameters": 0}}
    said = headline(under, bare).set_index("kind").loc["good", "note"]
    assert ("biases that hold constants" in str(said)) == (ablation != "resample")


def test_sizes_that_are_not_known_are_empty_and_said(rows):
    unknown = headline(rows).set_index("kind").loc["good"]
    assert pd.isna(unknown["parameters"])
    assert "sizes of the model are not recorded" in unknown["note"]
    shared = headline(rows, {"acceptability": made_costs() | {"separable": False}})
    line = shared.set_index("kind").loc["good"]
    assert pd.isna(line["flops"])
    assert "share their weights" in line["note"]


def test_a_full_model_at_its_baseline_has_no_gain_to_keep(rows):
    at = (rows["probe"] == "performance") & (rows["kind"] == "full")
    table = headline(rows.assign(value=rows["value"].mask(at, 0.5))).set_index("kind")
    assert table["gain_kept"].isna().all()
    assert "no gain over the majority baseline" in table.loc["good", "note"]


def test_every_column_is_described(table):
    assert [name for name in COLUMNS if not describe("summary_headline", name).meaning] == []
    for name in ("model", "task", "method", "subject", "number", "text"):
        assert describe("answers", name).meaning
    assert set(COLUMNS) == {*table.columns, "kind"}


def test_the_shown_table_says_what_varies_in_intervals_and_p(rows, table):
    line = table.reset_index()
    shown = shown_table(line, {(WHOM["model"], WHOM["task"], WHOM["method"]): "acceptability"})
    assert "pruned: minus random [95%, examples]" in shown.header
    assert "retrained: minus random [95%, examples]" in shown.header
    assert "pruned: p (masks)" in shown.header
    assert "the fine-tuned full model counts in both states" in shown.caption
    full = [cell.text for cell in shown.lines[0]]
    scores = [full[shown.header.index(f"{state}: score")] for state in ("pruned", "retrained")]
    assert scores[0] == scores[1] != "–"
    over = line.assign(
        ci_method=line["ci_method"].str.replace("over examples", "over seeds and clusters"),
        test=line["test"].mask(line["kind"].eq("bad"), "sign flips over seeds"),
    )
    header = shown_table(over, {tuple(WHOM.values()): "acceptability"}).header
    assert "pruned: minus random [95%, seeds and examples]" in header
    assert "pruned: p (masks or seeds)" in header
