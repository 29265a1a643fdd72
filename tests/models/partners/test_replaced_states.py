"""Pruned units with their activations on partner inputs, against a plain second implementation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from partner_oracle import activations, alone, logits_with_partner
from random_masks import random_mask
from subprobe.data.errors import MaskError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.encoder.first_token import classified_token_alone
from subprobe.models.masks.gates import Gates, gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.partners.donors import Donors, Table
from subprobe.models.partners.drawing import Drawn, Paired
from subprobe.models.partners.input_rows import InputRow
from subprobe.models.partners.replaced_states import PartnerStates
from subprobe.models.smaller.candidate import classifying_as
from tiers import mostly_slow
from tiny import FAMILIES, SDPA, tiny_model

L, H, D = 3, 4, 8
TOLERANCE = 1e-5
EFFECT = 100 * TOLERANCE
LENGTHS = (9, 4, 7, 1, 9, 5)

CASES = [(family, "eager") for family in FAMILIES] + [(family, "sdpa") for family in SDPA]
FEW = [("bert", "sdpa"), ("albert", "sdpa"), ("modernbert", "eager")]


def model_of(family="bert", attention=None, head="classification", **options):
    return tiny_model(family, head, layers=L, heads=H, hidden=H * D, attention=attention, **options)


def texts(seed, lengths=LENGTHS):
    """Inputs as plain lists: ids and segments."""
    rng = np.random.default_rng(seed)
    made = []
    for length in lengths:
        ids = rng.integers(5, 500, size=length).tolist()
        made.append((ids, [int(p >= length // 2) for p in range(length)]))
    return made


def as_row(text, segments=True):
    ids, types = text
    kept = types if segments else [0] * len(ids)
    return InputRow(np.array(ids, dtype=np.int32), np.array(kept, dtype=np.uint8))


def reads_segments(model):
    return getattr(model.config, "type_vocab_size", 0) > 1


def batch_of(model, chosen, *, left=False, extra=0):
    """Inputs padded on the right or left, with `extra` further places of padding."""
    S = max(len(ids) for ids, _ in chosen) + extra
    ids = torch.full((len(chosen), S), model.config.pad_token_id)
    mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
    for place, (one, own) in enumerate(chosen):
        here = slice(S - len(one), S) if left else slice(0, len(one))
        ids[place, here], types[place, here] = torch.tensor(one), torch.tensor(own)
        mask[place, here] = 1
    more = {"token_type_ids": types} if reads_segments(model) else {}
    return {"input_ids": ids, "attention_mask": mask, **more}


def resample_mask(model, mask, pool, seed=0, match="any"):
    donors = Donors.of([as_row(one, reads_segments(model)) for one in pool])
    drawn = Drawn(donors, seed, match)
    return mask.with_meta(ablation="resample", constants=drawn.arrays()), drawn


def counterfactual_mask(model, mask, own, others):
    segments = reads_segments(model)
    pairs = Table.of({as_row(one, segments).key: n for n, one in enumerate(own)})
    paired = Paired(Donors.of([as_row(one, segments) for one in others]), pairs)
    return mask.with_meta(ablation="counterfactual", constants=paired.arrays())


def some_mask(model, seed=0, share=0.5, neurons=True):
    anatomy = anatomy_of(model)
    return random_mask(L, H, anatomy.num_neurons, seed, with_neurons=neurons, share=share)


@torch.no_grad()
def logits(model, chosen, mask, **options):
    with gated(model, mask):
        return model(**batch_of(model, chosen, **options)).logits


@pytest.mark.parametrize(("family", "attention"), mostly_slow(CASES, FEW))
def test_resampled_units_equal_a_plain_replacement(family, attention):
    """One example at a time, with partners that are shorter, longer and of equal length."""
    model = model_of(family, attention)
    own, pool = texts(0), texts(1, (3, 9, 12, 6, 1))
    mask, drawn = resample_mask(model, some_mask(model), pool)
    found = logits(model, own, mask)
    chosen = [drawn.of(as_row(one, reads_segments(model))) for one in own]
    assert len(set(chosen)) > 2
    for place, text in enumerate(own):
        expected = logits_with_partner(model, text, pool[chosen[place]], mask)
        assert float((found[place] - expected).abs().max()) <= TOLERANCE
    assert float((found - logits(model, own, None)).abs().max()) >= EFFECT
    zeros = mask.with_meta(ablation="zero", constants={})
    assert float((found - logits(model, own, zeros)).abs().max()) >= EFFECT


@pytest.mark.parametrize(("family", "attention"), mostly_slow(CASES, FEW))
def test_an_empty_mask_has_only_the_activations_of_the_counterfactual(family, attention):
    model = model_of(family, attention)
    own, others = texts(0), texts(1)
    empty = Subnetwork(np.zeros((L, H), dtype=bool), np.zeros(L, dtype=bool))
    found = logits(model, own, counterfactual_mask(model, empty, own, others))
    for place, (text, other) in enumerate(zip(own, others, strict=True)):
        expected = logits_with_partner(model, text, other, empty)
        assert float((found[place] - expected).abs().max()) <= TOLERANCE
    assert float((found - logits(model, own, None)).abs().max()) >= EFFECT


def test_an_empty_mask_of_bert_written_out():
    """Embeddings of the input, and in each layer what the counterfactual adds to the stream."""
    model = model_of()
    (own,), (other,) = texts(0, (6,)), texts(1, (6,))
    empty = Subnetwork(np.zeros((L, H), dtype=bool), np.zeros(L, dtype=bool))
    found = logits(model, [own], counterfactual_mask(model, empty, [own], [other]))
    inputs = alone(model, own)
    with torch.no_grad():
        states = model.bert.embeddings(
            input_ids=inputs["input_ids"], token_type_ids=inputs["token_type_ids"]
        )
        for block, theirs in zip(model.bert.encoder.layer, activations(model, other), strict=True):
            output = block.attention.output
            states = output.LayerNorm(output.dense(theirs["head"]) + states)
            states = block.output.LayerNorm(theirs["mlp"] + states)
        expected = model.classifier(model.bert.pooler(states))
    assert float((found - expected).abs().max()) <= TOLERANCE


@pytest.mark.parametrize(("family", "attention"), mostly_slow(CASES, FEW))
def test_the_full_mask_is_the_model(family, attention):
    model = model_of(family, attention)
    own = texts(0)
    whole = full_subnetwork(anatomy_of(model))
    plain = logits(model, own, None)
    resampled, _ = resample_mask(model, whole, texts(1))
    for mask in (resampled, counterfactual_mask(model, whole, own, texts(2))):
        assert torch.equal(logits(model, own, mask), plain)
        # also where gates of 1 are attached
        with (
            torch.no_grad(),
            PartnerStates(model, mask.ablation, mask.constants) as instead,
            Gates(model, torch.ones(L, H), torch.ones(L), instead=instead),
        ):
            assert torch.equal(model(**batch_of(model, own)).logits, plain)


@pytest.mark.parametrize("family", ["bert", "albert", "roberta", "deberta-v2"])
def test_batches_order_and_padding_do_not_matter(family):
    model = model_of(family)
    own = texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1, (3, 9, 12, 6)))
    whole = logits(model, own, mask)
    single = torch.cat([logits(model, [one], mask) for one in own])
    back = logits(model, own[::-1], mask).flip(0)
    padded = logits(model, own, mask, extra=5)
    for found in (single, back, padded):
        assert float((found - whole).abs().max()) <= TOLERANCE


def test_padding_on_the_left_meets_the_same_partners():
    """Positions of the input change then, so that only what replaces units is compared."""
    model = model_of("bert")
    own = texts(0)
    mask, _ = resample_mask(model, some_mask(model, share=0.0), texts(1, (3, 9, 12)))
    with PartnerStates(model, mask.ablation, mask.constants) as states, torch.no_grad():
        model(**batch_of(model, own))
        right = [states.head(1), states.mlp(2), states.neuron(0)]
        model(**batch_of(model, own, left=True))
        left = [states.head(1), states.mlp(2), states.neuron(0)]
    S = max(LENGTHS)
    for one, other in zip(right, left, strict=True):
        for place, length in enumerate(LENGTHS):
            gap = one[place, :length] - other[place, S - length :]
            assert float(gap.abs().max()) <= TOLERANCE


def test_the_same_file_gives_the_same_logits_and_another_seed_others(tmp_path):
    model, own = model_of(), texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1))
    mask.save(tmp_path / "m.safetensors")
    again = Subnetwork.load(tmp_path / "m.safetensors")
    assert again.to_bytes() == mask.to_bytes()
    assert torch.equal(logits(model, own, again), logits(model, own, mask))
    other, _ = resample_mask(model, some_mask(model), texts(1), seed=1)
    assert other.mask_id != mask.mask_id
    assert float((logits(model, own, other) - logits(model, own, mask)).abs().max()) >= EFFECT


def test_gradients_run_along_the_line_from_the_partner():
    """d logit / d gate = sum over positions of d logit / d output times (x - c), by differences."""
    model = model_of().double()
    own = texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1))
    inputs = batch_of(model, own)
    head = torch.full((L, H), 0.7, dtype=torch.float64, requires_grad=True)
    mlp = torch.full((L,), 0.6, dtype=torch.float64, requires_grad=True)
    with PartnerStates(model, mask.ablation, mask.constants) as instead:
        with Gates(model, head, mlp, instead=instead):
            model(**inputs).logits[:, 0].sum().backward()

        def value(change_head=0.0, change_mlp=0.0):
            moved = head.detach().clone(), mlp.detach().clone()
            moved[0][1, 2] += change_head
            moved[1][2] += change_mlp
            with Gates(model, *moved, instead=instead), torch.no_grad():
                return float(model(**inputs).logits[:, 0].sum())

        step = 1e-5
        slopes = [
            (value(step) - value(-step)) / (2 * step),
            (value(0, step) - value(0, -step)) / (2 * step),
        ]
    assert float(head.grad[1, 2]) == pytest.approx(slopes[0], rel=1e-5, abs=1e-8)
    assert float(mlp.grad[2]) == pytest.approx(slopes[1], rel=1e-5, abs=1e-8)


def test_the_partners_follow_the_weights_and_never_drop_out():
    """While the model is trained, partners are read in eval mode with the weights of the step."""
    model, own = model_of(), texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1))
    inputs = batch_of(model, own)
    with PartnerStates(model, mask.ablation, mask.constants) as states:
        model.train()
        model(**inputs)
        first = states.mlp(L - 1).clone()
        model(**inputs)
        assert torch.equal(states.mlp(L - 1), first)
        assert model.training
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.1)
        model(**inputs)
        changed = states.mlp(L - 1)
    assert float((changed - first).abs().max()) >= EFFECT
    assert not changed.requires_grad


def test_what_was_read_in_inference_mode_can_be_used_with_gradients():
    model, own = model_of(), texts(0)
    mask, _ = resample_mask(model, some_mask(model, neurons=False), texts(1))
    gate = torch.full((L, H), 0.5, requires_grad=True)
    with PartnerStates(model, mask.ablation, mask.constants) as instead:
        with torch.inference_mode(), Gates(model, gate, instead=instead):
            model(**batch_of(model, own))
        with Gates(model, gate, instead=instead):
            model(**batch_of(model, own)).logits.sum().backward()
    assert float(gate.grad.abs().max()) > 0


def test_hooks_of_others_see_only_the_pass_of_the_input():
    """A probe that records states must not record those of partners."""
    model, own = model_of(), texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1, (3, 12)))
    seen = []
    handle = model.bert.encoder.layer[0].register_forward_hook(
        lambda _module, _args, output: seen.append(output.shape)
    )
    logits(model, own, mask)
    handle.remove()
    assert len(seen) == 1
    with gated(model, mask):
        states = model(**batch_of(model, own), output_hidden_states=True).hidden_states
    assert len(states) == L + 1
    assert not model.bert._forward_pre_hooks


@pytest.mark.parametrize("family", ["bert", "distilbert", "albert"])
def test_scoring_computes_the_last_layer_of_the_first_token_alike(family):
    model, own = model_of(family), texts(0)
    mask, _ = resample_mask(model, some_mask(model), texts(1, (3, 12, 7)))
    with classifying_as(model, mask) as running, torch.inference_mode():
        assert running is model
        found = running(**batch_of(model, own)).logits
    assert float((found - logits(model, own, mask)).abs().max()) <= TOLERANCE
    with gated(model, mask), classified_token_alone(model), torch.inference_mode():
        assert torch.equal(model(**batch_of(model, own)).logits, found)


@pytest.mark.parametrize("family", ["bert", "albert"])
def test_each_option_of_a_question_has_a_partner_of_its_own(family):
    model = model_of(family, head="choice", num_labels=1)
    own, pool = texts(0), texts(1, (3, 12, 7))
    mask, drawn = resample_mask(model, some_mask(model), pool)
    flat = batch_of(model, own)
    inputs = {name: one.reshape(2, 3, -1) for name, one in flat.items()}
    with gated(model, mask), torch.no_grad():
        found = model(**inputs).logits
    assert found.shape == (2, 3)
    for place, text in enumerate(own):
        partner = pool[drawn.of(as_row(text, reads_segments(model)))]
        with torch.no_grad():
            expected = choice_logit(model, text, partner, mask)
        assert abs(float(found.flatten()[place] - expected)) <= TOLERANCE


def choice_logit(model, text, partner, mask):
    """The plain replacement for one option as a question of its own."""

    class OneOption(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner, self.config, self.base_model = inner, inner.config, inner.base_model

        def forward(self, **inputs):
            return self.inner(**{name: one[None] for name, one in inputs.items()})

    from partner_oracle import replaced

    plain = replaced(model, lambda made: activations(OneOption(made), partner), text, partner, mask)
    return OneOption(plain)(**alone(model, text)).logits[0, 0]


def test_embeddings_as_input_are_one_clear_error():
    model = model_of()
    mask, _ = resample_mask(model, some_mask(model), texts(1))
    embedded = model.get_input_embeddings()(torch.tensor([[5, 6, 7]]))
    fails = pytest.raises(MaskError, match="reads embeddings, but the ablation resample")
    with fails, gated(model, mask):
        model(inputs_embeds=embedded)
    assert not model.bert._forward_pre_hooks


def test_an_input_without_a_counterfactual_is_refused():
    model, own = model_of(), texts(0)
    mask = counterfactual_mask(model, some_mask(model), own[:3], texts(1)[:3])
    with pytest.raises(MaskError, match="the mask has no counterfactual for an input of 1 subw"):
        logits(model, own, mask)


def test_a_counterfactual_of_another_length_is_refused():
    model, own = model_of(), texts(0)
    mask = counterfactual_mask(model, some_mask(model), own, texts(1, (8, *LENGTHS[1:])))
    with pytest.raises(MaskError, match="the counterfactual of an input of 9 subwords has 8"):
        logits(model, own, mask)


@pytest.mark.parametrize(
    ("pool", "options"),
    [
        ([([700, 8], [0, 0]), ([5], [0])], {}),
        ([([7] * 129, [0] * 129), ([5], [0])], {}),
        (texts(1), {"chunk_size_feed_forward": 2}),
    ],
)
def test_a_pool_that_the_model_cannot_read_is_refused(pool, options):
    model = model_of(**options)
    mask, _ = resample_mask(model, some_mask(model), pool)
    with pytest.raises(MaskError) as caught, gated(model, mask):
        pass
    assert "\n" not in str(caught.value)


def test_masks_of_weights_and_masks_without_a_pool_are_refused():
    model = model_of()
    whole = full_subnetwork(anatomy_of(model))
    with pytest.raises(MaskError, match="lacks its activations"):
        whole.with_meta(ablation="resample")
    weights = {"encoder.layer.0.output.dense": np.ones((H * D, H * D * 3 // 2), dtype=bool)}
    mask, _ = resample_mask(model, whole, texts(1))
    with pytest.raises(MaskError, match="single weights"):
        replace(mask, weight_masks=weights)
