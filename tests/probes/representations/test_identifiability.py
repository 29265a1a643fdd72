from __future__ import annotations

import numpy as np
import pytest
import torch
from attention_oracle import plain_text
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import ConfigError, InputError
from subprobe.probes.forward.held_out import halves
from subprobe.probes.representations.identifiability import (
    _digest,
    fit_linear,
    fit_mlp,
    run_token_identifiability,
)

LEVELS = range(3)


def share(result, metric, level):
    rows = result.rows
    row = rows[(rows["metric"] == metric) & (rows["layer"] == level)]
    return float(row["value"].item())


@pytest.mark.parametrize("family", ["bert", "distilbert", "mpnet"])
def test_agrees_with_loops_over_single_texts(family):
    context = with_dead_heads(tiny_context(family), [(0, 1)])
    examples = random_examples(20)
    result = run_token_identifiability(context, examples, steps=3, batch_size=4)
    assert hooks_on(context.model) == 0
    side = halves([_digest(example) for example in examples])
    texts = [plain_text(context, example) for example in examples]
    order = np.argsort([-text.n for text in texts], kind="stable")
    items = result.items.set_index(["item_id", "layer", "metric"])["numerator"].astype(float)
    assert items.index.get_level_values("item_id").nunique() == sum(side)
    for level in LEVELS:
        x = np.concatenate([texts[i].states[level] for i in order if side[i] == 0])
        y = np.concatenate([texts[i].states[0] for i in order if side[i] == 0])
        centred = x - x.mean(0)
        ridge = 1e-4 * np.mean((centred**2).sum(0))
        inverse = np.linalg.inv(centred.T @ centred + ridge * np.eye(x.shape[1]))
        weights = inverse @ centred.T @ (y - y.mean(0))
        for i in np.flatnonzero(side):
            text, right = texts[i], {"naive": 0, "linear": 0}
            for place in range(text.n):
                state = text.states[level][place]
                answers = {"naive": state, "linear": (state - x.mean(0)) @ weights + y.mean(0)}
                for name, answer in answers.items():
                    near = [
                        answer @ one / np.linalg.norm(answer) / np.linalg.norm(one)
                        for one in text.states[0]
                    ]
                    right[name] += int(np.argmax(near)) == place
            for name, count in right.items():
                assert items[examples[i].id, level, f"identified_{name}"] == count
    chance = sum(1 for _ in np.flatnonzero(side)) / sum(texts[i].n for i in np.flatnonzero(side))
    np.testing.assert_allclose(result.rows["baseline_value"].astype(float), chance)


def test_embeddings_identify_themselves_and_maps_help():
    context = tiny_context("bert", layers=2)
    result = run_token_identifiability(context, random_examples(120), steps=100)
    for metric in ("identified_naive", "identified_linear"):
        assert share(result, metric, 0) == 1.0
    assert share(result, "identified_linear", 2) > share(result, "identified_naive", 2)
    assert share(result, "identified_naive", 2) < 1.0
    assert int(result.notes["n_training_tokens"]) > 200


def test_mlp_learns_what_is_not_linear():
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(4000, 6, generator=generator)
    target = torch.cat([source.abs(), source[:, :2]], dim=1)[:, :6] - 0.7
    linear = fit_linear(source[:3000], target[:3000])
    mlp = fit_mlp(source[:3000], target[:3000], steps=400, seed=0)
    again = fit_mlp(source[:3000], target[:3000], steps=400, seed=0)
    near = [
        torch.nn.functional.cosine_similarity(g(source[3000:]), target[3000:], dim=-1).mean()
        for g in (linear, mlp)
    ]
    assert near[1] > near[0] + 0.2
    torch.testing.assert_close(mlp(source), again(source), atol=0, rtol=0)


def test_training_tokens_are_bounded_and_batches_do_not_matter():
    context, examples = tiny_context("bert"), random_examples(30)
    few = run_token_identifiability(context, examples, steps=2, max_tokens=40)
    assert 40 <= int(few.notes["n_training_tokens"]) < 40 + 60
    other = run_token_identifiability(context, examples, steps=2, max_tokens=40, batch_size=3)
    np.testing.assert_allclose(
        few.rows["value"].astype(float), other.rows["value"].astype(float), atol=1e-9
    )


def test_bad_input_is_refused():
    context = tiny_context("bert")
    with pytest.raises(InputError, match="at least two different texts"):
        run_token_identifiability(context, random_examples(1) * 3)
    with pytest.raises(ConfigError, match="must be >= 1"):
        run_token_identifiability(context, random_examples(2), steps=0)
