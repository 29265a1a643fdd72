"""Agreement of subnetworks on the words that count, beside that of two seeds."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from subprobe.analysis.attributed.over_texts import flipped_signs, mean_limits
from subprobe.analysis.attributed.word_agreement import (
    COLUMNS,
    FILE,
    ONE_SEED,
    UNREADABLE,
    agreement_table,
    read_agreement,
)
from subprobe.data.errors import DataFileError

SEEDS, EXAMPLES = (1, 2, 3), 10
MODELS = (("full", 0), ("good", 0), ("random", 0), ("random", 1))


def made_words(noise=None, *, seeds=SEEDS, rng_seed=0):
    """Attributions to words of unequal texts; good is like full, random is not."""
    rng = np.random.default_rng(rng_seed)
    noise = noise or {"full": 0.3, "good": 0.6, "random": 5.0}
    lines = []
    for example in range(EXAMPLES):
        true = rng.normal(0, 1, 4 + example)
        for seed in seeds:
            for kind, draw in MODELS:
                values = true + rng.normal(0, noise[kind], len(true))
                lines += [
                    {
                        "model": "m", "task": "t", "variant": "saliency", "seed": seed,
                        "method": "full" if kind == "full" else "structured", "kind": kind,
                        "draw": draw, "item_id": f"e{example}", "cluster_id": f"c{example // 2}",
                        "sentence": 0, "position": position, "attribution": value,
                    }
                    for position, value in enumerate(values)
                ]  # fmt: skip
    return pd.DataFrame(lines)


def line_of(table, metric, first, second):
    (line,) = table[
        (table["metric"] == metric) & (table["first"] == first) & (table["second"] == second)
    ].to_dict("records")
    return line


@pytest.fixture(scope="module")
def table():
    return agreement_table(made_words())


def values_of(words, example, seed, kind, draw=0):
    mine = words[(words["item_id"] == f"e{example}") & (words["seed"] == seed)
                 & (words["kind"] == kind) & (words["draw"] == draw)]  # fmt: skip
    return mine["attribution"].to_numpy()


@pytest.mark.parametrize("metric", ["spearman", "spearman_signed", "top_overlap"])
def test_agreement_is_that_of_a_loop_over_pairs(table, metric):
    words = made_words()

    def agree(one, other):
        if metric != "spearman_signed":
            one, other = np.abs(one), np.abs(other)
        if metric.startswith("spearman"):
            return spearmanr(one, other).statistic
        k = int(np.ceil(0.2 * len(one)))
        return len(set(np.argsort(-one)[:k]) & set(np.argsort(-other)[:k])) / k

    expected, ceiling = [], []
    for example in range(EXAMPLES):
        each = [
            agree(values_of(words, example, seed, "full"),
                  values_of(words, example, seed, "random", draw))
            for seed in SEEDS for draw in (0, 1)
        ]  # fmt: skip
        expected.append(np.mean(each))
        full = [values_of(words, example, seed, "full") for seed in SEEDS]
        ceiling.append(np.mean([agree(*pair) for pair in combinations(full, 2)]))
    line = line_of(table, metric, "full", "random")
    assert line["mean"] == pytest.approx(np.mean(expected))
    assert line["ceiling"] == pytest.approx(np.mean(ceiling))
    assert line["difference"] == pytest.approx(np.mean(expected) - np.mean(ceiling))
    assert (line["n"], line["n_clusters"], line["n_seeds"], line["n_pairs"]) == (10, 5, 3, 6)
    assert line["ci_low"] < line["mean"] < line["ci_high"]


def test_every_pair_of_kinds_stands_beside_the_ceiling(table):
    pairs = set(zip(table["first"], table["second"], strict=True))
    assert pairs == {("full", "good"), ("full", "random"), ("good", "random"), ("random", "random")}
    assert list(table.columns) == COLUMNS
    good, random = (line_of(table, "spearman", "full", kind) for kind in ("good", "random"))
    assert good["mean"] > random["mean"] + 0.2
    assert random["difference"] < -0.2
    assert line_of(table, "spearman", "random", "random")["n_pairs"] == 3
    assert (table["family_size"] == 4).all()
    assert (table["correction"] == "Holm").all()
    assert (table["p_adjusted"] >= table["p_value"]).all()


def test_clusters_too_few_for_so_many_pairs_are_said(table):
    # five clusters, four pairs of kinds
    said = "smallest possible corrected p is 0.25: 4 tests, each with p >= 0.0625"
    assert (table["n_clusters"] == 5).all()
    assert (table["note"] == said).all()
    enough = agreement_table(made_words().assign(cluster_id=lambda words: words["item_id"]))
    assert enough["note"].isna().all()


def test_one_seed_has_no_ceiling_and_says_so():
    table = agreement_table(made_words(seeds=(1,)))
    assert (table["note"] == ONE_SEED).all()
    assert table[["ceiling", "difference", "p_value"]].isna().all(axis=None)
    assert table["mean"].notna().all()


def test_a_model_that_reads_nothing_agrees_with_nobody():
    words = made_words()
    words.loc[words["kind"] == "random", "attribution"] = 0.0
    table = agreement_table(words)
    for metric in ("spearman", "top_overlap"):
        assert line_of(table, metric, "full", "random")["note"] == UNREADABLE
        assert line_of(table, metric, "full", "good")["n"] == EXAMPLES
    assert agreement_table(words[words["kind"] == "full"]).empty


def test_means_and_signs_over_units():
    rng = np.random.default_rng(0)
    values, units = rng.normal(1, 1, (40, 2)), np.repeat(np.arange(20), 2)
    values[:, 1] = np.nan
    limits = mean_limits(values, units)
    assert limits[0, 0] < values[:, 0].mean() < limits[0, 1]
    assert np.isnan(limits[1]).all()
    first, second = [1.0, 2.0, 0.5, 1.5, 1.0, 2.0, 1.0], [1.0, -1.0, 2.0, -2.0, 0.5, 1.0, -1.5]
    differences = np.column_stack([first, second])
    p_values = flipped_signs(differences, np.arange(7))
    assert p_values[0] == pytest.approx(2 / 2**7, abs=0.006)
    assert p_values[1] > 0.5


def test_a_run_writes_the_agreement_of_its_subnetworks(finished_run):
    table = pd.read_csv(finished_run / FILE)
    assert list(table.columns) == COLUMNS
    assert {("full", "good"), ("full", "random"), ("good", "bad")} <= set(
        zip(table["first"], table["second"], strict=True)
    )
    assert table["ceiling"].notna().all()
    # four texts are too few for any test
    assert table["note"].str.startswith("smallest possible corrected p is ").all()
    assert table["mean"].between(-1, 1).all()
    assert (table["n_seeds"] == 2).all()


def test_the_page_shows_what_the_table_holds(finished_run, tmp_path):
    page = (finished_run / "report.html").read_text("utf-8")
    assert 'data-source="attribution_agreement.csv"' in page
    assert "ceiling = agreement of full models of two seeds" in page
    assert read_agreement(tmp_path) == {}
    (tmp_path / FILE).write_text("model,task\nm,t\n", "utf-8")
    with pytest.raises(DataFileError, match="has no column 'method'"):
        read_agreement(tmp_path)
