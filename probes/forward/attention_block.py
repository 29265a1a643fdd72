"""The parts of an attention block: value vectors, residual, output projection and LayerNorm.

An optional delivery of the shared pass, for probes that decompose an attention block into the
contributions of single tokens (Kobayashi et al. 2020, 2021; Ferrando et al. 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .base import Context, Probe


@dataclass(frozen=True)
class LayerValues:
    """One layer's attention block on one batch; padding rows included.

    `output = norm(projection(context) + residual)`, and `context` is the attention-weighted sum of
    the values, zero for pruned heads.

    Attributes:
        attention: weights [B, H, S, S].
        value: value vectors, bias included [B, S, H, d].
        context: the input of the output projection [B, S, H, d].
        projected: its output, bias included [B, S, D].
        residual: input of the block, which is added [B, S, D].
        output: after the LayerNorm [B, S, D].
        projection: the output projection.
        norm: the LayerNorm.
        alive: kept heads [H].
    """

    attention: torch.Tensor
    value: torch.Tensor
    context: torch.Tensor
    projected: torch.Tensor
    residual: torch.Tensor
    output: torch.Tensor
    projection: nn.Linear
    norm: nn.LayerNorm
    alive: torch.Tensor

    def head_weights(self) -> torch.Tensor:
        """The projection's columns by head [H, d, D]; zero for pruned heads."""
        weights = by_head(self.projection.weight, len(self.alive)).permute(1, 2, 0)
        return weights * self.alive[:, None, None].to(weights)

    def transformed_norms(self) -> torch.Tensor:
        """||f_h(x_j)|| of every token and head [B, H, S]; zero for pruned heads."""
        weights = self.head_weights().double()
        return quadratic_norm(self.value, weights @ weights.transpose(1, 2))

    def scale(self) -> torch.Tensor:
        """1 / standard deviation of each position as the LayerNorm computes it [B, S, 1]."""
        total = self.projected + self.residual
        variance = total.var(dim=-1, unbiased=False, keepdim=True)
        return (variance + self.norm.eps).rsqrt()

    def linear_norm(self, vectors: torch.Tensor) -> torch.Tensor:
        """Apply the LayerNorm to a summand [..., D], without `scale` and bias."""
        centred = vectors - vectors.mean(dim=-1, keepdim=True)
        return torch.mul(centred, self.norm.weight)


def quadratic_norm(vectors: torch.Tensor, products: torch.Tensor) -> torch.Tensor:
    """||x_h W_h|| [B, H, S] of vectors [B, S, H, d], from W_h W_h^T [H, d, d] in double precision.

    The square of a small norm is a difference of large products, whose rounding its root magnifies:
    in float32 a norm below 3e-4 of the largest possible one would be lost.
    """
    heads = vectors.transpose(1, 2).double()
    return ((heads @ products) * heads).sum(-1).clamp_min(0).sqrt().to(vectors.dtype)


def by_head(vectors: torch.Tensor, H: int) -> torch.Tensor:
    """The last axis cut into heads: [..., H*d] to [..., H, d]."""
    return vectors.reshape(*vectors.shape[:-1], H, -1)


@contextmanager
def value_taps(
    context: Context, probes: Sequence[Probe], delivered: list[tuple[str, int]]
) -> Iterator[None]:
    """Hooks that show the probes each attention block; one block is held at a time.

    Args:
        context: the model, with its mask attached already.
        probes: the probes that need values.
        delivered: where ("values", layer) is noted.

    Raises:
        UnknownNameError: if the family has no LayerNorm after the attention's residual.
    """
    anatomy, model = context.anatomy, context.model
    H = anatomy.num_heads
    alive = torch.tensor(context.alive).to(model.device)
    held: dict[str, torch.Tensor] = {}

    def on_value(_module: Any, args: tuple[Any, ...], output: torch.Tensor) -> None:
        held.update(residual=args[0], value=by_head(output, H))

    def on_attention(_module: Any, _args: Any, output: Any) -> None:
        if isinstance(output, tuple) and len(output) > 1 and output[1] is not None:
            held["attention"] = output[1]

    def on_projection(_module: Any, args: tuple[Any, ...], output: torch.Tensor) -> None:
        held.update(context=by_head(args[0], H), projected=output)

    def on_norm(layer: int) -> Callable[..., None]:
        projection = anatomy.attention_projection(model, layer)
        norm = anatomy.attention_norm(model, layer)

        def hook(_module: Any, _args: Any, output: torch.Tensor) -> None:
            if "attention" not in held:
                held.clear()
                return
            block = LayerValues(
                **held, output=output, projection=projection, norm=norm, alive=alive[layer]
            )
            held.clear()
            for probe in probes:
                probe.values(layer, block)
            delivered.append(("values", layer))

        return hook

    with ExitStack() as stack:
        for layer in range(anatomy.num_layers):
            hooks: list[tuple[nn.Module, Callable[..., None]]] = [
                (anatomy.attention_norm(model, layer), on_norm(layer)),
                (anatomy.value_projection(model, layer), on_value),
                (anatomy.attention_module(model, layer), on_attention),
                (anatomy.attention_projection(model, layer), on_projection),
            ]
            for module, hook in hooks:
                stack.callback(module.register_forward_hook(hook).remove)
        stack.callback(held.clear)
        yield
