"""Every method gives what Captum gives when it is called by hand, and what theory asks for."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import captum.attr
import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import CheckpointError, ConfigError, InputError, UnknownNameError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.training.randomness import own_randomness
from subprobe.probes.attribution import word_scores
from subprobe.probes.attribution.attributions import attribute_words, run_attributions
from subprobe.probes.attribution.seeded import example_seed
from subprobe.probes.attribution.settings import COMPLETE, METHODS, AttributionSettings
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.named import run_named_probes
from tiers import mostly_slow
from torch import nn

STEPS, DRAWS, SEED = 6, 7, 3


def by_hand(context, texts, number, method):
    """Captum's own call on one unpadded text; attributions [W]."""
    model, encoded = context.model, texts.encoded[number]
    ids = torch.tensor([encoded.input_ids])
    special = torch.tensor([encoded.special]).bool()
    blank = torch.where(special, ids, context.tokenizer.mask_token_id)
    table = model.get_input_embeddings()
    end, start = table(ids).detach(), table(blank).detach()
    types = {} if encoded.token_type_ids is None else {
        "token_type_ids": torch.tensor([encoded.token_type_ids])}  # fmt: skip
    target = int(texts.examples[number].label)

    def logits(embedded):
        more = {name: one.expand(len(embedded), -1) for name, one in types.items()}
        return model(inputs_embeds=embedded, **more).logits

    word = torch.tensor(texts.words[number].word)
    W = len(texts.words[number].kept)

    def of_words(present):
        kept = (present[:, word.clamp_min(0)] > 0) | special
        return logits(torch.where(kept[..., None], end, start))

    torch.manual_seed(example_seed(SEED, texts.examples[number].id))
    np.random.seed(example_seed(SEED, texts.examples[number].id))  # noqa: NPY002
    ones = torch.ones(1, W, dtype=end.dtype)
    words = {"baselines": 0, "target": target, "perturbations_per_eval": 64}
    path = {"baselines": start, "target": target}
    block = anatomy_of(model).block(model, 1)
    values = {
        "integrated-gradients": lambda: captum.attr.IntegratedGradients(logits).attribute(
            end, **path, n_steps=STEPS),
        "input-x-gradient": lambda: captum.attr.InputXGradient(logits).attribute(
            end.requires_grad_(), target=target),
        "saliency": lambda: captum.attr.Saliency(logits).attribute(
            end.requires_grad_(), target=target),
        "gradient-shap": lambda: captum.attr.GradientShap(logits).attribute(
            end, **path, n_samples=DRAWS),
        "layer-conductance": lambda: captum.attr.LayerConductance(logits, block).attribute(
            end, **path, n_steps=STEPS),
        "feature-ablation": lambda: captum.attr.FeatureAblation(of_words).attribute(ones, **words),
        "shapley-sampling": lambda: captum.attr.ShapleyValueSampling(of_words).attribute(
            ones, **words, n_samples=DRAWS),
        "kernel-shap": lambda: captum.attr.KernelShap(of_words).attribute(
            ones, **words, n_samples=max(DRAWS, 2 * W + 2)),
    }[method]()  # fmt: skip
    values = values[0].detach().numpy()
    if values.ndim == 1:
        return values
    return np.array([values[word == place].sum() for place in range(W)])


@pytest.mark.parametrize("family", mostly_slow(["bert", "roberta", "modernbert"], ["bert"]))
@pytest.mark.parametrize("method", METHODS)
def test_attributions_equal_a_call_of_captum(family, method):
    context = tiny_context(family, "classification", seed=4)
    examples = random_examples(4)
    texts = read_texts(context, examples)
    found = attribute_words(
        context, examples, method=method, baseline="mask", target="gold", n_steps=STEPS,
        n_samples=DRAWS, layer=1, batch_size=3, internal_batch_size=5, seed=SEED,
    )  # fmt: skip
    for number, one in enumerate(found):
        with own_randomness():
            expected = by_hand(context, texts, number, method)
        np.testing.assert_allclose(one.words, expected, atol=1e-6)
        assert one.target == examples[number].label
        assert np.isnan(one.delta) == (method not in COMPLETE)


def test_the_sums_of_complete_methods_are_the_difference():
    context, examples = tiny_context("bert", "classification", seed=4), random_examples(5)
    for method in COMPLETE:
        for baseline in ("pad", "zero", "mean"):
            for one in attribute_words(context, examples, method=method, baseline=baseline):
                # conductance also lies on special tokens, whose part no word has
                if method != "layer-conductance":
                    total = one.logit_difference + one.delta
                    assert one.words.sum() == pytest.approx(total, abs=1e-6)
                if "shap" in method and method != "gradient-shap":
                    assert abs(one.delta) < 1e-5


class Linear(nn.Module):
    """Logits that are linear in the embeddings."""

    def __init__(self, encoder):
        super().__init__()
        self.config, self.table = encoder.config, encoder.get_input_embeddings()
        self.weight = nn.Parameter(torch.randn(encoder.config.hidden_size, 2).double())
        self.base_model = encoder.base_model

    device, dtype = torch.device("cpu"), torch.float64

    def get_input_embeddings(self):
        return self.table

    def forward(self, inputs_embeds, attention_mask, **_):
        from transformers.modeling_outputs import SequenceClassifierOutput

        summed = (inputs_embeds * attention_mask[..., None]).sum(dim=1)
        return SequenceClassifierOutput(logits=summed @ self.weight)


def test_on_a_linear_model_attributions_are_weight_times_input():
    torch.manual_seed(0)
    context = tiny_context("bert", "classification")
    context = replace(context, model=Linear(context.model))
    texts = read_texts(context, random_examples(5))
    every = {}
    for method in METHODS:
        if method in ("saliency", "layer-conductance"):
            continue
        every[method] = attribute_words(
            context, random_examples(5), method=method, baseline="zero", n_steps=3
        )
    for number, encoded in enumerate(texts.encoded):
        vectors = context.model.table(torch.tensor(encoded.input_ids)).detach()
        word = texts.words[number].word
        for method, found in every.items():
            by_piece = (vectors @ context.model.weight[:, found[number].target]).detach().numpy()
            expected = [by_piece[word == place].sum() for place in range(word.max() + 1)]
            np.testing.assert_allclose(found[number].words, expected, 1e-6, 1e-6, err_msg=method)
            assert np.abs(expected).max() > 1e-2


@pytest.mark.parametrize(
    ("family", "method"),
    [*(("bert", method) for method in METHODS), ("modernbert", "saliency")],
)
def test_fused_and_eager_attention_give_the_same(family, method):
    examples = random_examples(3)
    both = [
        attribute_words(
            tiny_context(family, "classification", seed=4, attention=attention), examples,
            method=method, n_steps=4, n_samples=5,
        )
        for attention in ("sdpa", "eager")
    ]  # fmt: skip
    for one, other in zip(*both, strict=True):
        np.testing.assert_allclose(one.words, other.words, atol=1e-5)
        assert np.abs(one.words).max() > 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_masks_batches_and_order_change_nothing_but_what_they_should(method):
    context = with_dead_heads(
        tiny_context("bert", "classification", seed=4), [(0, 0), (1, 1), (1, 2)]
    )
    examples, hooks = random_examples(4, pairs=True), hooks_on(context.model)
    same = {"method": method, "n_steps": 4, "n_samples": 5}
    once = attribute_words(context, examples, **same)
    again = attribute_words(context, examples[::-1], batch_size=3, internal_batch_size=2, **same)[
        ::-1
    ]
    for one, other in zip(once, again, strict=True):
        np.testing.assert_allclose(one.words, other.words, atol=1e-6)
    whole = attribute_words(replace(context, subnetwork=None), examples, **same)
    assert max(np.abs(a.words - b.words).max() for a, b in zip(once, whole, strict=True)) > 1e-3
    assert hooks_on(context.model) == hooks
    before = torch.get_rng_state()
    attribute_words(context, examples[:1], **same)
    assert torch.equal(before, torch.get_rng_state())


def test_steps_are_doubled_until_the_delta_is_small(monkeypatch):
    context, examples = tiny_context("distilbert", "classification", seed=4), random_examples(4)
    fixed = attribute_words(context, examples, n_steps=4)
    found = attribute_words(context, examples, n_steps=4, tolerance=1e-2)
    assert {one.n_steps for one in fixed} == {4}
    assert max(abs(one.delta) for one in fixed) > 1e-2 >= max(abs(one.delta) for one in found)
    for example, coarse, one in zip(examples, fixed, found, strict=True):
        assert (one.n_steps == 4) == (abs(coarse.delta) <= 1e-2)
        alone = attribute_words(context, [example], n_steps=one.n_steps)
        np.testing.assert_allclose(one.words, alone[0].words, atol=1e-6)
    monkeypatch.setattr(word_scores, "MOST_STEPS", 8)
    never = run_attributions(
        context, examples, n_steps=4, tolerance=1e-200, permutations=9, baseline="zero"
    )
    rows = never.rows.set_index("metric")
    assert rows.loc["unconverged_share", "value"] > 0
    assert rows.loc["steps_mean", "value"] == 8


def test_leaving_out_padding_does_nothing():
    context = tiny_context("bert", "classification", seed=4)
    examples = random_examples(5)
    longest = max(len(one.first.words) for one in examples)
    for one, example in zip(
        attribute_words(context, examples, method="feature-ablation", batch_size=5), examples,
        strict=True,
    ):  # fmt: skip
        alone = attribute_words(context, [example], method="feature-ablation")[0]
        np.testing.assert_allclose(one.words, alone.words, atol=1e-9)
        assert len(one.words) == len(example.first.words) <= longest
    # a word that is the padding token already is worth nothing
    pad = context.tokenizer.pad_token_id
    context.model.get_input_embeddings().weight.data[:] = (
        context.model.get_input_embeddings().weight.data[pad]
    )
    for one in attribute_words(context, examples, method="feature-ablation"):
        assert np.abs(one.words).max() < 1e-9


def test_what_cannot_be_attributed_is_refused():
    context, examples = tiny_context("bert", "classification"), random_examples(2)
    for name in ("DeepLift", "deep-lift", "deeplift-shap"):
        with pytest.raises(ConfigError, match="its rules do not cover the activations"):
            run_attributions(context, examples, method=[name])
    with pytest.raises(UnknownNameError, match="did you mean 'saliency'"):
        run_attributions(context, examples, method=["salience"])
    with pytest.raises(ConfigError, match="contains duplicates: saliency"):
        run_attributions(context, examples, method=["saliency", "saliency"])
    with pytest.raises(ConfigError, match="n_steps must be >= 2, got 1"):
        AttributionSettings(n_steps=1)
    wrong = [replace(examples[0], label=7), examples[1]]
    with pytest.raises(InputError, match="label 7 is not a class of the model, which has 2"):
        run_attributions(context, wrong, target="gold")
    with pytest.raises(InputError, match="no label to attribute"):
        run_attributions(context, [replace(examples[0], label=None)], target="gold")
    with pytest.raises(
        InputError, match="unknown layer 2 for layer-conductance: the layers are 0 to 1"
    ):
        run_attributions(context, examples, method=["layer-conductance"], layer=2)
    for family in ("albert", "deberta-v2"):
        other = tiny_context(family, "classification")
        with pytest.raises(InputError, match=f"layer-conductance cannot .* {family}"):
            run_attributions(other, examples, method=["layer-conductance"])
    with pytest.raises(InputError, match="this head predicts a number"):
        run_attributions(tiny_context("bert", "classification", num_labels=1), examples)
    short, long = (
        replace(one, first=replace(one.first, words=(word,) * len(one.first.words)))
        for one, word in zip(examples, ("the", "qzxvqzxv"), strict=True)
    )
    with pytest.raises(InputError, match="truncation left no whole word") as error:
        run_attributions(replace(context, max_length=3), [short, long])
    assert error.value.where == f"example {long.id!r}"
    context.tokenizer.mask_token = None
    with pytest.raises(CheckpointError, match="no mask token"):
        run_attributions(context, examples, baseline="mask")


def test_passes_are_halved_where_memory_runs_out_and_said(monkeypatch):
    context, examples = tiny_context("bert", "classification", seed=4), random_examples(4)
    options: dict[str, Any] = {
        "n_steps": 8, "batch_size": 2, "internal_batch_size": 16, "permutations": 9,
    }  # fmt: skip
    expected = run_attributions(context, examples, **options).rows
    run, seen, said = type(context.model).forward, [], []

    def forward(self, *args, **kwargs):
        seen.append(len(kwargs["inputs_embeds"]))
        if seen[-1] > 8:
            raise torch.OutOfMemoryError("out of memory")
        return run(self, *args, **kwargs)

    monkeypatch.setattr(type(context.model), "forward", forward)
    (found,) = run_named_probes(
        context, examples, ["attributions"], options={"attributions": options}, say=said.append
    )
    assert max(seen) == 16
    assert "starts again with 8 instead of 16 examples at a time" in said[0]
    assert found.notes["attributions_batch_size"] == 8
    for column in ("value", "p_value"):
        halved, whole = (
            rows[column].to_numpy(float, na_value=np.nan) for rows in (found.rows, expected)
        )
        np.testing.assert_allclose(halved, whole, atol=1e-6)


@pytest.mark.parametrize("method", ["integrated-gradients", "gradient-shap", "shapley-sampling"])
def test_no_pass_holds_more_texts_and_nothing_is_kept_of_it(method, monkeypatch):
    """What is in memory at once does not grow with the examples, steps or draws."""
    context = tiny_context("bert", "classification", seed=4)
    run, sizes = type(context.model).forward, []

    def forward(self, *args, **kwargs):
        sizes.append(len(kwargs["inputs_embeds"]))
        return run(self, *args, **kwargs)

    monkeypatch.setattr(type(context.model), "forward", forward)

    def kept(count):
        gc.collect()
        before = sum(one.numel() for one in gc.get_objects() if type(one) is torch.Tensor)
        found = attribute_words(
            context, random_examples(count), method=method, n_steps=9, n_samples=20,
            batch_size=2, internal_batch_size=8,
        )  # fmt: skip
        gc.collect()
        after = sum(one.numel() for one in gc.get_objects() if type(one) is torch.Tensor)
        return after - before, found

    kept(1)
    left, found = kept(6)
    assert left <= 6 * max(len(one.words) for one in found)  # the words' own values
    assert max(sizes) <= 8
