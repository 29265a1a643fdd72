"""What a chooser scores candidates on."""

import numpy as np
import pytest
from subprobe.analysis.running.config import PruneOptions
from subprobe.analysis.running.selection import Chooser
from subprobe.data.collate import text_batches
from subprobe.pruning.importance import importance_pass
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
