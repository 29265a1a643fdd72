"""Intervals and tests of `attention-change`, and its place in runs and on the command line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from few_cells import rows_alone
from probe_cases import random_examples, tiny_context
from scipy.stats import norm
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.findings.change_statistics import with_statistics
from subprobe.data.output.tables import ROW_TYPES, read_rows, rows_frame
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.probes.attention.attention_change import AttentionChange
from subprobe.probes.forward.shared_pass import run_probes
from tiny import tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder, tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def result():
    from dataclasses import replace

    context = replace(tiny_context(), reference=tiny_model("bert", seed=5).double())
    return run_probes(context, random_examples(30), [AttentionChange(context)])[0]


@pytest.fixture(scope="module")
def rows(result):
    return with_statistics(result.rows, result.items)


def of(items, metric, relation, layer, head):
    chosen = items[(items["metric"] == metric) & (items["layer"] == layer)]
    chosen = chosen[chosen["head"] == head]
    chosen = chosen[chosen["relation"].fillna("") == relation]
    return chosen["score"].to_numpy(dtype=float)


def test_values_stay_and_columns_are_those_of_a_row(result, rows):
    assert list(rows_frame(rows).columns) == list(ROW_TYPES)
    pd.testing.assert_series_equal(rows["value"], result.rows["value"])


def test_intervals_hold_their_value_and_narrow_like_standard_errors(result, rows):
    known = rows[rows["value"].notna() & (rows["n"] > 1)]
    assert len(known) > 90
    assert (known["ci_low"] <= known["value"]).all()
    assert (known["value"] <= known["ci_high"]).all()
    for metric, relation in (("map_cosine", ""), ("attention_to_target", "verb")):
        row = rows[(rows["metric"] == metric) & (rows["relation"].fillna("") == relation)]
        row = row[(row["layer"] == 1) & (row["head"] == 2)].iloc[0]
        scores = of(result.items, metric, relation, 1, 2)
        error = scores.std() / np.sqrt(len(scores))
        assert (row["ci_high"] - row["ci_low"]) / (2 * 1.96 * error) == pytest.approx(1, abs=0.15)
    assert known["ci_method"].str.startswith("percentile bootstrap over texts").all()


def test_the_p_value_is_that_of_shuffles(result, rows):
    """The normal approximation beside 4,000 drawn shuffles, rebuilt from the exact moments."""
    tested = rows[rows["p_value"].notna()]
    assert set(tested["metric"]) == {"attention_to_target"}
    assert set(tested["unit"]) == {"head"}
    assert (tested["p_adjusted"] >= tested["p_value"]).all()
    assert (tested["family_size"] == len(tested)).all()
    for row in tested.sample(8, random_state=0).itertuples():
        place = row.relation, row.layer, row.head
        scores, mean, variance = (
            of(result.items, name, *place)
            for name in ("attention_to_target", "shuffled_mean", "shuffled_variance")
        )
        z = (scores - mean).sum() / np.sqrt(variance.sum())
        assert row.p_value == pytest.approx(2 * norm.sf(abs(z)), rel=1e-9)


def test_shuffled_targets_are_found_at_the_level_of_the_test():
    """Where targets are at random places, few p-values are small: trees here are random."""
    context = tiny_context()
    found = []
    for seed in range(1, 4):
        one = run_probes(context, random_examples(30, seed=seed), [AttentionChange(context)])[0]
        found.append(with_statistics(one.rows, one.items)["p_value"].dropna())
    p_values = pd.concat(found)
    # heads of one sentence are not independent: a wide margin, but a wrong variance is far outside
    assert 0.005 < (p_values < 0.05).mean() < 0.2


# -- runs and the command line ------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_folder(tiny_encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("change") / "run"
    options = {
        "seeds": [1],
        "prune": {"keep": 0.5},
        "controls": {"draws": 1, "untrained": False},
        "probe": {"names": ["attention-change"], "sentences": 8, "states": ["pruned", "retrained"]},
    }
    with rows_alone():
        run_experiment(tiny_config(tiny_encoder, **options), folder)
    return folder


def test_a_run_compares_every_kind_with_its_encoder(run_folder):
    rows = read_rows(run_folder / "rows.parquet")
    rows = rows[rows["probe"] == "attention-change"]
    found = {(kind, state) for kind, state in zip(rows["kind"], rows["state"], strict=True)}
    pruned = {(kind, state) for kind in ("good", "random", "bad")
              for state in ("pruned", "retrained")}  # fmt: skip
    assert found == {("full", "finetuned"), ("full", "pretrained"), *pruned}
    pretrained = rows[rows["state"] == "pretrained"]
    assert set(pretrained["metric"]) == {"attention_to_target"}
    full = rows[(rows["state"] == "finetuned") & (rows["unit"] == "head")]
    moved = full[full["metric"] == "attention_to_target_change"]
    before = pretrained[pretrained["unit"] == "head"]
    np.testing.assert_allclose(  # the same model's numbers from a pass of its own
        moved["baseline_value"].dropna().astype(float), before["value"].dropna().astype(float),
        atol=1e-6,
    )  # fmt: skip
    cosine = full.loc[full["metric"] == "map_cosine", "value"].astype(float)
    assert (cosine > 0.5).all()
    assert (cosine < 1).any()
    good = Subnetwork.load(run_folder / "masks" / "acceptability-seed1-good.safetensors")
    dead = rows[(rows["kind"] == "good") & (rows["flag"] == "dead") & (rows["unit"] == "head")]
    n_dead = int((~good.head_mask).sum())
    assert n_dead
    # cosine, targets, their change, of both states
    assert len(dead) == 2 * n_dead * (1 + 6 + 6)
    assert dead["value"].isna().all()


def test_the_command_compares_with_the_encoder_of_a_run(
    subprobe_command, run_folder, tiny_encoder, tmp_path
):
    tuned = run_folder / "models" / "acceptability-seed1"
    mask = run_folder / "masks" / "acceptability-seed1-bad.safetensors"
    asked = ["probe", tuned, "--mask", mask, "--probe", "attention-change", "--corpus", "natural",
             "--limit", 5, "--quiet", "--json"]  # fmt: skip
    outputs = []
    for more in ([], ["--reference", "pretrained"], ["--reference", tiny_encoder]):
        code, out, err = subprobe_command(*asked, *more)
        assert code == 0, err
        outputs.append(json.loads(out))
    assert outputs[0] == outputs[1] == outputs[2]
    assert {row["kind"] for row in outputs[0]} == {"bad"}
    assert any(row["metric"] == "map_cosine" and row["ci_low"] for row in outputs[0])
    code, out, _ = subprobe_command(*asked, "--reference", tuned)
    assert [row["value"] for row in json.loads(out)] != [row["value"] for row in outputs[0]]


def test_a_reference_that_does_not_fit_is_one_line(subprobe_command, tiny_encoder, tmp_path):
    tiny_model("bert", layers=3).save_pretrained(tmp_path / "deep")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "deep")
    save_tiny_encoder(tmp_path / "other", "roberta")
    change = ["--probe", "attention-change"]
    cases = (
        (change, "--reference embedded"),
        ([*change, "--reference", tmp_path / "deep"], "layers: the model has 2"),
        ([*change, "--reference", tmp_path / "other"], "a different tokenizer"),
        (
            ["--probe", "attention-stats", "--reference", tiny_encoder],
            "add --probe attention-change",
        ),
    )
    for more, said in cases:
        code, out, err = subprobe_command("probe", tiny_encoder, "--corpus", "natural",
                                          "--limit", 3, "--quiet", *more)  # fmt: skip
        assert (code, out) == (2, "")
        assert err.count("error: ") == 1
        assert said in err
