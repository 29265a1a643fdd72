from __future__ import annotations

import numpy as np
import pytest
import torch
from attention_oracle import plain_mass, plain_text, punctuated_examples
from probe_cases import hooks_on, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError
from subprobe.models.masks.gates import gated
from subprobe.probes.context_mixing.hidden_attribution import contributions, run_hidden_attribution
from subprobe.probes.forward.batch import batch_view, keep_words
from subprobe.probes.forward.eval_mode import eager_attention
from subprobe.probes.forward.texts import encode_examples
from tiers import few_or_many, mostly_slow
from tiny import FAMILIES


def batch_of(context, example):
    encoded = encode_examples(context, [example])
    return batch_view(context, [example], encoded, [keep_words(encoded[0])], np.array([0]))


def plain(context, example):
    """Contribution maps by reverse-mode Jacobians, one block at a time."""
    batch, model = batch_of(context, example), context.model
    maps = []
    first = context.anatomy.block(model, 0)
    for level in range(context.anatomy.num_layers + 1):

        def states(x, level=level):
            seen = [x]
            handles = [
                first.register_forward_pre_hook(
                    lambda _m, args, kwargs: (
                        ((x, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": x})
                    ),
                    with_kwargs=True,
                )
            ]
            for layer in range(context.anatomy.num_layers):
                block = context.anatomy.block(model, layer)
                handles.append(
                    block.register_forward_hook(
                        lambda _m, _a, out: seen.append(out[0] if isinstance(out, tuple) else out)
                    )
                )
            with gated(model, context.subnetwork):
                model.base_model(**batch.inputs)
            for handle in handles:
                handle.remove()
            return seen[level][0]

        start = torch.tensor(plain_text(context, example).states[0])[None]
        jacobian = torch.autograd.functional.jacobian(states, start)[:, :, 0]  # [S, D, S, D]
        size = jacobian.pow(2).sum((1, 3)).sqrt()
        maps.append(size / size.sum(-1, keepdim=True))
    return torch.stack(maps)


def exact(context, example, projections=0, seed=0):
    with torch.no_grad(), eager_attention(context.model), gated(context.model, context.subnetwork):
        generator = torch.Generator().manual_seed(seed)
        return contributions(context, batch_of(context, example), projections, generator)


@pytest.mark.parametrize(
    "family", mostly_slow(["bert", "roberta", "distilbert", "mpnet"], ["bert"])
)
def test_equals_reverse_mode_jacobians(family):
    context = with_dead_heads(tiny_context(family), [(0, 1)])
    example = punctuated_examples(3)[1]
    found, expected = exact(context, example), plain(context, example)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(found[0], torch.eye(found.shape[1]).double(), atol=0, rtol=0)
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:2]).double())
    assert (found[1] - found[0]).abs().max() > 0.05


IN_SINGLE = {"deberta": 2e-3, "modernbert": 2e-3}
"""Families that compute some steps in float32, and what differences keep of that."""


def moved_by_differences(context, example, step):
    """Norms of Jacobian blocks [L + 1, S, S] from central differences of hidden states."""
    batch, model = batch_of(context, example), context.model.base_model
    block, shifts = context.anatomy.block(context.model, 0), []

    def shift(_module, args, kwargs):
        if not shifts:
            return None  # layers that share the block of the first
        states = args[0] if args else kwargs["hidden_states"]
        moved = states + shifts.pop()
        return ((moved, *args[1:]), kwargs) if args else ((), {**kwargs, "hidden_states": moved})

    S, D = batch.real.shape[1], context.model.config.hidden_size
    units = step * torch.eye(S * D, dtype=torch.float64).view(S * D, S, D)
    inputs = {name: one.expand(S * D, -1) for name, one in batch.inputs.items()}
    found = []
    hook = block.register_forward_pre_hook(shift, with_kwargs=True)
    with hook, torch.no_grad():
        for sign in (1, -1):
            shifts.append(sign * units)
            found.append(torch.stack(model(**inputs, output_hidden_states=True).hidden_states))
    moved = (found[0] - found[1]) / (2 * step)  # [L + 1, S * D, S, D]
    moved[0] = units / step  # what is shifted is the first hidden state itself
    return moved.unflatten(1, (S, D)).square().sum((2, 4)).sqrt().transpose(1, 2)


@pytest.mark.parametrize("family", mostly_slow(FAMILIES))
def test_equals_differences_of_hidden_states_in_every_family(family):
    context = tiny_context(family, hidden=8, heads=2, layers=3)
    example = punctuated_examples(3)[1]
    size = moved_by_differences(context, example, step=3e-3 if family in IN_SINGLE else 1e-5)
    expected = size / size.sum(-1, keepdim=True)
    torch.testing.assert_close(
        exact(context, example), expected, atol=IN_SINGLE.get(family, 1e-6), rtol=0
    )
    assert (expected[1:] - expected[:-1]).abs().amax((1, 2)).min() > 0.01


@few_or_many
def test_agrees_with_loops_over_single_texts(count):
    context, examples = tiny_context("bert", hidden=8, heads=2), punctuated_examples(count)
    result = run_hidden_attribution(context, examples, projections=0)
    assert hooks_on(context.model) == 0
    items = result.items.set_index(["item_id", "layer", "metric"])["numerator"].astype(float)
    for example in examples:
        kinds = plain_text(context, example).kinds
        for level, grid in enumerate(plain(context, example).tolist()):
            sums = plain_mass(grid, kinds)
            for name, value in sums.items():
                given = items[example.id, level, f"contribution_{name}"]
                assert given == pytest.approx(value, abs=1e-6), name
            largest = sum(int(np.argmax(row)) == i for i, row in enumerate(grid))
            assert items[example.id, level, "contribution_is_largest"] == largest
    rows = result.rows.pivot_table(index="layer", columns="metric", values="value").astype(float)
    assert rows.loc[0, "contribution_to_self"] == 1.0
    assert rows.loc[0, "contribution_entropy"] == 0.0
    assert rows["contribution_to_self"].is_monotonic_decreasing


def test_random_directions_come_near_the_exact_maps():
    context, example = tiny_context("bert"), punctuated_examples(2)[1]
    expected = exact(context, example)
    few, many = (
        (exact(context, example, projections) - expected).abs().mean().item()
        for projections in (2, 200)
    )
    assert many < 0.005
    assert many < few / 3


def test_single_precision_is_near_double():
    rows = [
        run_hidden_attribution(tiny_context("bert", double=double), punctuated_examples(2)).rows
        for double in (True, False)
    ]
    values = [one["value"].astype(float) for one in rows]
    np.testing.assert_allclose(values[0], values[1], atol=1e-4)


def test_negative_projections_are_refused():
    with pytest.raises(ConfigError, match="use 0"):
        run_hidden_attribution(tiny_context("bert"), punctuated_examples(1), projections=-1)
