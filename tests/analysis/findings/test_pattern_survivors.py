from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from probe_cases import random_sentence, tiny_context, with_dead_heads
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.findings.pattern_survivors import pattern_survivor_rows
from subprobe.analysis.intervals.pattern_intervals import OVER, pattern_intervals
from subprobe.analysis.run_folder.reading import load_rows
from subprobe.analysis.wording import listed
from subprobe.data.output.tables import ROW_TYPES, items_frame, rows_frame
from subprobe.data.sentences.sentence import Example
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.patterns.attention_patterns import AttentionPatterns
from subprobe.probes.patterns.classes import PATTERNS
from subprobe.probes.patterns.network import shipped_classifier
from subprobe.probes.patterns.real_maps import confirmed_patterns
from subprobe.probes.patterns.scores import cohen_kappa
from tiny_run import tiny_config

L, H = 3, 8
ABOUT = {"model": "m", "seed": 1, "kind": "good", "state": "pruned"}


def made_cell(pattern_of, texts=30, *, threshold=0.9):
    """A full model's cell; `pattern_of(rng, layer, head)` gives the pattern of each map."""
    rng = np.random.default_rng(0)
    lines = [
        {"probe": "attention-patterns", "item_id": f"t{t}", "sentence_id": f"t{t}", "layer": la,
         "head": h, "relation": PATTERNS[k], "metric": "raw_map", "prediction": k,
         "score": rng.uniform(0.8, 1), "gold": k}
        for t in range(texts) for la in range(L) for h in range(H)
        if (k := int(pattern_of(rng, la, h))) >= 0
    ]  # fmt: skip
    rows = rows_frame([{"probe": "attention-patterns", "variant": "raw", "corpus": "c"}])
    return CellOutput(rows, items_frame(lines), {}, {"pattern_threshold": threshold})


@pytest.fixture(scope="module")
def whole():
    return full_subnetwork(tiny_context("bert", layers=L, heads=H).anatomy)


def masked(whole, kept):
    return replace(whole, head_mask=np.asarray(kept, dtype=bool))


def compared(cell, mask, subsets=200):
    rows = pattern_survivor_rows(cell, mask, ABOUT, subsets=subsets)
    assert set(rows.columns) <= set(ROW_TYPES)
    return rows


def test_shares_and_difference_by_loops(whole):
    cell = made_cell(lambda rng, layer, head: rng.integers(0, 5))
    kept = np.random.default_rng(3).random((L, H)) < 0.5
    rows = compared(cell, masked(whole, kept))
    items = cell.items
    for name, side in (("survivors", True), ("pruned", False)):
        own = [item for item in items.itertuples() if kept[item.layer, item.head] == side]
        for pattern in PATTERNS:
            share = sum(item.relation == pattern for item in own) / len(own)
            row = rows[(rows["target"] == name) & (rows["relation"] == pattern)
                       & (rows["metric"] == "pattern_share")].iloc[0]  # fmt: skip
            assert row["value"] == pytest.approx(share, abs=1e-12)
            assert row["n"] == len(own)
            assert row["ci_low"] <= share <= row["ci_high"]
        unsure = sum(item.score < 0.9 for item in own) / len(own)
        row = rows[(rows["target"] == name) & (rows["metric"] == "abstention_rate")].iloc[0]
        assert row["value"] == pytest.approx(unsure, abs=1e-12)
    tests = rows[rows["target"] == "survivors - pruned"]
    assert set(tests["ci_method"]) == set(OVER.values())
    for pattern in PATTERNS:
        sides = rows[(rows["relation"] == pattern) & (rows["metric"] == "pattern_share")]
        value = sides.set_index(["target", "ci_method"])["value"]
        for way in OVER.values():
            assert value["survivors - pruned", way] == pytest.approx(
                value["survivors", OVER["texts"]] - value["pruned", OVER["texts"]]
            )
    family = tests[(tests["metric"] == "pattern_share") & (tests["ci_method"] == OVER["heads"])]
    assert (family["family_size"] == 5).all()
    assert (family["p_adjusted"] >= family["p_value"]).all()


def test_a_difference_inside_layers_is_found(whole):
    kept = np.zeros((L, H), dtype=bool)
    kept[:, :4] = True
    cell = made_cell(lambda rng, layer, head: 1 if head < 4 else 0)
    rows = compared(cell, masked(whole, kept), subsets=999)
    row = rows[(rows["relation"] == "diagonal") & (rows["metric"] == "pattern_share")
               & (rows["target"] == "survivors - pruned")].iloc[0]  # fmt: skip
    assert row["value"] == 1
    assert row["p_value"] <= 0.01
    assert row["baseline"] == "random-heads-per-layer"


def test_a_difference_between_layers_alone_is_none(whole):
    """Layer 0 has other patterns and is kept more: no sign that survivors are special."""
    kept = np.zeros((L, H), dtype=bool)
    kept[0, :7], kept[1, :2], kept[2, :2] = True, True, True
    cell = made_cell(lambda rng, layer, head: 1 if layer == 0 else 0)
    rows = compared(cell, masked(whole, kept), subsets=300)
    row = rows[(rows["relation"] == "diagonal") & (rows["metric"] == "pattern_share")
               & (rows["target"] == "survivors - pruned")].iloc[0]  # fmt: skip
    assert row["value"] > 0.4
    assert row["baseline_value"] == pytest.approx(row["value"])
    assert row["p_value"] == 1


def test_nothing_to_compare_gives_no_rows(whole):
    cell = made_cell(lambda rng, layer, head: 0, texts=3)
    assert compared(cell, whole).empty
    assert compared(cell, masked(whole, np.zeros((L, H)))).empty
    kept = np.eye(L, H)
    assert compared(CellOutput(cell.rows, items_frame([])), masked(whole, kept)).empty
    assert not compared(cell, masked(whole, kept)).empty


@pytest.fixture(scope="module")
def probed() -> ProbeResult:
    context = with_dead_heads(tiny_context("bert"), [(0, 1)])
    texts = [Example(id=f"e{i}", first=random_sentence(f"s{i}", i, low=8)) for i in range(12)]
    return run_probes(context, texts, [AttentionPatterns(context)])[0]


def test_intervals_over_texts_are_those_of_resampled_items(probed):
    rows = pattern_intervals(probed)
    assert list(rows.columns) == list(ROW_TYPES)
    over_texts = rows[rows["ci_method"].fillna(OVER["texts"]) == OVER["texts"]]
    pd.testing.assert_series_equal(
        over_texts["value"].reset_index(drop=True), _sorted(probed)["value"].reset_index(drop=True)
    )
    items = probed.items[probed.items["metric"] == "norm_map"]
    texts = items["item_id"].unique()
    drawn = np.random.default_rng(0).multinomial(len(texts), [1 / len(texts)] * 12, size=1000)
    by_text = {t: items[items["item_id"] == t]["prediction"].to_numpy(int) for t in texts}
    shares, kappas = [], []
    rules = {t: items[items["item_id"] == t]["gold"].to_numpy(int) for t in texts}
    for weights in drawn[:200]:
        maps = np.concatenate(
            [np.repeat(by_text[t], w) for t, w in zip(texts, weights, strict=True)]
        )
        other = np.concatenate(
            [np.repeat(rules[t], w) for t, w in zip(texts, weights, strict=True)]
        )
        shares.append(np.mean(maps == 4))
        kappas.append(cohen_kappa(maps, other, classes=5))
    model = over_texts[(over_texts["unit"] == "model") & (over_texts["variant"] == "norm")]
    row = model[(model["metric"] == "pattern_share") & (model["relation"] == PATTERNS[4])].iloc[0]
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], np.quantile(shares, [0.025, 0.975]),
                               atol=0.02)  # fmt: skip
    row = model[model["metric"] == "kappa_with_rules"].iloc[0]
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], np.quantile(kappas, [0.025, 0.975]),
                               atol=0.1)  # fmt: skip


def _sorted(result):
    return pd.concat([own for _, own in result.rows.groupby("variant", sort=False)])


def test_model_rows_have_an_interval_over_heads_too(probed):
    rows = pattern_intervals(probed)
    again = rows[rows["ci_method"] == OVER["heads"]]
    assert set(again["unit"]) == {"model"}
    assert len(again) == 2 * 11
    known = again.dropna(subset=["ci_low"])
    assert (known["ci_low"] <= known["value"]).all()
    assert (known["value"] <= known["ci_high"]).all()
    dead = rows[rows["flag"] == "dead"]
    assert dead[["ci_low", "ci_high", "ci_method"]].isna().all(axis=None)


@pytest.mark.slow
def test_a_run_writes_both_tables(tiny_encoder, tmp_path):
    options = {
        "probe": {"names": ["attention-patterns"], "sentences": 12, "subsets": 30,
                  "states": ["pruned"]},
        "controls": {"draws": 1, "retrained_draws": 0, "untrained": False},
        "prune": {"keep": 0.5},
    }  # fmt: skip
    config = tiny_config(tiny_encoder, seeds=[1], examples=[24, 8, 12], **options)
    run_experiment(config, tmp_path / "run")
    rows = load_rows(tmp_path / "run")
    shares = rows[rows["probe"] == "attention-patterns"]
    assert {"full", "good", "random", "bad"} == set(shares["kind"])
    assert set(shares["variant"]) == {"raw", "norm"}
    compared = rows[rows["probe"] == "pattern-survivors"]
    assert set(compared["target"]) == {"survivors", "pruned", "survivors - pruned"}
    tests = compared[compared["p_value"].notna() & (compared["kind"] == "good")]
    assert (tests["family_size"] == 10).all()
    assert len(tests) == 20
    summary = pd.read_csv(tmp_path / "run" / "summary_probes.csv")
    assert {"pattern_share_raw", "pattern_share_norm"} <= set(summary["metric"])
    report = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "The classifier of patterns is calibrated on synthetic maps. Of its calls" in report
    confirmed = confirmed_patterns(shipped_classifier())
    assert confirmed
    assert f"only those of {listed(confirmed)} are confirmed" in " ".join(report.split())
