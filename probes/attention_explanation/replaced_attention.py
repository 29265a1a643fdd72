"""Replace a model's attention weights where they are multiplied with the values.

The output of a head is its map times its values. The hooks here recompute that product with other
weights, so they work in every family, fused attention included, and gradients reach the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from ...models.encoder.anatomy import Anatomy
from ...models.encoder.kept_units import kept_units_of
from ...models.encoder.layer_hooks import LayerHooks
from ..forward.base import Context


@contextmanager
def attention_replaced(context: Context, weights: Mapping[int, torch.Tensor]) -> Iterator[None]:
    """Run the model with other attention in some layers; its mask must already be attached.

    Args:
        context: the model, and the mask that it runs under: pruned heads stay pruned.
        weights: layer -> weights of the first token's row [B, H, S], the other rows staying as the
            model computes them, or whole maps [B, H, S, S]. One row or map may stand for all heads,
            or for all texts, with a 1 in place of H or B.
    """
    anatomy, model = context.anatomy, context.model
    held: dict[int, torch.Tensor] = {}

    def note(layer: int) -> Any:
        def hook(_module: Any, _args: Any, output: torch.Tensor) -> None:
            held[layer] = values_of(anatomy, model, layer, output)

        return hook

    def mix(layer: int) -> Any:
        present = heads_of(model, anatomy, layer)
        alive = torch.tensor(context.alive[layer])[present]

        def hook(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            own, *rest = args
            value = held.pop(layer)  # [B, S, H, d]
            given = weights[layer]
            given = given if given.shape[1] == 1 else given[:, present.to(given.device)]
            shape = (1, len(alive), *[1] * (given.ndim - 2))
            given = given.to(value) * alive.to(value).reshape(shape)
            if given.ndim == 4:
                mixed = (given @ value.transpose(1, 2)).transpose(1, 2).flatten(2)
            else:
                first = (given[:, :, None] @ value.transpose(1, 2)).flatten(1)  # [B, H*d]
                mixed = torch.cat([first[:, None], own[:, 1:]], dim=1)
            return (mixed, *rest)

        return hook

    with ExitStack() as stack:
        stack.callback(held.clear)
        hooks = LayerHooks(model, anatomy, stack)
        for layer in weights:
            if not len(heads_of(model, anatomy, layer)):
                continue
            hooks.after(layer, anatomy.value_projection(model, layer), note(layer))
            hooks.before(layer, anatomy.attention_projection(model, layer), mix(layer))
        yield


def heads_of(model: Any, anatomy: Anatomy, layer: int) -> torch.Tensor:
    """Numbers of the heads that a layer has: fewer in a smaller model."""
    kept = kept_units_of(model)
    return torch.arange(anatomy.num_heads) if kept is None else torch.from_numpy(kept.heads[layer])


def values_of(anatomy: Anatomy, model: Any, layer: int, output: torch.Tensor) -> torch.Tensor:
    """Value vectors with their bias [B, S, H, d], of what a layer's value projection gives.

    Args:
        anatomy: where values stand in the output of fused projections.
        model: may lack heads; H is the number of those that it has.
        layer: counted from 0.
        output: [B, S, H*d], or [B, S, 3*H*d] where fused.
    """
    rows = anatomy.rows("value", len(heads_of(model, anatomy, layer))).to(output.device)
    found: torch.Tensor = output[..., rows.flatten()].reshape(*output.shape[:-1], *rows.shape)
    biases = anatomy.head_biases(model, layer)
    # of a query and a value bias outside the dense layers, the value's is the last
    return found + biases[-1].view(tuple(rows.shape)) if biases else found
