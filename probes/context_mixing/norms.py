"""Norms of attention-weighted, transformed vectors, instead of attention weights alone.

Kobayashi et al. 2020 ("Attention is Not Only a Weight") and 2021 ("Incorporating Residual and
Normalization Layers"). Head h gives token i the sum over j of alpha_ij f(x_j), with
f(x) = (x W_V + b_V) W_O; the output bias is left out, the value bias is not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ..forward.attention_block import LayerValues, by_head, quadratic_norm
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.text_ratios import TextSums, sums_result
from ..forward.token_kinds import KINDS, token_kinds

HEAD_METRICS = (
    *(f"transformed_norm_{kind}" for kind in KINDS),
    "weighted_norm",
    *(f"weighted_norm_to_{kind}" for kind in KINDS),
    *(f"norm_share_to_{kind}" for kind in KINDS),
    "head_output_norm",
    "head_output_share",
)
"""Of each head: mean ||f(x)|| over the tokens of a kind; sum over keys (of a kind) of
||alpha f(x)||, mean over query rows; the same as a share of the row's sum, beside the share of
attention; norm of what the head gives a token, and its share of the sum over heads."""

LAYER_METRICS = (
    "summed_norm",
    *(f"summed_norm_to_{kind}" for kind in KINDS),
    *(f"summed_norm_share_to_{kind}" for kind in KINDS),
    "mixing_weight_attention",
    "mixing_weight_residual",
    "mixing_norm_attention",
    "mixing_norm_residual",
    "mixing_norm_layernorm",
)
"""Of each layer: the same for the sum over heads, ||sum_h alpha f(x)||; the mixing ratio, which is
the part of a token's new vector that comes from other tokens, by weights and by norms, of attention
alone, with the residual, and with residual and LayerNorm."""

_BLOCK = 2**20  # elements of the largest intermediate: 8 MiB in double


class Norms(Probe):
    """Norms of the outputs of heads and layers, by kind of token, and context-mixing ratios.

    ||alpha f(x_j)|| = alpha ||f(x_j)|| needs one norm per key and head; ||sum_h alpha f(x_j)||^2 is
    a^T K_j a, with a the H weights of a query and key and K_j the Gram matrix [H, H] of the key's
    f_h(x_j). So no tensor of [S, S, D] is built: beyond the pass the probe holds D^2 numbers per
    layer, S (D + S) H numbers per block of texts (8 MiB or one text), and its sums, one number per
    text, unit and metric.

    A pruned head contributes nothing and is excluded from its layer's sums; a layer of pruned heads
    alone has no value. Weights are averaged over kept heads. No token is masked before measuring,
    as the 2021 paper does with 12% of them.

    Args:
        context: the model that will be read.

    Raises:
        UnknownNameError: if the family has no LayerNorm after the attention's residual.
    """

    name = "norms"
    needs_values = True

    def __init__(self, context: Context):
        context.anatomy.check_post_norm()
        alive = context.alive
        shares = [f"norm_share_to_{kind}" for kind in KINDS]
        self._heads = TextSums(
            "head", HEAD_METRICS, ~alive, dict.fromkeys(shares, "attention weights")
        )
        mixing = {
            "mixing_norm_attention": "mixing_weight_attention",
            "mixing_norm_residual": "mixing_weight_residual",
        }
        self._layers = TextSums("layer", LAYER_METRICS, np.logical_not(alive.any(axis=1)), mixing)
        self._grams: dict[int, torch.Tensor] = {}

    def begin(self, batch: BatchView) -> None:
        """Prepare what all layers share."""
        self._query = batch.real.to(batch.source.dtype)
        self._kinds = token_kinds(batch)
        n_rows = self._query.sum(1)
        counts = dict.fromkeys((*HEAD_METRICS, *LAYER_METRICS), n_rows)
        for kind, tokens in zip(KINDS, self._kinds.sum(1).unbind(-1), strict=True):
            counts[f"transformed_norm_{kind}"] = tokens
        self._heads.begin(batch, counts)
        self._layers.begin(batch, counts)

    def values(self, layer: int, block: LayerValues) -> None:
        """Add up one layer."""
        if layer not in self._grams:
            self._grams[layer] = _head_products(block)
        transformed, summed = _norms(block, self._grams[layer])
        self._note_heads(layer, block, transformed)
        self._note_layer(layer, block, summed)

    def _note_heads(self, layer: int, block: LayerValues, transformed: torch.Tensor) -> None:
        """Sums by head; transformed: ||f(x)|| [B, H, S]."""
        query, kinds = self._query[:, None, :, None], self._kinds[:, None]
        by_kind = transformed[..., None] * kinds  # [B, H, S, 4]
        weighted = block.attention @ torch.cat([by_kind, kinds.expand_as(by_kind)], dim=-1)
        norm, weight = by_head(weighted, 2).unbind(-2)  # [B, H, S, 4] each
        share = norm / norm.sum(-1, keepdim=True).clamp_min(torch.finfo(norm.dtype).tiny)
        output = quadratic_norm(block.context, _diagonal(self._grams[layer], len(block.alive)))
        of_sum = output / output.sum(1, keepdim=True).clamp_min(torch.finfo(norm.dtype).tiny)
        norms, shares, weights = ((one * query).sum(2) for one in (norm, share, weight))
        found = _named("transformed_norm_", by_kind.sum(2)) | _named("weighted_norm_to_", norms)
        found |= _named("norm_share_to_", shares)
        found["weighted_norm"] = norms.sum(-1)
        found["head_output_norm"] = (output * query[..., 0]).sum(-1)
        found["head_output_share"] = (of_sum * query[..., 0]).sum(-1)
        self._heads.put(layer, found, _named("norm_share_to_", weights))

    def _note_layer(self, layer: int, block: LayerValues, summed: torch.Tensor) -> None:
        """Sums by layer; summed: norm of the sum over heads [B, S, S]."""
        query = self._query[..., None]
        norm = summed @ self._kinds  # [B, S, 4]
        share = norm / norm.sum(-1, keepdim=True).clamp_min(torch.finfo(norm.dtype).tiny)
        norms, shares = (norm * query).sum(1), (share * query).sum(1)
        found = _named("summed_norm_to_", norms) | _named("summed_norm_share_to_", shares)
        found["summed_norm"] = norms.sum(-1)
        ratios = mixing_ratios(block)
        found |= {name: (ratio * self._query).sum(-1) for name, ratio in ratios.items()}
        weights = {
            f"mixing_norm_{kind}": found[f"mixing_weight_{kind}"]
            for kind in ("attention", "residual")
        }
        self._layers.put(layer, found, weights)

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        del self._query, self._kinds

    def result(self) -> ProbeResult:
        """A row for each head or layer and metric; an item for each text, kept unit, metric."""
        return sums_result(self.name, "output-bias=excluded", [self._heads, self._layers], {})


def mixing_ratios(block: LayerValues) -> dict[str, torch.Tensor]:
    """Share of each token's new vector that comes from other tokens, metric -> [B, S].

    ||sum_{j != i} v_ij|| / (||sum_{j != i} v_ij|| + ||v_ii||), with v_ij what token i gets from
    token j; for weights, the mass off the diagonal. The deviation that LayerNorm divides by is the
    same above and below, so it does not appear.
    """
    alive = block.alive.to(block.attention)
    living = block.attention * alive[:, None, None]
    itself = living.diagonal(0, 2, 3)  # [B, H, S]
    weights = block.projection.weight
    own = (itself.transpose(1, 2)[..., None] * block.value).flatten(2) @ weights.T
    # what others give is summed up: the whole without the token's own part would be their rounding
    # where a token attends to itself alone
    from_others = living - torch.diag_embed(itself)
    weight = from_others.sum((1, 3)) / alive.sum()
    others = (from_others @ block.value.transpose(1, 2)).transpose(1, 2).flatten(2) @ weights.T
    norms = {
        "attention": (others, own),
        "residual": (others, own + block.residual),
        "layernorm": (block.linear_norm(others), block.linear_norm(own + block.residual)),
    }
    found = {"mixing_weight_attention": weight, "mixing_weight_residual": weight / 2}
    for name, (rest, kept) in norms.items():
        away, stay = rest.norm(dim=-1), kept.norm(dim=-1)
        found[f"mixing_norm_{name}"] = away / (away + stay)
    return found


def _head_products(block: LayerValues) -> torch.Tensor:
    """W_h W_g^T for each pair of heads [H, d, H*d], in double; zero for pruned heads."""
    weights = block.head_weights().double()
    return weights @ weights.flatten(0, 1).T


def _diagonal(products: torch.Tensor, H: int) -> torch.Tensor:
    """The products of each head with itself [H, d, d]."""
    return by_head(products, H).diagonal(0, 0, 2).permute(2, 0, 1)


def _norms(block: LayerValues, products: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """||f_h(x_j)|| [B, H, S] and ||sum_h alpha_ij f_h(x_j)|| [B, S, S].

    Squares in double precision: heads that nearly cancel leave differences of large products.
    """
    transformed, summed = [], []
    for texts in _text_blocks(block):
        value, attention = block.value[texts].double(), block.attention[texts].double()
        gram = _gram(value, products)  # [b, S, H, H]
        transformed.append(gram.diagonal(0, 2, 3).transpose(1, 2))
        weights = attention.permute(0, 3, 2, 1).contiguous()  # keys, queries, heads
        squared = ((weights @ gram) * weights).sum(-1)  # [b, S keys, S queries]
        summed.append(squared.transpose(1, 2))
    squares = torch.cat(transformed), torch.cat(summed)
    norms = [one.clamp_min(0).sqrt().to(block.value.dtype) for one in squares]
    return norms[0], norms[1]


def _text_blocks(block: LayerValues) -> Iterator[slice]:
    B, S, H, d = block.value.shape
    step = max(1, _BLOCK // (S * H * (H * d + S)))
    return (slice(start, start + step) for start in range(0, B, step))


def _gram(value: torch.Tensor, products: torch.Tensor) -> torch.Tensor:
    """Inner products of the H transformed vectors of each token [b, S, H, H].

    The lower half is left zero and the upper one counts twice, so that a^T K a is what it should
    be at half the work; the diagonal is as it is.
    """
    b, S, H, d = value.shape
    flat = value.reshape(b * S, H, d)
    gram = value.new_zeros(b * S, H, H)
    for head in range(H):
        mixed = by_head(flat[:, head] @ products[head, :, head * d :], H - head)
        gram[:, head, head:] = mixed.mul_(flat[:, head:]).sum(-1)
        gram[:, head, head + 1 :] *= 2
    return gram.view(b, S, H, H)


def _named(prefix: str, by_kind: torch.Tensor) -> dict[str, torch.Tensor]:
    """One entry for each kind of token, from [..., 4]."""
    return {f"{prefix}{kind}": by_kind[..., i] for i, kind in enumerate(KINDS)}
