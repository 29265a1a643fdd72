"""A last layer of the first token alone gives the classifier what it had, and nothing stays."""

import pytest
import torch
from model_state import PlantedError, failing_at, model_state
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.first_token import classified_token_alone, first_token_alone
from subprobe.models.masks.gates import Gates
from tiny import FAMILIES, POST_NORM, SDPA, tiny_model

LENGTHS = (9, 6, 2)


def inputs_of(model):
    ids = torch.randint(5, 500, (3, 9), generator=torch.Generator().manual_seed(1))
    real = torch.arange(9) < torch.tensor(LENGTHS)[:, None]
    ids = ids.where(real, model.config.pad_token_id)
    return {"input_ids": ids, "attention_mask": real.long()}


@torch.inference_mode()
def run(model):
    """Logits, and how many tokens the last hidden state has."""
    seen = []
    norm = anatomy_of(model).states_module(model, anatomy_of(model).num_layers - 1)
    hook = norm.register_forward_hook(lambda _m, _a, output: seen.append(output))
    try:
        logits = model(**inputs_of(model)).logits
    finally:
        hook.remove()
    states = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
    return logits, states.shape[1]


@pytest.mark.parametrize(
    ("family", "attention"),
    [(one, "eager") for one in FAMILIES] + [(one, "sdpa") for one in SDPA],
)
def test_logits_are_the_same_and_post_norm_families_compute_one_token(family, attention):
    model = tiny_model(family, "classification", layers=3, attention=attention)
    before = model_state(model)
    expected, all_tokens = run(model)
    with classified_token_alone(model):
        found, tokens = run(model)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (all_tokens, tokens) == (9, 1 if family in POST_NORM else 9)
    assert model_state(model) == before
    again, _ = run(model)
    assert torch.equal(again, expected)


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet"])
def test_gates_of_single_examples_apply(family):
    model = tiny_model(family, "classification")
    generator = torch.Generator().manual_seed(0)
    gates = torch.rand(3, 2, 4, generator=generator), torch.rand(3, 2, generator=generator)
    with Gates(model, *gates):
        expected, _ = run(model)
        with classified_token_alone(model):
            inside, _ = run(model)
    with classified_token_alone(model), Gates(model, *gates):
        outside, _ = run(model)
    torch.testing.assert_close(inside, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(outside, expected, atol=1e-5, rtol=0)


def test_a_head_that_may_read_anything_gets_every_token():
    own = tiny_model("bert", "classification")
    # a class of a user's own may read the mean of the tokens
    own.__class__ = type("MeanForSequenceClassification", (type(own),), {"__module__": __name__})
    chunked = tiny_model("bert", "classification", chunk_size_feed_forward=3)
    for model in (own, chunked):
        with classified_token_alone(model):
            assert run(model)[1] == 9
    encoder = tiny_model("bert")
    with classified_token_alone(encoder), torch.inference_mode():
        assert encoder(**inputs_of(encoder)).last_hidden_state.shape[1] == 9


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_maps_are_the_same_to_the_last_bit(family):
    model = tiny_model(family, attention="eager")
    with torch.inference_mode():
        expected = model(**inputs_of(model), output_attentions=True)
        with first_token_alone(model):
            found = model(**inputs_of(model), output_attentions=True)
    for one, other in zip(found.attentions, expected.attentions, strict=True):
        assert torch.equal(one, other)
    assert found.last_hidden_state.shape[1] == (1 if family in POST_NORM else 9)


def test_hooks_are_taken_off_after_an_exception():
    model = tiny_model("bert", "classification")
    before = model_state(model)
    fails = failing_at(model, lambda number: True)
    with fails, pytest.raises(PlantedError), classified_token_alone(model):
        run(model)
    assert model_state(model) == before
