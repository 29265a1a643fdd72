"""The first token's row over words: attention and measures derived from it.

The first token is what a task head reads, so its row takes the place of the one attention vector of
the models that attention was questioned in (Jain & Wallace 2019). Weights of a word's pieces are
summed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ...data.errors import SubprobeError
from ...models.encoder.layer_hooks import LayerHooks
from ..context_mixing.effective_attention import effective_attention
from ..context_mixing.rollout import mean_map
from ..forward.attention_block import by_head, quadratic_norm
from ..forward.base import BatchView, Context
from ..forward.eval_mode import eager_attention
from .replaced_attention import heads_of, values_of

OF_HEADS = ("attention", "effective", "norm-weighted")
"""A head's weights; its effective attention, which can be negative; and the norms of the vectors
that it weighs (Kobayashi et al. 2020)."""
OF_LAYERS = ("mean-attention", "mean-effective", "summed-norm", "rollout")
"""Means over the kept heads; the norm of the sum over heads; and attention multiplied through the
layers up to here. Of the full model: means over layers with a kept head, and the last rollout.
"""


@dataclass
class AttentionPass:
    """Maps and values of one forward pass on B texts; H counts the heads of the full model.

    Attributes:
        maps: weights [L, B, H, S, S]; heads that were removed from the model attend to nothing.
        values: value vectors with their bias [L, B, S, H, d].
        logits: of the task head [B, K].
    """

    maps: torch.Tensor
    values: torch.Tensor
    logits: torch.Tensor


@dataclass
class _Held:
    maps: dict[int, torch.Tensor] = field(default_factory=dict)
    values: dict[int, torch.Tensor] = field(default_factory=dict)


def attention_pass(context: Context, batch: BatchView, *, gradient: bool = False) -> AttentionPass:
    """Run a classifier once on eager attention, with its mask attached, and hold its maps.

    Rows of padding are set to zero: where the window contains no token, they would be NaN.

    Args:
        context: the classifier.
        batch: the texts.
        gradient: whether what is held has gradients.

    Raises:
        SubprobeError: if a layer delivered no map.
    """
    anatomy, model = context.anatomy, context.model
    # families without fused attention build their maps only on request
    request = {} if anatomy.sdpa else {"output_attentions": True}
    with torch.set_grad_enabled(gradient), eager_attention(model), _taps(context) as held:
        logits = model(**batch.inputs, **request).logits
    layers = range(anatomy.num_layers)
    if missing := [layer for layer in layers if layer not in held.maps]:
        raise SubprobeError(
            f"layer {missing[0]} of the {anatomy.family} model delivered no attention",
            remedy="probe a model of a supported family under eager attention",
        )
    maps = torch.stack([held.maps[layer] for layer in layers])
    return AttentionPass(
        maps=maps.masked_fill(~batch.real[:, None, :, None], 0),
        values=torch.stack([held.values[layer] for layer in layers]),
        logits=logits,
    )


@contextmanager
def _taps(context: Context) -> Iterator[_Held]:
    anatomy, model = context.anatomy, context.model
    held, H = _Held(), anatomy.num_heads

    def spread(part: torch.Tensor, layer: int, axis: int) -> torch.Tensor:
        """The same with zeros for heads that were removed from the model."""
        present = heads_of(model, anatomy, layer)
        if len(present) == H:
            return part
        shape = [*part.shape]
        shape[axis] = H
        return part.new_zeros(shape).index_copy(axis, present.to(part.device), part)

    def on_map(layer: int) -> Any:
        def hook(_module: Any, _args: Any, output: Any) -> None:
            if isinstance(output, tuple) and len(output) > 1 and output[1] is not None:
                held.maps[layer] = spread(output[1], layer, 1)
                # a layer that has no heads left computes no values
                B, S = output[1].shape[0], output[1].shape[-1]
                empty = output[1].new_zeros(B, S, H, anatomy.head_size)
                held.values.setdefault(layer, empty)

        return hook

    def on_value(layer: int) -> Any:
        def hook(_module: Any, _args: Any, output: torch.Tensor) -> None:
            held.values[layer] = spread(values_of(anatomy, model, layer, output), layer, 2)

        return hook

    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        for layer in range(anatomy.num_layers):
            hooks.after(layer, anatomy.value_projection(model, layer), on_value(layer))
            hooks.after(layer, anatomy.attention_module(model, layer), on_map(layer))
        yield held


def first_rows(
    context: Context, batch: BatchView, found: AttentionPass
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The first token's rows over words; NaN for pruned heads and layers without a kept head.

    Returns:
        by head [B, L, H, 3, W] in the order of `OF_HEADS`, by layer [B, L, 4, W] and of the full
        model [B, 4, W] in that of `OF_LAYERS`.
    """
    real = batch.real.to(found.maps.dtype)
    of_heads, of_layers = [], []
    rolled: torch.Tensor | None = None
    for layer in range(context.anatomy.num_layers):
        alive = torch.tensor(context.alive[layer]).to(real.device)
        maps = found.maps[layer]
        value = found.values[layer].transpose(1, 2) * real[:, None, :, None]  # [B, H, S, d]
        step = mean_map(maps, context.alive[layer])
        rolled = step if rolled is None else step @ rolled
        effective, _, _ = effective_attention(maps, value, real)
        weights = _head_weights(context, layer)  # [H, d, D]
        norms = quadratic_norm(
            value.transpose(1, 2), weights.double() @ weights.double().transpose(1, 2)
        )
        rows = [maps[:, :, 0], effective[:, :, 0], maps[:, :, 0] * norms]
        by_head_rows = torch.stack(rows, dim=2) @ batch.target[:, None]  # [B, H, 3, W]
        by_head_rows = by_head_rows.masked_fill(~alive[None, :, None, None], torch.nan)
        of_heads.append(by_head_rows)
        living = by_head_rows[:, alive]
        weighted = (maps[:, :, 0, :, None] * value)[:, alive]  # [B, H', S, d]
        summed = (weighted @ weights[alive]).sum(1).norm(dim=-1)  # [B, S]
        words = torch.stack([summed, rolled[:, 0]], dim=1) @ batch.target
        means = living[:, :, :2].mean(1)
        if not alive.any():
            words[:, 0] = torch.nan
        of_layers.append(torch.cat([means, words], dim=1))  # [B, 4, W]
    by_layer = torch.stack(of_layers, dim=1)
    model = by_layer.nanmean(1)
    model[:, 3] = by_layer[:, -1, 3]
    return torch.stack(of_heads, dim=1), by_layer, model


def _head_weights(context: Context, layer: int) -> torch.Tensor:
    """The output projection's columns by head [H, d, D]; zero for heads that were removed."""
    anatomy, model = context.anatomy, context.model
    present = heads_of(model, anatomy, layer)
    own = anatomy.attention_projection(model, layer).weight
    weights = own.new_zeros(anatomy.num_heads, anatomy.head_size, own.shape[0])
    if len(present):
        weights[present] = by_head(own, len(present)).permute(1, 2, 0).detach()
    return weights
