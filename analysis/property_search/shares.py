"""The share of each head and MLP that a mask of finer units keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import Subnetwork

Floats = npt.NDArray[np.float64]


def head_shares(model: Any, mask: Subnetwork) -> Floats:
    """Share of the weights of each head that a mask of weights keeps [L, H].

    The weights of a head are its rows of the query, key and value projections and its columns of
    the output projection; layers that share a module have equal shares.
    """
    anatomy, kept_of = anatomy_of(model), _masks_of(model, mask)
    shares = np.zeros((anatomy.num_layers, anatomy.num_heads))
    for layer in range(anatomy.num_layers):
        projections: dict[str, Callable[[Any, int], nn.Linear]] = {
            "query": anatomy.query, "key": anatomy.key, "value": anatomy.value_projection,
        }  # fmt: skip
        parts = [
            kept_of(find(model, layer))[anatomy.rows(part).numpy()].mean((1, 2))  # type: ignore[arg-type]
            for part, find in projections.items()
        ]
        output = kept_of(anatomy.attention_projection(model, layer))
        columns = output.reshape(len(output), anatomy.num_heads, anatomy.head_size)
        parts.append(columns.mean((0, 2)))
        shares[layer] = np.mean(parts, axis=0)
    return shares


def mlp_shares(model: Any, mask: Subnetwork) -> Floats:
    """Share of each MLP that a mask of neurons, or of weights, keeps [L]."""
    if mask.neuron_mask is not None:
        return np.asarray(mask.neuron_mask.mean(1), dtype=np.float64)
    anatomy, kept_of = anatomy_of(model), _masks_of(model, mask)
    found = []
    for layer in range(anatomy.num_layers):
        parts = [kept_of(find(model, layer)) for find in (anatomy.mlp_up, anatomy.mlp_output)]
        found.append(sum(one.sum() for one in parts) / sum(one.size for one in parts))
    return np.array(found, dtype=np.float64)


def _masks_of(model: Any, mask: Subnetwork) -> Callable[[nn.Module], npt.NDArray[np.bool_]]:
    paths = {id(module): path for path, module in model.base_model.named_modules()}
    return lambda module: mask.weight_masks[paths[id(module)]]


def share_difference(
    shares: Floats, kept: npt.NDArray[np.bool_], *, within: bool, draws: int = 9999, seed: int = 0
) -> tuple[float, Floats]:
    """Mean share in units that another mask keeps minus that in those it prunes, and its null.

    Args:
        shares: of each unit [L, H], or [1, L] for MLPs.
        kept: what the other mask keeps, of the same shape.
        within: whether units are permuted only within layers (rows).
        draws: permutations.
        seed: same seed, same permutations.

    Returns:
        the difference, and the same for each permutation of the other mask [draws].
    """
    rng = np.random.default_rng(seed)
    rows = kept if within else kept.reshape(1, -1)
    values = shares.reshape(rows.shape).ravel()
    drawn = rng.permuted(np.broadcast_to(rows, (draws, *rows.shape)), axis=2).reshape(draws, -1)
    count, total = int(kept.sum()), values.sum()

    def difference(inside: Any) -> Any:
        return inside / count - (total - inside) / (kept.size - count)

    return float(difference(values @ kept.ravel())), np.asarray(difference(drawn @ values))
