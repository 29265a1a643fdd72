"""Several ways of pruning in one run, subnetworks across seeds, and ways to choose masks."""

import json
import re
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from judged import only_diverged
from subprobe.analysis.cells import training
from subprobe.analysis.configuration.mask_options import PruneOptions, SearchMethod
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.report.report import render_report
from subprobe.analysis.screen.console import print_comparison
from subprobe.models.masks.names import METHODS as MASK_METHODS
from subprobe.models.masks.subnetwork import Subnetwork
from tiny_run import tiny_config, without_report

# three searches by folds, two lottery rounds, two seeds
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHOSEN = ["structured", "structured-heads", "structured-neurons", "magnitude", "imp"]


@pytest.fixture(scope="module")
def finished(tiny_encoder, tmp_path_factory):
    """A run with four methods, super masks, and cross-validation."""
    options = {
        "prune": {
            "methods": CHOSEN, "selection": "cross-validation", "folds": 3, "threshold": 0.5,
            "importance": "fisher", "rule": "study",
        },
        "lottery": {"rounds": 2, "share": 0.2, "rewind": 1},
        "controls": {"draws": 2, "untrained": False, "across_seeds": True},
        "probe": {"names": ["attention-stats"], "sentences": 6, "states": ["pruned"]},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("methods") / "run"
    with pytest.MonkeyPatch.context() as patch, without_report():
        # what a tiny encoder learns in three steps would be no ticket
        patch.setattr(training, "outcome", only_diverged)
        return run_experiment(tiny_config(tiny_encoder, **options), folder)


def test_the_options_know_every_definition():
    assert set(get_args(SearchMethod)) <= set(MASK_METHODS)
    assert PruneOptions().methods == ("structured",)


def test_every_method_has_its_masks_scores_and_controls(finished):
    rows = finished.rows
    scores = rows[(rows["probe"] == "performance") & (rows["metric"] == "accuracy")]
    for method in CHOSEN:
        mine = scores[scores["method"] == method]
        for seed in (1, 2):
            of_seed = mine[mine["seed"] == seed]
            counts = of_seed[of_seed["state"] == "pruned"]["kind"].value_counts()
            bad = 1 if method in ("magnitude", "imp") else 2
            assert (counts["good"], counts["random"], counts["bad"]) == (1, 2, bad)
            again = of_seed[of_seed["state"] == ("rewound" if method == "imp" else "retrained")]
            kinds = {"good", "random", "bad"} | (
                {"reinit", "shuffled"} if method == "imp" else set()
            )
            assert kinds <= set(again["kind"])
            infix = "" if method == "structured" else f"{method}-"
            masks = {
                kind: Subnetwork.load(
                    finished.folder
                    / "masks"
                    / f"acceptability-seed{seed}-{infix}{kind}.safetensors"
                )
                for kind in ("good", "random", "bad")
            }
            assert len({str(mask.counts()) for mask in masks.values()}) == 1
            assert {mask.method for mask in masks.values()} == {method}
    assert (scores["kind"] == "full").sum() == 2


def test_sizes_are_counted_in_what_is_pruned(finished):
    rows = finished.rows
    good = rows[(rows["kind"] == "good") & (rows["probe"] == "performance")]
    named = good.groupby("method")["sparsity_of"].unique().str[0].to_dict()
    assert named == {
        "structured": "heads+mlps", "structured-heads": "heads+mlps",
        "structured-neurons": "neurons", "magnitude": "weights", "imp": "weights",
    }  # fmt: skip
    shares = rows[(rows["metric"] == "kept_share") & (rows["kind"] == "good")]
    for method, target in (("magnitude", "weights"), ("structured-neurons", "neurons")):
        kept = shares[(shares["method"] == method) & (shares["target"] == target)]
        sparsity = good[good["method"] == method].groupby("seed")["sparsity"].first()
        np.testing.assert_allclose(1 - kept.set_index("seed")["value"], sparsity)


def test_the_size_of_the_folds_is_written_down(finished):
    mask = Subnetwork.load(finished.folder / "masks" / "acceptability-seed1-good.safetensors")
    start = mask.history[0]
    assert start["rule"] == "size"
    assert start["fold_rule"] == "study"
    sizes = np.array(start["folds"])
    assert sizes.shape == (3, 3)
    assert [mask.n_heads, mask.n_mlps] == np.round(sizes.mean(axis=0))[:2].tolist()
    assert mask.selection == "validation, 3-fold cross-validation"
    assert mask.importance == "fisher, l2"
    for method, rows in finished.rows[finished.rows["state"] == "pruned"].groupby("method"):
        assert rows["selection"].str.contains("3-fold").all() == method.startswith("structured")


def test_subnetworks_across_seeds_are_scored_in_every_seed(finished):
    rows = finished.rows
    goods = [
        Subnetwork.load(finished.folder / "masks" / f"acceptability-seed{seed}-good.safetensors")
        for seed in (1, 2)
    ]
    shared = Subnetwork.load(finished.folder / "masks" / "acceptability-super.safetensors")
    np.testing.assert_array_equal(shared.head_mask, goods[0].head_mask & goods[1].head_mask)
    for kind in ("super", "anti", "middle"):
        mine = rows[(rows["kind"] == kind) & (rows["metric"] == "accuracy")]
        found = mine.groupby(["method", "state"])["seed"].agg(sorted).map(tuple).to_dict()
        assert found == {
            (method, state): (1, 2)
            for method in ("structured", "structured-heads")
            for state in ("pruned", "retrained")
        }


def test_tables_and_report_answer_method_by_method(finished, capsys):
    summary = pd.read_csv(finished.folder / "summary_performance.csv")
    assert set(summary["method"]) == set(CHOSEN)
    masked = summary[summary["primary"] & (summary["kind"] != "bag-of-words")]
    for method, table in masked.groupby("method"):
        assert (table["kind"] == "full").sum() == 1
        assert table["weights_kept"].notna().all() == (method in ("magnitude", "imp"))
        assert table["neurons_kept"].notna().all() == (method == "structured-neurons")
    page = render_report(finished.rows, json.loads((finished.folder / "manifest.json").read_text()))
    for method in CHOSEN:
        assert re.search(rf"<h2[^>]*>acceptability \({method}\)</h2>", page)
    assert page.count('id="performance-acceptability-magnitude') == 1
    print_comparison(finished.rows, finished.manifest)
    screen = capsys.readouterr().out
    assert all(f"acceptability ({method})" in screen for method in CHOSEN)
