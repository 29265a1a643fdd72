from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.errors import AnnotationError, InputError
from subprobe.data.sentences.word_groups import GROUPS, word_groups
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.probes.attribution.attribution_rows import WORD_METRIC
from subprobe.probes.attribution.attributions import attribute_words, run_attributions
from tiers import mostly_slow
from tiny import FAMILIES


def plain_attribution(context, example, n_steps):
    """Integrated gradients by a loop over steps, one text; attributions [W] and logits' change."""
    model = context.model
    encoded = encode_words(
        context.tokenizer,
        [example.first],
        [example.second] if example.second else None,
        max_length=128,
    )[0]
    extra = {}
    if encoded.token_type_ids is not None:
        extra["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    ids = torch.tensor([encoded.input_ids])
    blank = torch.where(torch.tensor([encoded.special]), ids, context.tokenizer.pad_token_id)
    table = model.get_input_embeddings()
    end, start = table(ids).detach(), table(blank).detach()
    logits = model(input_ids=ids, **extra).logits[0]
    target = int(logits.argmax())
    points, weights = np.polynomial.legendre.leggauss(n_steps)
    total = torch.zeros_like(end)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        here = (start + point * (end - start)).requires_grad_()
        model(inputs_embeds=here, **extra).logits[0, target].backward()
        total += weight * here.grad
    by_piece = ((end - start) * total).sum(-1)[0].detach().numpy()
    blank_logit = model(inputs_embeds=start, **extra).logits[0, target]
    keys = [
        (segment, word)
        for segment, word in zip(encoded.segment_of_piece, encoded.word_of_piece, strict=True)
        if word >= 0
    ]
    by_word = dict.fromkeys(keys, 0.0)
    for piece, word in enumerate(encoded.word_of_piece):
        if word >= 0:
            by_word[encoded.segment_of_piece[piece], word] += by_piece[piece]
    return np.array(list(by_word.values())), (logits[target] - blank_logit).item(), target


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", mostly_slow(["bert", "roberta", "mpnet"], ["bert"]))
def test_agrees_with_a_loop_over_steps(family, pairs):
    context, examples = tiny_context(family, "classification"), random_examples(4, pairs=pairs)
    found = attribute_words(context, examples, n_steps=6, batch_size=3)
    for example, one in zip(examples, found, strict=True):
        words, difference, target = plain_attribution(context, example, 6)
        assert one.predicted == target
        np.testing.assert_allclose(one.words, words, atol=1e-6)
        assert one.logit_difference == pytest.approx(difference, abs=1e-9)
        assert one.delta == pytest.approx(words.sum() - difference, abs=1e-6)
        assert np.abs(words).max() > 1e-3


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_attributions_are_complete(family):
    context, examples = tiny_context(family, "classification", seed=4), random_examples(3)
    coarse = attribute_words(context, examples, n_steps=4)
    fine = attribute_words(context, examples, n_steps=256, internal_batch_size=256)
    for rough, one in zip(coarse, fine, strict=True):
        assert one.words.sum() == pytest.approx(one.logit_difference + one.delta, abs=1e-9)
        assert abs(one.delta) < 0.02 * abs(one.logit_difference) + 0.01
        assert abs(one.delta) <= abs(rough.delta) + 1e-3
    assert max(abs(one.logit_difference) for one in fine) > 0.1


def test_result_does_not_depend_on_batches_padding_or_order():
    context, examples = tiny_context("bert", "classification"), random_examples(6)
    reference = attribute_words(context, examples, n_steps=5, batch_size=6)
    alone = attribute_words(context, examples, n_steps=5, batch_size=1, internal_batch_size=1)
    backwards = attribute_words(context, examples[::-1], n_steps=5, batch_size=4)[::-1]
    for again in (alone, backwards):
        for one, other in zip(reference, again, strict=True):
            np.testing.assert_allclose(one.words, other.words, atol=1e-6)
            assert one.predicted == other.predicted


def test_gates_of_the_subnetwork_apply():
    context, examples = tiny_context("bert", "classification"), random_examples(3)
    masked = with_dead_heads(context, [(0, 0), (1, 2)])
    whole = attribute_words(context, examples, n_steps=4)
    pruned = attribute_words(masked, examples, n_steps=4)
    assert max(np.abs(a.words - b.words).max() for a, b in zip(whole, pruned, strict=True)) > 1e-3


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_a_mask_gives_the_attributions_of_gates_on_the_whole_model(family):
    context, examples = tiny_context(family, "classification", seed=2), random_examples(3)
    heads, mlps = np.ones((2, 4), dtype=bool), np.array([False, True])
    heads[0], heads[1, 2] = False, False
    masked = replace(context, subnetwork=Subnetwork(heads, mlps))
    found = attribute_words(masked, examples, n_steps=4)
    with gated(context.model, masked.subnetwork):
        for example, one in zip(examples, found, strict=True):
            words, difference, target = plain_attribution(context, example, 4)
            assert one.predicted == target
            np.testing.assert_allclose(one.words, words, atol=4e-6)
            assert one.logit_difference == pytest.approx(difference, abs=1e-5)
    whole = attribute_words(context, examples, n_steps=4)
    assert max(np.abs(a.words - b.words).max() for a, b in zip(whole, found, strict=True)) > 4e-4


def test_no_text_is_read_more_often_than_integration_and_its_ends_need(monkeypatch):
    context, examples = tiny_context("bert", "classification"), random_examples(6)
    texts, run = [], type(context.model).forward

    def forward(self, *args, **kwargs):
        texts.append(len(kwargs["inputs_embeds"]))
        return run(self, *args, **kwargs)

    monkeypatch.setattr(type(context.model), "forward", forward)
    attribute_words(context, examples, n_steps=5, batch_size=3, internal_batch_size=9)
    assert sum(texts) == len(examples) * (5 + 2)
    assert max(texts) <= 9


def test_model_is_left_as_it_was_also_after_an_error():
    context = with_dead_heads(tiny_context("bert", "classification"), [(0, 0)])
    model = context.model
    next(model.parameters()).requires_grad_(False)
    before = [parameter.requires_grad for parameter in model.parameters()]
    hooks = hooks_on(model)

    def stop(done, total):
        raise RuntimeError("stopped")

    attribute_words(context, random_examples(2), n_steps=2)
    with pytest.raises(RuntimeError, match="stopped"):
        attribute_words(context, random_examples(2), n_steps=2, progress=stop)
    assert [parameter.requires_grad for parameter in model.parameters()] == before
    assert hooks_on(model) == hooks
    assert model.config._attn_implementation == "sdpa"
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("pairs", [False, True])
def test_shares_of_groups(pairs):
    context, examples = tiny_context("bert", "classification"), random_examples(8, pairs=pairs)
    result = run_attributions(context, examples, n_steps=4, permutations=200)
    found = attribute_words(context, examples, n_steps=4)
    rows = result.rows[result.rows["metric"] == "attribution_share"].set_index("relation")
    for g, group in enumerate(GROUPS):
        shares, expected = [], []
        for example, one in zip(examples, found, strict=True):
            sentences = [example.first] + ([example.second] if pairs else [])
            member = word_groups(sentences)[g]
            if member.any():
                shares.append(np.abs(one.words)[member].sum() / np.abs(one.words).sum())
                expected.append(member.mean())
        row = rows.loc[group]
        assert row["n"] == len(shares)
        if shares:
            assert row["value"] == pytest.approx(np.mean(shares))
            assert row["baseline_value"] == pytest.approx(np.mean(expected))
            assert 1 / 201 <= row["p_value"] <= 1
    assert rows.loc["subject", "n"] > 0
    items = result.items[result.items["metric"] == "attribution_share"]
    means = items.groupby("relation")["numerator"].mean().astype(float)
    for group, value in means.items():
        assert rows.loc[group, "value"] == pytest.approx(value)
    deltas = result.items.loc[result.items["metric"] == "convergence_delta", "score"]
    reported = result.rows.set_index("metric")["value"]
    assert reported["convergence_delta_max"] == pytest.approx(deltas.abs().max())


def test_a_model_that_reads_nothing_is_degenerate():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    context = with_dead_heads(tiny_context("bert", "classification"), every)
    result = run_attributions(context, random_examples(4), n_steps=2, permutations=20)
    rows = result.rows[result.rows["metric"] == "attribution_share"]
    assert rows["value"].isna().all()
    assert (rows["flag"] == "degenerate").all()
    assert result.notes["n_without_attribution"] == 4


def test_bad_input_is_refused():
    examples = random_examples(2)
    context = tiny_context("bert", "classification")
    pair = TaskSpec("mrpc", ("no", "yes"), "accuracy", ("accuracy",), pair=True)
    with pytest.raises(InputError, match="attribution of a pair model needs `task`"):
        run_attributions(replace(context, spec=pair), examples)
    with pytest.raises(InputError, match="task head"):
        run_attributions(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="no examples"):
        run_attributions(context, [])
    bare = replace(examples[1], first=replace(examples[1].first, deprels=()))
    with pytest.raises(AnnotationError, match="no relations"):
        run_attributions(context, [examples[0], bare], n_steps=2)


@pytest.mark.parametrize("pairs", [False, True])
def test_items_of_words_are_the_attributions(pairs):
    context, examples = tiny_context("bert", "classification"), random_examples(3, pairs=pairs)
    result = run_attributions(context, examples, n_steps=4, permutations=20)
    words = result.items[result.items["metric"] == WORD_METRIC].set_index("item_id")["score"]
    expected = {
        f"{example.id}#{segment}.{index}": value
        for example, one in zip(
            examples, attribute_words(context, examples, n_steps=4), strict=True
        )
        for (segment, index), value in zip(one.kept, one.words, strict=True)
    }
    assert words.to_dict() == pytest.approx(expected)
    assert len(words) == sum(len(s.words) for e in examples for s in (e.first, e.second) if s)


def test_an_example_with_an_empty_text_is_left_out_and_counted():
    context, examples = tiny_context("bert", "classification"), random_examples(5, pairs=True)
    empty = replace(examples[2], second=replace(examples[2].second, words=(), text="", heads=(),
                    deprels=(), upos=(), xpos=(), entities=()))  # fmt: skip
    others = examples[:2] + examples[3:]
    found = run_attributions(context, [*examples[:2], empty, *examples[3:]], n_steps=4)
    alone = run_attributions(context, others, n_steps=4)
    shares = found.rows[found.rows["metric"] == "attribution_share"]
    without = alone.rows[alone.rows["metric"] == "attribution_share"]
    values = [frame["value"].to_numpy(dtype=float, na_value=np.nan) for frame in (shares, without)]
    np.testing.assert_allclose(values[0], values[1], atol=1e-6)
    assert np.isfinite(values[0]).any()
    assert list(shares["n_dropped"]) == [one + 1 for one in without["n_dropped"]]
    assert empty.id not in "".join(found.items["item_id"])
    with pytest.raises(InputError, match="no text to probe: "):
        run_attributions(context, [empty], n_steps=4)
