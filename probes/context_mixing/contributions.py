"""The contribution of each token to each block's output: ALTI and value zeroing, with rollout.

ALTI (Ferrando et al. 2022): the attention block's output is a sum of one vector per token, y_i =
sum_j T_i(x_j) + bias, where LayerNorm is linearised at its actual standard deviation; token j
contributes max(0, ||y_i||_1 - ||y_i - T_i(x_j)||_1). Value zeroing (Mohebbi et al. 2023): the
cosine distance by which the whole block's output changes when token j's value vectors are set to
zero in this layer; its residual stays. Both are normalised to sum to 1 over j and multiplied
through the layers as their authors do, without adding an identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import nn

from ..forward.attention_block import LayerValues
from ..forward.base import BatchView, Context, Probe, ProbeResult
from .rollout import MapsThroughLayers

_BLOCK = 2**22  # elements of the largest intermediate: 16 MiB in float32

Step = Callable[[torch.Tensor, slice], torch.Tensor]


class _Contributions(Probe):
    """A map of contributions per layer, its rollout, and their statistics.

    Args:
        context: the model that will be read.

    Raises:
        UnknownNameError: if the family has no LayerNorm after the attention's residual.
    """

    needs_values = True

    def __init__(self, context: Context):
        context.anatomy.check_post_norm()
        self._context = context
        self._maps = MapsThroughLayers(self.name, context)

    def begin(self, batch: BatchView) -> None:
        """Note which tokens are real."""
        self._real = batch.real
        self._maps.begin(batch)

    def values(self, layer: int, block: LayerValues) -> None:
        """Multiply by one layer's contributions; without a kept head they are the identity."""
        S = self._real.shape[1]
        if not block.alive.any():
            maps = torch.eye(S).to(block.output).expand(len(self._real), S, S)
        else:
            maps = self.scores(layer, block) * self._real[:, None, :].to(block.output)
            total = maps.sum(-1, keepdim=True)
            # a row to which nothing adds, which only padding has in practice, is left at zero
            maps = maps / total.clamp_min(torch.finfo(maps.dtype).tiny)
        self._maps.put(layer, maps)

    def scores(self, layer: int, block: LayerValues) -> torch.Tensor:
        """Contributions [B, S, S] before they are normalised to sum to 1."""
        raise NotImplementedError

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        self._maps.end()
        del self._real

    def result(self) -> ProbeResult:
        """A row for each layer and metric; an item for each text, layer and metric."""
        return self._maps.result("rollout=without-identity")


class Alti(_Contributions):
    """Aggregation of layer-wise token-to-token interactions (ALTI).

    Vectors [queries, S, D] are built for a block of queries at a time, at most 16 MiB or one
    query of the batch.
    """

    name = "alti"

    def scores(self, layer: int, block: LayerValues) -> torch.Tensor:
        """max(0, ||y||_1 - ||y - T(x)||_1)."""
        found = [
            norm_drop(block.output[:, queries, None], parts)
            for parts, queries in transformed_parts(block)
        ]
        return torch.cat(found, dim=1).clamp_min(0)


class ValueZeroing(_Contributions):
    """The change of each block's output when one token's values are set to zero.

    Attention weights and the block's input stay as they are. Each layer costs S times the MLP of
    a forward pass, in blocks of queries of at most 16 MiB or one query of the batch.
    """

    name = "value-zeroing"

    def scores(self, layer: int, block: LayerValues) -> torch.Tensor:
        """Cosine distance between a state and what it is without the token's values."""
        feed_forward = self._context.anatomy.feed_forward(self._context.model, layer)
        states = feed_forward(block.output.clone())
        found = []
        F = self._context.anatomy.num_neurons
        for parts, queries in weighted_sums(block, extra=F):
            total = (block.projected + block.residual)[:, queries, None]
            norm = block.norm
            without = nn.functional.layer_norm(
                total - parts, norm.normalized_shape, norm.weight, norm.bias, norm.eps
            )
            moved = feed_forward(without)
            found.append(cosine_distance(moved, states[:, queries, None]))
        return torch.cat(found, dim=1)


def norm_drop(total: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """||total||_1 - ||total - part||_1 [...] of vectors [..., D], number by number.

    The difference of the two norms would leave their rounding where the part is small.
    """
    along = part * torch.ones_like(total).copysign(total)
    return torch.minimum(along, 2 * total.abs() - along).sum(-1)


def cosine_distance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """1 - cosine [...] of vectors [..., D], as half the squared distance of the unit vectors.

    1 - cosine itself keeps no digit of vectors that are 1e-4 apart in float32.
    """
    one, other = (nn.functional.normalize(vectors, dim=-1) for vectors in (first, second))
    return (one - other).square().sum(-1) / 2


def weighted_sums(block: LayerValues, *, extra: int = 0) -> Iterator[tuple[torch.Tensor, slice]]:
    """sum_h alpha_ij f_h(x_j) of blocks of queries [B, queries, S, D], and which queries.

    Args:
        block: the layer.
        extra: further numbers per query and key that the caller will need.
    """
    B, S = block.value.shape[:2]
    transformed = block.value.transpose(1, 2) @ block.head_weights()  # [B, H, S, D]
    by_key = transformed.transpose(1, 2)  # [B, S, H, D]
    D = by_key.shape[-1]
    step = max(1, _BLOCK // (B * S * (D + extra)))
    weights = block.attention.permute(0, 3, 2, 1)  # [B, keys, queries, H]
    for start in range(0, S, step):
        queries = slice(start, min(start + step, S))
        parts = weights[:, :, queries] @ by_key  # [B, keys, queries, D]
        yield parts.transpose(1, 2), queries


def transformed_parts(block: LayerValues) -> Iterator[tuple[torch.Tensor, slice]]:
    """T_i(x_j) of blocks of queries [B, queries, S, D], and which queries.

    Together with `bias_part` they sum to the attention block's output over j.
    """
    scale = block.scale()
    own = block.linear_norm(block.residual)
    for parts, queries in weighted_sums(block):
        linear = block.linear_norm(parts)
        linear.diagonal(queries.start, 1, 2).add_(own[:, queries].transpose(1, 2))
        yield linear.mul_(scale[:, queries, None]), queries


def bias_part(block: LayerValues) -> torch.Tensor:
    """What the biases of projection and LayerNorm add to the block's output [B, S, D]."""
    bias = block.projection.bias
    moved = block.linear_norm(bias) * block.scale() if bias is not None else 0.0
    return moved + block.norm.bias
