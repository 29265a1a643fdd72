from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from scipy.stats import kendalltau
from subprobe.data.errors import InputError
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.smaller.shrink import shrink
from subprobe.probes.attention_explanation.adversarial import Search, adversarial_divergence
from subprobe.probes.attention_explanation.agreement import (
    jensen_shannon,
    kendall_tau,
    total_variation,
)
from subprobe.probes.attention_explanation.classifier import classifying
from subprobe.probes.attention_explanation.explanation import run_attention_explanation
from subprobe.probes.attention_explanation.first_rows import (
    OF_HEADS,
    OF_LAYERS,
    attention_pass,
    first_rows,
)
from subprobe.probes.attention_explanation.importance import (
    gradient_importance,
    left_out,
    words_hidden,
)
from subprobe.probes.attention_explanation.permuted import permuted_output
from subprobe.probes.attention_explanation.replaced_attention import attention_replaced
from subprobe.probes.forward.batch import batch_view
from subprobe.probes.forward.texts import read_texts
from tiers import mostly_slow
from tiny import FAMILIES
from transformers import AttentionInterface

FEW: dict[str, Any] = {"permutations": 4, "steps": 3, "perturbed_texts": 2}
DEAD = [(0, 0), (1, 0), (1, 2)]


def batch_of(context, n=4, *, pairs=False):
    examples = random_examples(n, pairs=pairs)
    texts = read_texts(context, examples)
    return batch_view(context, texts.examples, texts.encoded, texts.words, np.arange(n))


def weighing(name, change):
    """Eager attention of BERT with other weights: `change(module, weights)` gives them."""

    def attend(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1])
        if attention_mask is not None:
            scores = scores + attention_mask
        weights = change(module, scores.softmax(-1))
        return (weights @ value).transpose(1, 2).contiguous(), weights

    AttentionInterface.register(name, attend)
    return name


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_a_models_own_attention_changes_nothing(family):
    context = with_dead_heads(tiny_context(family, "classification"), DEAD)
    batch = batch_of(context, pairs=True)
    with classifying(context), torch.no_grad():
        found = attention_pass(context, batch)
        whole = dict(enumerate(found.maps))
        for weights in (whole, {layer: one[:, :, 0] for layer, one in whole.items()}):
            with attention_replaced(context, weights):
                again = context.model(**batch.inputs).logits
            torch.testing.assert_close(again, found.logits, rtol=0, atol=1e-8)
        with attention_replaced(context, {1: whole[1][:, :1]}):
            assert (context.model(**batch.inputs).logits - found.logits).abs().max() > 1e-6


def test_other_rows_give_what_the_attention_itself_would_give():
    context = tiny_context("bert", "classification")
    batch = batch_of(context, 1)
    S = batch.real.shape[1]
    rows = torch.rand(1, 4, S, dtype=torch.float64)

    def change(module, weights):
        if module is context.anatomy.attention_module(context.model, 0):
            weights = weights.clone()
            weights[:, :, 0] = rows
        return weights

    with torch.no_grad():
        with attention_replaced(context, {0: rows}):
            found = context.model(**batch.inputs).logits
        context.model.set_attn_implementation(weighing("other-rows", change))
        expected = context.model(input_ids=batch.inputs["input_ids"]).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_dead_heads_stay_dead_whatever_they_attend_to():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    batch = batch_of(context)
    rows = torch.zeros(1, 4, batch.real.shape[1], dtype=torch.float64)
    rows[:, [0, 2], 1] = 1
    with classifying(context), torch.no_grad():
        found = attention_pass(context, batch)
        own = found.maps[1, :, :, 0]
        living = torch.tensor([False, True, False, True])[None, :, None]
        with attention_replaced(context, {1: torch.where(living, own, rows)}):
            again = context.model(**batch.inputs).logits
    torch.testing.assert_close(again, found.logits, rtol=0, atol=1e-10)


def test_tau_is_that_of_scipy_and_of_a_vector_with_itself_one():
    draw = np.random.default_rng(0)
    one, other = draw.integers(0, 5, (2, 6, 9)).astype(float)
    found = kendall_tau(torch.tensor(one), torch.tensor(other))
    expected = [kendalltau(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    own = torch.tensor(one[0])
    assert kendall_tau(own, own).item() == pytest.approx(1)
    assert kendall_tau(own, -own).item() == pytest.approx(-1)
    assert kendall_tau(own, torch.ones(9)).isnan()
    assert kendall_tau(torch.ones(1), torch.ones(1)).isnan()


def test_distances_of_distributions_stay_in_their_bounds():
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(2, 200, 7, generator=draw).mul(30).softmax(-1)
    found = jensen_shannon(rows[0], rows[1])
    assert 0 <= found.min() < 0.1
    assert 0.69 < found.max() <= math.log(2)
    assert (jensen_shannon(rows[0], rows[0]) == 0).all()
    apart = torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])
    assert jensen_shannon(*apart).item() == math.log(2)
    assert total_variation(*apart).item() == 1
    one, other = torch.tensor([0.5, 0.5]), torch.tensor([0.9, 0.1])
    by_hand = sum(
        p / 2 * math.log(p / m)
        for each in (one, other)
        for p, m in zip(each.tolist(), ((one + other) / 2).tolist(), strict=True)
    )
    assert jensen_shannon(one, other).item() == pytest.approx(by_hand, abs=1e-7)
    assert total_variation(one, other).item() == pytest.approx(0.4)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_leaving_padding_out_moves_nothing(family):
    context = tiny_context(family, "classification", double=False)
    batch = batch_of(context)
    with classifying(context):
        logits = attention_pass(context, batch).logits
        hidden = torch.eye(batch.real.shape[1]).bool()[None].expand(len(logits), -1, -1)
        moved = left_out(context, batch, hidden, logits, 16)
        assert (moved[~batch.real] == 0).all()
        assert (~batch.real).any()
        assert (moved[batch.real & ~batch.special] > 1e-7).all()
        # the same when the model is asked: padding is not skipped for that reason alone
        longer = _longer(context, hidden.shape[1] + 3)
        with torch.no_grad():
            again = context.model(**longer.inputs).logits
        assert total_variation(again.softmax(-1), logits.softmax(-1)).max() < 1e-6


def _longer(context, length):
    texts = read_texts(context, random_examples(4))
    return batch_view(
        context, texts.examples, texts.encoded, texts.words, np.arange(4), padded_to=length
    )


def test_a_word_left_out_is_a_text_without_its_pieces_at_the_places_of_the_others():
    context = tiny_context("bert", "classification")
    batch = batch_of(context, 3)
    with classifying(context):
        logits = attention_pass(context, batch).logits
        moved = left_out(context, batch, words_hidden(batch), logits, 4)
    for row, kept in enumerate(batch.kept):
        for number in range(len(kept)):
            stays = batch.real[row] & (batch.word[row] != number)
            ids = batch.inputs["input_ids"][row, stays][None]
            places = torch.arange(len(stays))[stays][None]
            with torch.no_grad():
                after = context.model(input_ids=ids, position_ids=places).logits.softmax(-1)[0]
            expected = (after - logits[row].softmax(-1)).abs().sum() / 2
            assert moved[row, number].item() == pytest.approx(expected.item(), abs=1e-12)
        assert (moved[row, len(kept) :] == 0).all()


@pytest.mark.parametrize("fixed", [True, False])
def test_the_gradient_is_that_at_one_hot_vectors(fixed):
    context = tiny_context("bert", "classification")
    batch = batch_of(context, 3)
    with classifying(context):
        found = attention_pass(context, batch)
        words = gradient_importance(context, batch, found.maps if fixed else None)
    change = (lambda _, weights: weights.detach()) if fixed else (lambda _, weights: weights)
    context.model.set_attn_implementation(weighing(f"fixed-{fixed}", change))
    table = context.model.get_input_embeddings().weight.detach()
    for row, kept in enumerate(batch.kept):
        ids = batch.inputs["input_ids"][row, batch.real[row]]
        hot = torch.nn.functional.one_hot(ids, len(table)).double().requires_grad_()
        chances = context.model(inputs_embeds=(hot @ table)[None]).logits.softmax(-1)[0]
        chance = chances.max()
        (slope,) = torch.autograd.grad(chance, hot)
        own = slope[torch.arange(len(ids)), ids] / (chance * (1 - chance)).detach()
        for number in range(len(kept)):
            pieces = batch.word[row, batch.real[row]] == number
            expected = own[pieces].sum().abs().item()
            assert words[row, number].item() == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_rows_of_the_first_token_are_those_of_plain_products():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    batch = batch_of(context, 3)
    with classifying(context):
        found = attention_pass(context, batch)
        of_heads, of_layers, of_model = first_rows(context, batch, found)
    for row, kept in enumerate(batch.kept):
        n, W = int(batch.real[row].sum()), len(kept)
        words = batch.target[row, :n, :W]
        rolled, layers = torch.eye(n, dtype=torch.float64), []
        for layer, alive in enumerate(context.alive):
            maps = found.maps[layer, row, :, :n, :n]
            weight = context.anatomy.attention_projection(context.model, layer).weight
            vectors = [
                found.values[layer, row, :n, head] @ weight[:, head * 8 : head * 8 + 8].T
                for head in range(4)
            ]
            for head in range(4):
                mine = of_heads[row, layer, head, :, :W]
                if not alive[head]:
                    assert mine.isnan().all()
                    continue
                norm = maps[head, 0] * vectors[head].norm(dim=-1)
                torch.testing.assert_close(mine[0], maps[head, 0] @ words)
                torch.testing.assert_close(mine[2], norm @ words)
                value = found.values[layer, row, :n, head]
                basis = value @ torch.linalg.pinv(value)  # projects on the columns of T
                torch.testing.assert_close(mine[1], maps[head, 0] @ basis @ words)
            living = [head for head in range(4) if alive[head]]
            mean = torch.stack([maps[head] for head in living]).mean(0)
            rolled = (mean / 2 + torch.eye(n) / 2) @ rolled
            summed = torch.stack([maps[h, 0, :, None] * vectors[h] for h in living]).sum(0)
            effective = of_heads[row, layer, living, OF_HEADS.index("effective"), :W].mean(0)
            expected = [mean[0] @ words, effective, summed.norm(dim=-1) @ words, rolled[0] @ words]
            torch.testing.assert_close(of_layers[row, layer, :, :W], torch.stack(expected))
            layers.append(torch.stack(expected))
        model = torch.stack(layers).mean(0)
        model[OF_LAYERS.index("rollout")] = layers[-1][OF_LAYERS.index("rollout")]
        torch.testing.assert_close(of_model[row, :, :W], model)


def test_permuting_a_uniform_row_moves_nothing():
    moved = []
    for uniform in (True, False):
        context = tiny_context("bert", "classification", double=False)
        if uniform:
            for layer in range(2):
                for part in context.anatomy.query(context.model, layer).parameters():
                    part.data.zero_()
        batch = batch_of(context)
        with classifying(context):
            found = attention_pass(context, batch)
            moved.append(
                permuted_output(context, batch, found, permutations=5, seed=0, texts=7).max()
            )
    assert moved[0] < 1e-6 < 1e-4 < moved[1]


def test_permuted_output_is_the_median_over_shuffles_of_real_tokens():
    from subprobe.probes.attention_explanation import permuted

    context = tiny_context("bert", "classification")
    batch = batch_of(context, 3)
    orders = permuted._orders(batch, 4, 0)
    for row, n in enumerate(batch.real.sum(1).tolist()):
        assert (orders[:, row, n:] == torch.arange(orders.shape[-1])[n:]).all()
        assert (orders[:, row, :n].sort(-1).values == torch.arange(n)).all()
    with classifying(context):
        found = attention_pass(context, batch)
        moved = permuted_output(context, batch, found, permutations=4, seed=0, texts=5)
        for row in range(3):
            single = _shorter(context, row)
            n = int(batch.real[row].sum())
            apart = []
            for order in orders[:, row, :n]:
                rows = found.maps[1, row, :, 0, :n][:, order][None]
                with torch.no_grad(), attention_replaced(context, {1: rows}):
                    after = context.model(**single.inputs).logits.softmax(-1)
                apart.append(total_variation(after[0], found.logits[row].softmax(-1)).item())
            assert moved[row, 1].item() == pytest.approx(np.median(apart), abs=1e-10)


def _shorter(context, row):
    texts = read_texts(context, random_examples(3)[row : row + 1])
    return batch_view(context, texts.examples, texts.encoded, texts.words, np.array([0]))


def test_an_adversary_finds_other_attention_where_nothing_depends_on_it():
    context = tiny_context("bert", "classification")
    batch = batch_of(context, 3)
    search = Search((1,), copies=2, steps=20, epsilon=0.02)
    with classifying(context):
        found = attention_pass(context, batch)
        sensitive = adversarial_divergence(context, batch, found, replace(search, epsilon=0.0))
        usual = adversarial_divergence(context, batch, found, search)
        context.anatomy.attention_projection(context.model, 1).weight.data.zero_()
        found = attention_pass(context, batch)
        free = adversarial_divergence(context, batch, found, search)
    assert (sensitive == 0).all()
    assert 0 < usual.min() <= usual.mean() < free.mean()
    assert 0.3 < free.min() <= free.max() <= math.log(2)


def test_texts_beside_it_and_their_order_do_not_change_a_text():
    context, examples = tiny_context("bert", "classification"), random_examples(5)
    names = ["item_id", "metric", "relation", "layer", "head", "variant"]
    given: list[tuple[list[Any], dict[str, Any]]] = [
        (examples, {"batch_size": 5}),
        (examples[::-1], {"batch_size": 2, "internal_batch_size": 3}),
    ]
    frames = [
        run_attention_explanation(context, read, **FEW, **sizes)
        .items.sort_values(names)
        .reset_index(drop=True)
        for read, sizes in given
    ]
    for name in names:
        assert frames[0][name].equals(frames[1][name])
    np.testing.assert_allclose(
        frames[0]["score"].astype(float), frames[1]["score"].astype(float), atol=1e-6
    )


@pytest.fixture(scope="module")
def masked():
    context = with_dead_heads(tiny_context("bert", "classification"), [*DEAD, (0, 1)])
    return context, run_attention_explanation(context, random_examples(5), **FEW)


def test_rows_are_the_means_of_items(masked):
    _, result = masked
    keys = ["metric", "relation", "variant", "layer", "head"]
    means = result.items.groupby(keys, dropna=False)["score"].agg(["mean", "count"])
    rows = result.rows[result.rows["n"] > 0].set_index(keys)
    assert len(rows) == len(means)
    both = rows.join(means)
    np.testing.assert_allclose(both["value"].astype(float), both["mean"].astype(float))
    assert (both["n"] == both["count"]).all()
    dead = result.rows[(result.rows["unit"] == "head") & (result.rows["flag"] == "dead")]
    assert set(zip(dead["layer"], dead["head"], strict=True)) == {*DEAD, (0, 1)}
    assert dead["value"].isna().all()
    permuted = result.rows[result.rows["metric"] == "permuted_tvd"]
    assert (permuted["n"] == 2).all()
    held = result.rows[result.rows["metric"] == "tau_gradient"]["baseline_value"].unique()
    between = result.rows.set_index("metric")["value"]["importance_tau"]
    assert list(held) == [pytest.approx(between)]


def test_figures_are_those_of_the_mask_with_dropout_off(masked):
    context, result = masked
    smaller = shrink(context.model, context.subnetwork, share=True)
    for model in (context.model.train(), smaller):
        again = run_attention_explanation(replace(context, model=model), random_examples(5), **FEW)
        values = [one.rows["value"].to_numpy(float, na_value=np.nan) for one in (result, again)]
        np.testing.assert_allclose(values[0], values[1], atol=1e-6)
    assert context.model.training


def test_a_model_without_a_living_head_has_no_attention_to_speak_of():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    context = with_dead_heads(tiny_context("bert", "classification"), every)
    result = run_attention_explanation(context, random_examples(3), **FEW)
    assert (result.rows["metric"] == "tau_gradient").any()
    assert result.rows["value"].isna().all()
    assert set(result.rows["flag"]) <= {"dead", "degenerate"}


def test_eager_attention_gives_what_fused_attention_does_where_a_window_holds_padding_alone():
    context, examples = tiny_context("modernbert", "classification"), random_examples(4)
    options = {**FEW, "gradient": "through-attention", "adversary_layers": "all"}
    expected = run_attention_explanation(context, examples, **options).rows["value"]
    context.model.set_attn_implementation("eager")
    found = run_attention_explanation(context, examples, **options).rows["value"]
    assert found.notna().all()
    np.testing.assert_allclose(found.astype(float), expected.astype(float), atol=1e-4)
    assert context.model.config._attn_implementation == "eager"


def test_gradients_that_are_no_numbers_are_refused():
    """Outside `classifying`, eager attention has none for padding in a local window."""
    context = tiny_context("modernbert", "classification")
    batch = batch_of(context)
    context.model.set_attn_implementation("eager")
    with pytest.raises(InputError, match="gradients contain NaN"):
        gradient_importance(context, batch, None)
    found = attention_pass(context, batch)
    with pytest.raises(InputError, match="gradients contain NaN"):
        adversarial_divergence(context, batch, found, Search((0, 1), copies=2, steps=2))


def test_a_model_that_is_no_number_is_refused():
    context, examples = tiny_context("bert", "classification"), random_examples(2)
    with torch.no_grad():
        context.model.classifier.weight[0, 0] = torch.nan
    with pytest.raises(InputError, match="gradients contain NaN or infinity"):
        run_attention_explanation(context, examples, **FEW)


def test_bad_input_is_refused_and_leaves_no_hooks():
    context, examples = tiny_context("bert", "classification"), random_examples(2)
    pair = TaskSpec("mrpc", ("no", "yes"), "accuracy", ("accuracy",), pair=True)
    with pytest.raises(InputError, match="reads pairs of sentences"):
        run_attention_explanation(replace(context, spec=pair), examples)
    with pytest.raises(InputError, match="task head"):
        run_attention_explanation(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="regression"):
        run_attention_explanation(tiny_context("bert", "classification", num_labels=1), examples)
    with pytest.raises(InputError, match="no sentences"):
        run_attention_explanation(context, [])

    def stop(done, total):
        if done > 2:
            raise RuntimeError("stopped")

    before = hooks_on(context.model)
    with pytest.raises(RuntimeError, match="stopped"):
        run_attention_explanation(context, examples, **FEW, progress=stop)
    assert hooks_on(context.model) == before
    assert context.model.config._attn_implementation == "sdpa"
    assert all(one.requires_grad for one in context.model.parameters())
