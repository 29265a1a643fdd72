"""What a chooser scores candidates on."""

import numpy as np
import pytest
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.steps.selection import Chooser, find_good
from subprobe.data.encoding.collate import text_batches
from subprobe.data.errors import ConfigError
from subprobe.pruning.importance.scoring import importance_pass
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

L, H = 2, 4


@pytest.mark.parametrize("importance", ["gate-batch-accumulated", "gate-example"])
def test_sums_that_depend_on_the_order_take_the_examples_as_they_are_given(importance):
    """As the study's loader does; the other definitions may have the longest first."""
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    parts, options = toy_parts(), PruneOptions(importance=importance, batch_size=5)
    chooser = Chooser(model, tokenizer, parts, options, 32)
    masks = np.ones((L, H), dtype=bool), np.ones(L, dtype=bool)
    found = chooser.importance(parts.selection)(*masks).head_importance
    passes = {
        by_length: importance_pass(
            model,
            text_batches(
                tokenizer, parts.selection, batch_size=5, max_length=32, by_length=by_length
            ),
            *masks,
            method=importance,
        ).head
        for by_length in (False, True)
    }
    np.testing.assert_allclose(found, passes[False], atol=1e-5)
    same = np.allclose(passes[True], passes[False], atol=1e-3)
    assert same == (importance == "gate-example")


def chooser_of(**options):
    model, tokenizer = tiny_model("bert", "classification"), tiny_tokenizer("wordpiece")
    return Chooser(model, tokenizer, toy_parts(), PruneOptions(**options), 32)


def test_dead_units_are_taken_out_by_default_and_score_in_the_study():
    heads, mlps = np.ones((L, H), dtype=bool), np.ones(L, dtype=bool)
    heads[0, 1] = heads[1, 2] = mlps[1] = False
    found = {}
    for scores in ("default", "study"):
        chooser = chooser_of(scores=scores, normalise="none")
        scored = chooser.importance(chooser.parts.selection)(heads, mlps)
        dead = [*scored.head_importance[~heads], *scored.mlp_importance[~mlps]]
        found[scores] = scored
        assert (np.array(dead) == 0).all() if scores == "default" else min(dead) > 0
    for name, mask in (("head_importance", heads), ("mlp_importance", mlps)):
        ours, theirs = (getattr(found[scores], name)[mask] for scores in ("default", "study"))
        np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=1e-4)


def test_both_ways_of_scoring_find_the_same_mask_where_nothing_else_differs():
    """Raw scores, no rejection: then only the shrinking is left, and it changes nothing."""
    masks = []
    for scores in ("default", "study"):
        chooser = chooser_of(scores=scores, normalise="none", keep=0.5)
        masks.append(
            find_good(
                chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
                seeds=(1, 1),
            )
        )  # fmt: skip
    assert masks[0].n_heads == L * H // 2
    np.testing.assert_array_equal(masks[0].head_mask, masks[1].head_mask)
    np.testing.assert_array_equal(masks[0].mlp_mask, masks[1].mlp_mask)


@pytest.mark.parametrize("importance", ["gate-example", "fisher"])
def test_a_search_tells_what_it_ranks_the_units_of_the_full_model_by(importance):
    chooser, told = chooser_of(importance=importance, keep=0.5), []
    find_good(
        chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
        seeds=(1, 1), scored=told.append,
    )  # fmt: skip
    (scored,) = told
    batches = text_batches(chooser.tokenizer, chooser.parts.selection, batch_size=32, max_length=32)
    masks = np.ones((L, H), dtype=bool), np.ones(L, dtype=bool)
    plain = importance_pass(chooser.model, batches, *masks, method=importance)
    np.testing.assert_allclose(scored.head_importance, plain.head, atol=1e-5)
    np.testing.assert_allclose(scored.mlp_importance, plain.mlp, atol=1e-5)


def test_a_search_by_magnitude_scores_no_units():
    chooser, told = chooser_of(threshold=0.5), []
    find_good(
        chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
        seeds=(1, 1), method="magnitude", scored=told.append,
    )  # fmt: skip
    assert told == []


def test_a_candidate_takes_one_pass():
    chooser = chooser_of(scores="study", batch_size=4, keep=0.5)
    count = 0

    def counted(*_):
        nonlocal count
        count += 1

    chooser.model.base_model.register_forward_hook(counted)
    candidates = []
    find_good(
        chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
        seeds=(1, 1), progress=lambda done, _: candidates.append(done),
    )  # fmt: skip
    batches = -(-len(chooser.parts.selection) // 4)
    assert len(candidates) > 1
    assert count == len(candidates) * batches


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"min_heads": 4}, "must be <= 3 for layers of 4 heads, got 4"),
        ({"min_heads": 3, "keep": 0.5}, "must be <= 2 for a mask of 4 heads, got 3"),
    ],
)
def test_layers_cannot_keep_more_heads_than_there_are_or_than_asked_for(options, told):
    chooser = chooser_of(**options)
    with pytest.raises(ConfigError, match=told):
        find_good(
            chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
            seeds=(1, 1),
        )  # fmt: skip


def test_more_folds_than_examples_are_refused():
    count = len(toy_parts().selection)
    chooser = chooser_of(selection="cross-validation", folds=count + 1)
    with pytest.raises(
        ConfigError, match=f"must be at most {count}, the number of examples, got {count + 1}"
    ):
        find_good(
            chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
            seeds=(1, 1),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "folded"), [("structured", True), ("structured-mlps", True), ("magnitude", False)]
)
def test_masks_name_folds_where_there_were_some(method, folded):
    chooser = chooser_of(selection="cross-validation", folds=2, threshold=0.5)
    mask = find_good(
        chooser.model, chooser.tokenizer, chooser.parts, chooser.options, max_length=32,
        seeds=(1, 1), method=method,
    )  # fmt: skip
    said = f"{chooser.parts.selection_name}, 2-fold cross-validation"
    assert mask.selection == (said if folded else chooser.parts.selection_name)


def test_a_size_and_folds_that_look_for_one_exclude_each_other():
    with pytest.raises(ConfigError, match="`keep` sets the size"):
        parse_config({"prune": {"keep": 0.5, "selection": "cross-validation"}}, where="here")
