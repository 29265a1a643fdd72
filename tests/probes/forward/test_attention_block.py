"""The delivery of values: what is shown reproduces each block, and nothing is left behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from attention_oracle import plain_text
from probe_cases import hooks_on, random_examples, tiny_context, with_dead_heads
from subprobe.data.errors import SubprobeError, UnknownNameError
from subprobe.models.encoder.families import FAMILIES as ROWS
from subprobe.probes.context_mixing.norms import Norms
from subprobe.probes.forward.base import Probe
from subprobe.probes.forward.shared_pass import run_probes
from tiers import mostly_slow
from tiny import POST_NORM


class Keeper(Probe):
    """Keeps what it is shown: what a probe must not do, and a test may."""

    name = "keeper"
    needs_values = True

    def __init__(self, fail_at=None):
        self.blocks, self.fail_at, self.order = {}, fail_at, []

    def begin(self, batch):
        self.batch = batch

    def layer(self, layer, attention):
        raise AssertionError("the probe did not ask for maps")

    hidden = layer

    def values(self, layer, block):
        if layer == self.fail_at:
            raise RuntimeError("the probe broke")
        self.order.append(layer)
        self.blocks[layer] = block

    def end(self):
        pass

    def result(self):
        return self


def shares_of_block(block):
    """alpha_ij f_h(x_j) of every head [B, H, S, S, D]: affordable on a tiny model."""
    transformed = torch.einsum("bshd,hdD->bhsD", block.value, block.head_weights())
    return block.attention[..., None] * transformed[:, :, None]


@torch.inference_mode()
@pytest.mark.parametrize("dead", [[], [(0, 1), (1, 0), (1, 1), (1, 2), (1, 3)]])
@pytest.mark.parametrize("family", mostly_slow(POST_NORM, ["bert", "mpnet"]))
def test_heads_keys_and_bias_sum_to_the_attention_output(family, dead):
    context = tiny_context(family, double=False)
    context = with_dead_heads(context, dead) if dead else context
    keeper = Keeper()
    run_probes(context, random_examples(6), [keeper])
    assert keeper.order == [0, 1]
    for block in keeper.blocks.values():
        parts = shares_of_block(block)
        total = parts.sum(dim=(1, 3)) + block.projection.bias
        torch.testing.assert_close(total, block.projected, atol=1e-5, rtol=0)
        bias = block.projection.bias
        assert (block.projected - bias).abs().max() > 1e-3 or not block.alive.any()
        again = torch.nn.functional.layer_norm(
            block.projected + block.residual, (total.shape[-1],),
            block.norm.weight, block.norm.bias, block.norm.eps,
        )  # fmt: skip
        torch.testing.assert_close(again, block.output, atol=1e-5, rtol=0)
        linear = block.linear_norm(block.projected + block.residual) * block.scale()
        torch.testing.assert_close(linear + block.norm.bias, block.output, atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", mostly_slow(POST_NORM, ["bert", "mpnet"]))
def test_feed_forward_is_the_rest_of_the_block(family):
    context, examples = tiny_context(family), random_examples(3)
    keeper = Keeper()
    run_probes(context, examples, [keeper])
    for row, position in enumerate(keeper.batch.position):
        plain = plain_text(context, examples[position])
        for layer, block in keeper.blocks.items():
            with torch.inference_mode():
                found = context.anatomy.feed_forward(context.model, layer)(block.output)
            torch.testing.assert_close(
                found[row, : plain.n], torch.tensor(plain.states[layer + 1]), atol=1e-9, rtol=0
            )


@pytest.mark.parametrize("fail_at", [None, 1])
def test_no_hook_is_left(fail_at):
    context = tiny_context("bert")
    before = hooks_on(context.model)
    if fail_at is None:
        run_probes(context, random_examples(3), [Keeper()])
    else:
        with pytest.raises(RuntimeError, match="the probe broke"):
            run_probes(context, random_examples(3), [Keeper(fail_at)])
    assert hooks_on(context.model) == before == 0
    assert context.model.config._attn_implementation == "sdpa"


def test_a_family_that_normalises_elsewhere_is_refused(monkeypatch):
    context = tiny_context("bert")
    monkeypatch.setitem(ROWS, "bert", replace(ROWS["bert"], attention_norm=""))
    with pytest.raises(UnknownNameError, match=r"LayerNorm after attention 'bert'.*roberta"):
        Norms(context)
    with pytest.raises(UnknownNameError, match="LayerNorm after attention"):
        run_probes(context, random_examples(2), [Keeper()])
    assert hooks_on(context.model) == 0


def test_a_layer_without_maps_is_an_error(monkeypatch):
    context = tiny_context("bert")
    monkeypatch.setattr(
        "subprobe.probes.forward.shared_pass.eager_attention", lambda model: torch.no_grad()
    )
    with pytest.raises(SubprobeError, match="delivered no attention"):
        run_probes(context, random_examples(2), [Keeper()])
    assert hooks_on(context.model) == 0
