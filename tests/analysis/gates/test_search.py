"""Masks that a run learns towards a size: options, ablation, and rows about their gates."""

import numpy as np
import pytest
from subprobe.analysis.cells.gate_rows import gate_rows
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.gates.search import find_by_gates
from subprobe.analysis.steps.selection import find_good
from subprobe.data.errors import ConfigError
from subprobe.models.partners.drawing import draws_of
from subprobe.models.training.evaluate import evaluate
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

TOKENIZER = tiny_tokenizer("wordpiece")
GATES = {"epochs": 1, "batch_size": 12}


def options_of(**given):
    return parse_config({"prune": {"keep": 0.5, "gates": GATES, **given}}, where="test").prune


@pytest.fixture(scope="module")
def learned():
    model, parts = tiny_model("bert", "classification"), toy_parts(train=24)
    options = options_of(methods=["hard-concrete"], ablation="mean")
    found = find_by_gates(
        model, TOKENIZER, parts, options, "hard-concrete", max_length=32, seeds=(1, 2)
    )
    return model, parts, options, found


def test_a_run_finds_the_mask_with_the_size_and_the_ablation_that_it_asks_for(learned):
    model, parts, options, found = learned
    mask = find_good(
        model, TOKENIZER, parts, options, max_length=32, seeds=(1, 2), method="hard-concrete"
    )
    assert mask == found.subnetwork
    assert mask.counts()["units"] == (5, 10)
    assert (mask.method, mask.ablation, mask.selection) == ("hard-concrete", "mean", "train")
    assert {"head", "mlp"} <= set(mask.constants)
    assert mask.history[0]["seed"] == 1


def test_gates_are_learned_with_what_replaces_the_units_that_they_close(learned):
    model, parts, _, found = learned
    zero = find_by_gates(
        model, TOKENIZER, parts, options_of(), "hard-concrete", max_length=32, seeds=(1, 2)
    )
    losses = [one.subnetwork.history[0]["loss"] for one in (found, zero)]
    assert abs(losses[0] - losses[1]) > 1e-5


def test_partners_are_drawn_as_the_run_asks():
    model, parts = tiny_model("bert", "classification"), toy_parts(train=24)
    drawn = [
        draws_of(
            find_by_gates(
                model, TOKENIZER, parts,
                options_of(methods=["hard-concrete"], ablation="resample", **given),
                "hard-concrete", max_length=32, seeds=(1, 2),
            ).subnetwork.constants
        )
        for given in ({}, {"match_donors": "label", "donor_seed": 3})
    ]  # fmt: skip
    assert drawn == [{"seed": 0, "match": "any"}, {"seed": 3, "match": "label"}]


def test_rows_hold_both_scores_on_the_selection_examples(learned):
    model, parts, _, found = learned
    rows = gate_rows(found, TOKENIZER, parts, 32)
    assert set(rows["probe"]) == {"mask"}
    scores = rows[rows["metric"] == "gate_score"].set_index("variant")
    assert list(scores.index) == ["gates=soft", "gates=hardened"]
    hard = evaluate(
        model, TOKENIZER, parts.selection, parts.spec, subnetwork=found.subnetwork, max_length=32
    )
    metric = parts.spec.metric
    assert scores.loc["gates=hardened", "value"] == pytest.approx(hard.metrics[metric])
    assert set(scores["target"]) == {metric}
    assert set(scores["split"]) == {parts.selection_name}
    assert np.isfinite(scores["baseline_value"].astype(float)).all()
    assert (rows["metric"] == "binary_share").sum() == 1


def test_gates_without_a_size_are_refused():
    with pytest.raises(ConfigError, match="`keep` is 0"):
        options_of(methods=["hard-concrete"], keep=0.0)


def test_a_search_by_rule_reads_no_options_of_gates_and_the_reverse():
    changed = options_of(gates={"epochs": 9}, threshold=0.7)
    assert "gates" not in changed.of_search("structured")
    learned = changed.of_search("hard-concrete")
    assert set(learned) == {"method", "keep", "gates"}
    assert learned["gates"]["epochs"] == 9
