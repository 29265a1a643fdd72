"""Memory that runs out while a model is read: smaller batches, the same numbers, on record."""

import numpy as np
import pandas as pd
import pytest
import torch
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.steps.selection import find_good
from subprobe.data.errors import MemoryLimitError
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.training.evaluate import evaluate
from subprobe.probes import named
from subprobe.probes.forward.base import Context, ProbeResult
from subprobe.probes.named import run_named_probes
from subprobe.pruning.importance.scoring import OVER_BATCHES
from tiny import tiny_model, tiny_tokenizer
from toy_parts import toy_parts

PARTS = toy_parts()


@pytest.fixture
def model():
    return tiny_model("bert", "classification")


TOKENIZER = tiny_tokenizer("wordpiece")


def limited(model, most):
    """Let a model have no memory for more than so many examples; returns the sizes it was given."""
    seen = []

    def check(_module, args, inputs):
        seen.append(len(args[0] if args else inputs["input_ids"]))
        if seen[-1] > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    model.base_model.register_forward_pre_hook(check, with_kwargs=True)
    return seen


def test_scores_are_those_of_the_larger_batch(model):
    def scored(**options):
        return evaluate(model, TOKENIZER, PARTS.report, PARTS.spec, batch_size=16, **options)

    whole, said = scored(), []
    seen = limited(model, 8)
    found = scored(say=said.append)
    np.testing.assert_allclose(found.logits, whole.logits, atol=1e-5)
    assert np.abs(whole.logits[0] - whole.logits[1]).max() > 1e-3
    assert (whole.batch_size, found.batch_size) == (16, 8)
    assert said == ["out of memory: scoring starts again with 8 instead of 16 examples at a time"]
    assert seen == [16, 8, 8, 8]


def test_half_of_a_batch_that_was_never_full_is_half_of_what_there_is(model):
    limited(model, 12)
    found = evaluate(model, TOKENIZER, PARTS.report, PARTS.spec, batch_size=64)
    assert found.batch_size == 12


def test_a_second_time_is_an_error(model):
    limited(model, 3)
    with pytest.raises(MemoryLimitError, match="scoring with 12 examples at a time") as raised:
        evaluate(model, TOKENIZER, PARTS.report, PARTS.spec, batch_size=64)
    assert "`batch_size`" in raised.value.remedy
    assert not model.training


def search(model, **options):
    said = []
    good = find_good(
        model, TOKENIZER, PARTS, PruneOptions(keep=0.5, batch_size=16, **options), max_length=32,
        seeds=(1, 1), say=said.append,
    )  # fmt: skip
    return good, said


def test_a_search_goes_on_in_smaller_batches_and_records_them(model):
    whole, said = search(model)
    assert said == []
    assert "batch_size" not in whole.history[0]
    limited(model, 8)
    found, said = search(model)
    assert said == [
        "out of memory: scoring units starts again with 8 instead of 16 examples at a time"
    ]
    assert found.history[0]["batch_size"] == 8
    np.testing.assert_array_equal(found.head_mask, whole.head_mask)
    np.testing.assert_array_equal(found.mlp_mask, whole.mlp_mask)


@pytest.mark.parametrize("importance", OVER_BATCHES)
def test_importance_over_batches_has_no_smaller_ones(importance, model):
    """It would be another importance."""
    limited(model, 8)
    with pytest.raises(MemoryLimitError, match="with 16 examples at a time"):
        search(model, importance=importance)


def probed(model, names, options, said):
    context = Context(
        model=model, tokenizer=TOKENIZER, anatomy=anatomy_of(model), subnetwork=None,
        spec=PARTS.spec, max_length=32,
    )  # fmt: skip
    return run_named_probes(
        context, PARTS.report[:12], names, options=options, batch_size=8, say=said.append
    )


def test_probes_that_share_a_pass_start_again(model):
    names, said = ["attention-stats"], []
    whole = probed(model, names, {}, said)
    assert said == []
    limited(model, 4)
    found = probed(model, names, {}, said)
    assert said == [
        "out of memory: probing (attention-stats) starts again with 4 instead of 8 examples "
        "at a time"
    ]
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_allclose(
            one.rows["value"].to_numpy(float), other.rows["value"].to_numpy(float), atol=1e-5
        )
        assert one.notes["attention-stats_batch_size"] == 4
        assert other.notes["attention-stats_batch_size"] == 8


def test_memory_that_is_too_little_for_half_ends_the_probes(model):
    limited(model, 3)
    with pytest.raises(MemoryLimitError, match=r"probing \(attention-stats\) with 4 examples"):
        probed(model, ["attention-stats"], {}, [])


def test_a_probe_with_a_pass_of_its_own_gets_smaller_sizes():
    """All that it has, in proportion; whatever they were given as."""
    seen = []

    def code(context, examples, *, batch_size=3, internal_batch_size=16, progress=None):
        seen.append((batch_size, internal_batch_size))
        if internal_batch_size > 8:
            raise MemoryError
        return ProbeResult("own", rows_frame(pd.DataFrame()), items_frame(pd.DataFrame()))

    found = named._own_pass("own", code, None, (), {}, None, None)
    assert seen == [(3, 16), (1, 8)]
    assert found.notes == {"own_batch_size": 8}
    seen.clear()
    assert named._own_pass("own", code, None, (), {"batch_size": 16}, None, None).notes
    assert seen == [(16, 16), (8, 8)]
    with pytest.raises(MemoryLimitError, match=r"probing \(own\)"):
        named._own_pass("own", code, None, (), {"internal_batch_size": 32}, None, None)
