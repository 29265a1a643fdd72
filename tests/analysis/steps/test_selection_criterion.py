"""Masks that are chosen by loss or by faithfulness to the full model, found through the options."""

import numpy as np
import pytest
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.steps.degenerate import degenerate_search
from subprobe.analysis.steps.selection import find_good
from subprobe.data.errors import ConfigError
from subprobe.models.training.evaluate import evaluate
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

TOKENIZER = tiny_tokenizer("wordpiece")


def options_of(**given):
    return parse_config({"prune": given}, where="test").prune


def found_by(method="structured", **given):
    model, parts = tiny_model("bert", "classification"), toy_parts(train=24)
    mask = find_good(
        model, TOKENIZER, parts, options_of(**given), max_length=32, seeds=(1, 2), method=method
    )
    return model, parts, mask


@pytest.mark.parametrize("method", ["structured", "structured-neurons", "magnitude"])
def test_the_divergence_of_the_mask_is_below_the_threshold(method):
    model, parts, mask = found_by(method, criterion="kl", rule="absolute", threshold=0.05)
    logits = [
        evaluate(
            model, TOKENIZER, parts.selection, parts.spec, subnetwork=one, max_length=32
        ).logits
        for one in (None, mask)
    ]
    p, q = (np.exp(one) / np.exp(one).sum(1, keepdims=True) for one in logits)
    divergence = float((p * np.log(p / q)).sum(1).mean())
    assert 0 < divergence <= 0.05
    accepted = [one["kl"] for one in mask.history if one["accepted"]]
    assert accepted[-1] == pytest.approx(divergence, abs=1e-6)
    assert accepted[0] == pytest.approx(0, abs=1e-9)
    assert mask.history[0]["criterion"] == "kl"
    # something is pruned, and the first candidate that is too different is not
    assert mask.sparsity(mask.size_of) > 0
    assert next(one["kl"] for one in mask.history if not one["accepted"]) > 0.05
    assert not any("metric" in one for one in mask.history)
    assert mask.history[0]["target"] == 0.05
    assert mask.history[0]["baseline"] > 0


def test_folds_choose_a_size_by_the_divergence_on_examples_that_ranked_nothing():
    _, _, mask = found_by(criterion="kl", selection="cross-validation", folds=2, threshold=0.5)
    assert len(mask.history[0]["folds"]) == 2


def test_a_loss_no_lower_than_that_of_a_constant_is_degenerate():
    """The labels have nothing to do with a random model."""
    _, _, mask = found_by(criterion="loss")
    assert mask.history[0]["loss"] >= mask.history[0]["baseline"] > 0
    assert "loss on the selection examples is no lower" in degenerate_search(mask)
    assert mask.head_mask.all()


def test_the_history_names_the_criterion_also_of_a_search_for_a_size():
    _, _, mask = found_by(criterion="kl", keep=0.5)
    assert mask.history[0]["criterion"] == "kl"
    assert mask.history[0]["rule"] == "size"
    assert mask.history[0]["kl"] == pytest.approx(0, abs=1e-9)
    assert mask.history[-1]["kl"] > 0
    assert degenerate_search(mask) == ""


@pytest.mark.parametrize(
    "given",
    [{"criterion": "kl", "rule": "study"}, {"criterion": "loss", "methods": ["imp"]}],
    ids=str,
)
def test_what_is_not_defined_is_refused_before_any_work(given):
    with pytest.raises(ConfigError, match="criterion"):
        options_of(**given)


def test_the_criterion_decides_only_where_it_is_not_the_score():
    plain = options_of().of_search("structured")
    assert "criterion" not in plain
    assert options_of(criterion="kl").of_search("structured") == {**plain, "criterion": "kl"}
