"""The rows and columns of weights that belong to each unit, used by everything that removes units.

A head has rows of the query, key and value projections (and of the projections of relative
positions, if any) and columns of the attention output projection. A neuron has a row of the first
dense layer of the MLP (two rows if it is gated) and a column of the second one. The bias of the
output projection belongs to no head and remains in a layer without heads. The bias of the second
dense layer belongs to the MLP as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...data.errors import InputError
from ..encoder.anatomy import Anatomy, Part
from ..encoder.kept_units import KeptUnits, Numbers


@dataclass(frozen=True)
class Cut:
    """The kept part of one parameter.

    Attributes:
        module: the dense layer, or another module with a parameter.
        name: `weight`, `bias`, or another parameter name.
        dim: 0 = rows, 1 = columns.
        kept: indices of the kept rows or columns, sorted, int64.
    """

    module: nn.Module
    name: str
    dim: int
    kept: torch.Tensor

    @property
    def parameter(self) -> nn.Parameter:
        """The current parameter."""
        found: nn.Parameter = getattr(self.module, self.name)
        return found

    @property
    def dead(self) -> torch.Tensor:
        """Indices of the removed rows or columns."""
        going = torch.ones(self.parameter.shape[self.dim], dtype=torch.bool)
        going[self.kept] = False
        return torch.nonzero(going).ravel()


def cuts(
    model: Any, anatomy: Anatomy, kept_units: KeptUnits, present: KeptUnits | None = None
) -> Iterator[Cut]:
    """Every parameter with parts that belong to heads, neurons or MLPs, and its kept part.

    Args:
        model: a transformers encoder, with or without a task head.
        anatomy: anatomy of the model.
        kept_units: the kept units.
        present: the units that the model has, if some were removed before.
    """
    for layer in range(anatomy.num_layers):
        heads = _places(kept_units.heads, present.heads if present else None, layer)
        neurons = _places(kept_units.neurons, present.neurons if present else None, layer)
        there = len(present.heads[layer]) if present else anatomy.num_heads
        rows = (heads[:, None] * anatomy.head_size + np.arange(anatomy.head_size)).ravel()
        of_heads, of_neurons = torch.from_numpy(rows), torch.from_numpy(neurons)
        for module, kept in _projections(model, anatomy, layer, heads, there).items():
            yield from _rows(module, kept)
        for module in anatomy.position_projections(model, layer):
            yield from _rows(module, of_heads)
        for path in anatomy.row.head_biases:
            where, _, name = f"{anatomy.blocks[layer]}.{path}".rpartition(".")
            yield Cut(model.base_model.get_submodule(where), name, 0, of_heads)
        yield Cut(anatomy.attention_projection(model, layer), "weight", 1, of_heads)
        up, width = anatomy.mlp_up(model, layer), anatomy.mlp_output(model, layer).in_features
        # neuron f of a gated MLP is rows f and F + f
        copies = [of_neurons + start for start in range(0, up.out_features, max(width, 1))]
        yield from _rows(up, torch.cat(copies) if copies else of_neurons)
        down = anatomy.mlp_output(model, layer)
        yield Cut(down, "weight", 1, of_neurons)
        if down.bias is not None and not kept_units.mlps[layer]:
            yield Cut(down, "bias", 0, torch.arange(0))


def _projections(
    model: Any, anatomy: Anatomy, layer: int, heads: Numbers, there: int
) -> dict[nn.Linear, torch.Tensor]:
    """Query, key and value projections, which may be one module, and the kept rows."""
    found: dict[nn.Linear, list[torch.Tensor]] = {}
    finders = {"query": anatomy.query, "key": anatomy.key, "value": anatomy.value_projection}
    parts: tuple[Part, ...] = ("query", "key", "value")
    for part in parts:
        rows = anatomy.rows(part, there)[torch.from_numpy(heads)].ravel()
        found.setdefault(finders[part](model, layer), []).append(rows)
    return {module: torch.cat(rows).sort().values for module, rows in found.items()}


def _rows(module: nn.Linear, kept: torch.Tensor) -> Iterator[Cut]:
    yield Cut(module, "weight", 0, kept)
    if module.bias is not None:
        yield Cut(module, "bias", 0, kept)


def _places(
    wanted: tuple[Numbers, ...], present: tuple[Numbers, ...] | None, layer: int
) -> Numbers:
    """Positions of the units of a layer among those that it has."""
    if present is None:
        return wanted[layer]
    found: Numbers = np.searchsorted(present[layer], wanted[layer])
    return found


def check_separable(model: Any, anatomy: Anatomy, kept_units: KeptUnits) -> None:
    """Raise unless every unit of a full model has separate rows and columns that `cuts` supports.

    Raises:
        InputError: if not; the message states the reason.
    """
    if anatomy.shared:
        raise InputError(
            f"the layers of a {anatomy.family} model share their weights, so units cannot be "
            "removed or set to zero in one layer alone",
            remedy="keep the mask and run the model under it (`mask`)",
        )
    unknown = set()
    known = {cut.module for cut in cuts(model, anatomy, kept_units)}
    for layer in range(anatomy.num_layers):
        for name, module in anatomy.attention_module(model, layer).named_modules():
            if module not in known and [*module.parameters(recurse=False)]:
                unknown.add(name or "attention")
    if unknown:
        raise InputError(
            f"a {anatomy.family} model has weights that subprobe cannot divide into heads "
            f"and neurons: {', '.join(sorted(unknown))}",
            remedy="keep the mask and run the model under it (`mask`)",
        )
