from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import InputError
from subprobe.models.masks.gates import gated
from subprobe.probes.attention_diagnostics.copies import Copies, Course
from subprobe.probes.attention_diagnostics.diagnostics import (
    GUIDES,
    _halves,
    run_attention_diagnostics,
)
from subprobe.probes.attention_diagnostics.guide import GuidedText, guided_right
from subprobe.probes.attention_diagnostics.guide_texts import guide_weights
from subprobe.probes.attention_diagnostics.objectives import (
    adversary_loss,
    task_loss,
    uniform_attention,
)
from subprobe.probes.attention_diagnostics.seeds import spread_of_seeds
from subprobe.probes.attention_explanation.agreement import total_variation
from subprobe.probes.attention_explanation.classifier import classifying
from subprobe.probes.attention_explanation.figures import Figure
from subprobe.probes.attention_explanation.first_rows import attention_pass
from subprobe.probes.forward.batch import batch_view
from subprobe.probes.forward.texts import read_texts
from tiers import mostly_slow
from tiny import FAMILIES

pytestmark = pytest.mark.slow

FEW: dict[str, Any] = {
    "seeds": 2,
    "lambdas": (0.0, 3.0),
    "epochs": 2,
    "rate": 3e-3,
    "adversary_rate": 3e-2,
    "guide_epochs": 4,
}
DEAD = [(0, 0), (1, 2)]


def texts_of(context, n=6):
    texts = read_texts(context, random_examples(n))
    batch = batch_view(context, texts.examples, texts.encoded, texts.words, np.arange(n))
    return texts, batch


@pytest.fixture(scope="module")
def found():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    weights = {name: one.clone() for name, one in context.model.state_dict().items()}
    examples = random_examples(16)
    result = run_attention_diagnostics(context, examples, **FEW)
    return context, weights, examples, result


def test_rows_are_the_means_of_items_of_the_half_that_nothing_learns_from(found):
    _, _, examples, result = found
    learn, score = _halves(examples)
    assert sorted(learn + score) == list(range(16))
    assert len(learn) == len(score)
    keys = ["metric", "relation", "variant"]
    items = result.items.fillna({"variant": ""})
    assert set(items["item_id"]) == {examples[place].id for place in score}
    means = items.groupby(keys)["score"].mean()
    over_texts = result.rows[~result.rows["metric"].str.endswith("_sd")]
    rows = over_texts.fillna({"variant": ""}).set_index(keys)["value"]
    assert len(rows) == len(means)
    for key, value in rows.items():
        assert value == pytest.approx(means[key])
    assert (over_texts["n"] == len(score)).all()
    assert set(rows["guide_accuracy"].reset_index()["relation"]) == set(GUIDES)
    lambdas = {
        (metric, f"lambda={factor}") for metric in ("accuracy", "tvd", "jsd") for factor in "03"
    }
    assert lambdas <= {(metric, variant) for metric, relation, variant in rows.index
                       if relation == "adversary"}  # fmt: skip
    divergence = result.rows.loc[result.rows["metric"] == "jsd", "value"]
    assert divergence.between(0, math.log(2)).all()
    assert result.rows.loc[result.rows["metric"] == "tvd", "value"].between(0, 1).all()
    majority = np.bincount([examples[place].label for place in learn]).argmax()
    expected = np.mean([examples[place].label == majority for place in score])
    scored = result.rows[result.rows["metric"].isin(["accuracy", "guide_accuracy"])]
    assert scored["baseline_value"].astype(float).to_numpy() == pytest.approx(expected)


def test_seeds_have_a_mean_and_a_standard_deviation(found):
    _, _, _, result = found
    rows = result.rows[result.rows["relation"] == "retrained"].set_index(["metric", "variant"])
    for metric in ("accuracy", "tvd", "jsd"):
        first, second = (rows.loc[(metric, f"seed={seed}"), "value"] for seed in (0, 1))
        mean, spread = (rows.loc[(name, "seeds=2"), :] for name in (metric, f"{metric}_sd"))
        assert mean["value"] == pytest.approx((first + second) / 2)
        assert spread["value"] == pytest.approx(abs(first - second) / math.sqrt(2))
        assert spread["n"] == 2
    assert rows.loc[("tvd_sd", "seeds=2"), "value"] > 0


def test_a_single_seed_has_no_spread():
    figure = Figure("jsd", np.array([0.1, 0.3]), "retrained", "seed=0")
    (row,) = spread_of_seeds("x", [[figure]]).to_dict("records")
    assert math.isnan(row["value"])
    assert row["flag"] == "degenerate"


def test_without_a_reason_to_move_an_adversary_keeps_the_output(found):
    _, _, _, result = found
    rows = result.rows.set_index(["relation", "variant", "metric"])["value"]
    assert rows["adversary", "lambda=0", "tvd"] < 1e-6
    assert rows["adversary", "lambda=0", "jsd"] < 1e-6
    assert rows["adversary", "lambda=3", "jsd"] > 1e-3


def test_accuracy_is_that_of_the_model_under_its_mask_whose_weights_stay(found):
    context, weights, examples, result = found
    torch.testing.assert_close(context.model.state_dict(), weights, rtol=0, atol=0)
    assert hooks_on(context.model) == 0
    assert context.model.config._attn_implementation == "sdpa"
    assert all(one.requires_grad and one.grad is None for one in context.model.parameters())
    texts, batch = texts_of(context, 16)
    assert texts.examples == tuple(examples)
    _, score = _halves(examples)
    with gated(context.model, context.subnetwork), torch.no_grad():
        chosen = context.model(**batch.inputs).logits.argmax(1).numpy()
    right = chosen == [example.label for example in examples]
    value = result.rows.loc[result.rows["relation"] == "model", "value"].iloc[0]
    assert value == pytest.approx(right[score].mean())


def test_the_same_seed_gives_the_same_numbers_and_leaves_the_random_state(found):
    context, _, examples, result = found
    before = torch.get_rng_state()
    again = run_attention_diagnostics(context, examples, **FEW)
    assert torch.equal(torch.get_rng_state(), before)
    assert again.rows.equals(result.rows)
    other = run_attention_diagnostics(context, examples, **{**FEW, "seed": 5})
    values = [one.rows.loc[one.rows["relation"] == "retrained", "value"] for one in (again, other)]
    assert list(values[0]) != list(values[1])


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_uniform_attention_reads_all_tokens_alike(family):
    """Equal weights are those of queries of zero, whose scores are all equal."""
    context = with_dead_heads(tiny_context(family, "classification"), DEAD)
    _, batch = texts_of(context, 4)
    with classifying(context), torch.no_grad():
        with uniform_attention(context, batch, (0, 1)):
            found = context.model(**batch.inputs).logits
        for row, n in enumerate(batch.real.sum(1).tolist()):
            single = {name: one[row : row + 1, :n] for name, one in batch.inputs.items()}
            hooks = [
                context.anatomy.query(context.model, layer).register_forward_hook(
                    lambda _m, _a, output, layer=layer: _without_queries(context, output)
                )
                for layer in range(2)
                if family != "albert" or layer == 0
            ]
            try:
                plain = context.model(**single).logits[0]
            finally:
                for hook in hooks:
                    hook.remove()
            # relative positions and local windows have scores of their own
            if family not in ("mpnet", "deberta", "deberta-v2", "modernbert"):
                torch.testing.assert_close(found[row], plain, rtol=0, atol=1e-6)
        own = context.model(**batch.inputs).logits
    assert found.isfinite().all()
    assert (found - own).abs().max() > 1e-5


def _without_queries(context, output):
    """Queries of zero, whose scores are all equal; other parts of a fused projection stay."""
    output = output.clone()
    output[..., context.anatomy.rows("query").flatten()] = 0
    return output


@pytest.mark.parametrize("family", mostly_slow(FAMILIES, ["bert"]))
def test_a_copy_learns_the_task_under_the_mask(family):
    context = with_dead_heads(tiny_context(family, "classification"), DEAD)
    texts, batch = texts_of(context)
    copies, places = Copies(context), range(6)
    with classifying(context), torch.no_grad():
        before = task_loss((0, 1))(context, batch).mean()
    course = Course(epochs=15, rate=5e-3, batch_size=4, seed=0, dropout=False)
    for uniform in (False, True):
        loss = task_loss((0, 1), uniform=uniform)
        with copies.learnt(texts, places, loss, course) as made, torch.no_grad():
            assert made.model is not context.model
            assert loss(made, batch).mean() < 0.7 * before
            assert not made.model.training
    with copies.learnt(texts, places, task_loss((0,)), replace(course, epochs=1)) as made:
        dead = made.anatomy.attention_projection(made.model, 1).weight[:, 16:24]
        own = context.anatomy.attention_projection(context.model, 1).weight[:, 16:24]
        if family != "albert":  # whose layers share it
            torch.testing.assert_close(dead, own, rtol=0, atol=0)
    assert hooks_on(made.model) == 0


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_an_adversary_moves_queries_and_keys_of_the_compared_layers_alone(family):
    context = with_dead_heads(tiny_context(family, "classification"), DEAD)
    texts, _ = texts_of(context)
    course = Course(1, 1e-2, 4, 0, dropout=False, attention=(1,), noise=1e-3)
    own = context.model.state_dict()
    changed = {name: torch.zeros_like(one, dtype=torch.bool) for name, one in own.items()}
    parameters = dict(context.model.named_parameters())
    anatomy = context.anatomy
    queries, keys = anatomy.query(context.model, 1), anatomy.key(context.model, 1)
    for module, rows in ((queries, anatomy.rows("query")), (keys, anatomy.rows("key"))):
        (name,) = [name for name, one in parameters.items() if one is module.weight]
        changed[name][rows.flatten()] = True
    loss = adversary_loss(context, (1,), 1.0)
    with classifying(context), Copies(context).learnt(texts, range(6), loss, course) as made:
        found = made.model.state_dict()
    moved = {name: found[name] != one for name, one in own.items()}
    assert sum(int(one.sum()) for one in moved.values()) > 100
    for name, one in moved.items():
        assert not (one & ~changed[name]).any(), name


def test_a_copy_that_ends_worse_than_the_model_takes_its_weights_again():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    texts, _ = texts_of(context)
    loss = adversary_loss(context, (0, 1), 0.0)
    course = Course(2, 0.3, 4, 0, dropout=False, attention=(0, 1), noise=1e-3)
    copies, own = Copies(context), context.model.state_dict()
    name = "bert.encoder.layer.0.attention.self.query.weight"
    with classifying(context):
        with copies.learnt(texts, range(6), loss, course) as made:
            assert (made.model.state_dict()[name] - own[name]).abs().max() > 0.1
        with copies.learnt(texts, range(6), loss, replace(course, never_worse=True)) as made:
            torch.testing.assert_close(made.model.state_dict(), own, rtol=0, atol=0)


def test_padding_in_a_local_window_has_gradients_and_a_model_that_is_no_number_is_refused():
    context, examples = tiny_context("modernbert", "classification"), random_examples(8)
    context.model.set_attn_implementation("eager")
    rows = run_attention_diagnostics(context, examples, **{**FEW, "epochs": 1}).rows
    assert rows["value"].notna().all()
    with torch.no_grad():
        context.model.base_model.layers[0].mlp.Wi.weight[0, 0] = torch.nan
    with pytest.raises(InputError, match="gradient contains NaN"):
        run_attention_diagnostics(context, examples, **FEW)


def test_a_copy_that_fails_leaves_the_model_and_the_next_copy_as_they_were():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    texts, _ = texts_of(context)
    copies, course = Copies(context), Course(1, 1e-2, 4, 0)

    def fails(_context, batch):
        raise RuntimeError("planted")

    with (
        pytest.raises(RuntimeError, match="planted"),
        copies.learnt(texts, range(6), fails, replace(course, new_head=True, noise=1.0)),
    ):
        raise AssertionError("not reached")
    assert hooks_on(context.model) == 0

    def still(made, batch):
        return made.model(**batch.inputs).logits.sum(1) * 0

    with copies.learnt(texts, range(6), still, course) as made:
        torch.testing.assert_close(
            made.model.state_dict(), context.model.state_dict(), rtol=0, atol=0
        )


def test_the_loss_of_an_adversary_is_that_of_the_paper():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    other = with_dead_heads(tiny_context("bert", "classification", seed=3), DEAD)
    _, batch = texts_of(context)
    with classifying(context), classifying(other):
        base, found = attention_pass(context, batch), attention_pass(other, batch)
        got = adversary_loss(context, (0, 1), 0.25)(other, batch)
        plain = adversary_loss(context, (0, 1), 0.0)(other, batch)
        own = adversary_loss(context, (0, 1), 0.25)(context, batch)
    moved = total_variation(found.logits.softmax(-1), base.logits.softmax(-1))
    torch.testing.assert_close(plain, moved)
    for row, n in enumerate(batch.real.sum(1).tolist()):
        apart = []
        for layer in range(2):
            for head in np.flatnonzero(context.alive[layer]):
                p, q = (one.maps[layer, row, head, 0, :n] for one in (found, base))
                apart.append(sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist())))  # noqa: B905
        expected = moved[row].item() - 0.25 * np.mean(apart)
        assert got[row].item() == pytest.approx(expected, abs=1e-9)
    assert own.abs().max() < 1e-9


def test_a_larger_lambda_moves_attention_further():
    context = tiny_context("bert", "classification")
    result = run_attention_diagnostics(
        context, random_examples(16), seeds=1, lambdas=(0.1, 3.0), epochs=5, adversary_rate=2e-2,
        guide_epochs=1, batch_size=8,
    )  # fmt: skip
    rows = result.rows[result.rows["relation"] == "adversary"]
    away = rows[rows["metric"] == "jsd"]["value"].tolist()
    assert away[0] < away[1]


def test_guides_are_the_mean_first_row_over_pieces_of_words():
    context = with_dead_heads(tiny_context("bert", "classification"), DEAD)
    texts, batch = texts_of(context)
    with classifying(context):
        maps = attention_pass(context, batch).maps
        weights = guide_weights(context, texts, (0, 1), 4)
    for row, found in enumerate(weights):
        living = [maps[layer, row, head, 0] for layer, head in np.argwhere(context.alive)]
        mean = torch.stack(living).mean(0)[batch.real[row] & ~batch.special[row]]
        np.testing.assert_allclose(found, mean / mean.sum())


def test_a_guide_that_points_at_the_word_that_decides_helps():
    draw = np.random.default_rng(0)
    texts = []
    for number in range(120):
        label, n = number % 2, 30
        ids = torch.tensor(draw.integers(2, 40, n))
        place = int(draw.integers(n))
        ids[place] = label  # words 0 and 1 say the class; the others are drawn
        good = torch.nn.functional.one_hot(torch.tensor(place), n).double()
        wrong = torch.nn.functional.one_hot(torch.tensor((place + 1) % n), n).double()
        texts.append(GuidedText(ids, torch.stack([good, wrong]), label))
    table = torch.randn(40, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    right = guided_right(table, texts[:80], texts[80:], classes=2, width=8, epochs=40, seed=0).mean(
        0
    )
    assert right.shape == (3,)
    assert right[0] > 0.95
    assert right[1] < 0.75


def test_a_mask_without_heads_has_no_divergence():
    every = [(layer, head) for layer in range(2) for head in range(4)]
    context = with_dead_heads(tiny_context("bert", "classification"), every)
    rows = run_attention_diagnostics(context, random_examples(6), **FEW).rows
    away = rows[rows["metric"] == "jsd"]
    assert away["value"].isna().all()
    assert (away["flag"] == "degenerate").all()
    others = ~rows["metric"].isin(["jsd", "jsd_sd"])
    assert rows.loc[others, "value"].notna().all()


def test_bad_input_is_refused():
    context, examples = tiny_context("bert", "classification"), random_examples(4)
    with pytest.raises(InputError, match="task head"):
        run_attention_diagnostics(tiny_context("bert"), examples)
    with pytest.raises(InputError, match="regression"):
        run_attention_diagnostics(tiny_context("bert", "classification", num_labels=1), examples)
    with pytest.raises(InputError, match="no sentences"):
        run_attention_diagnostics(context, [])
    for label, said in ((None, "has no label"), (7, "label 7 is not a class"), (0.5, "label 0.5")):
        with pytest.raises(InputError, match=said):
            run_attention_diagnostics(context, [*examples, replace(examples[0], label=label)])
    with pytest.raises(InputError, match="two different texts"):
        run_attention_diagnostics(context, examples[:1])
