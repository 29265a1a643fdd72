"""Locate the heads and MLPs of an encoder of any supported family."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from ...data.errors import UnknownNameError
from .families import FAMILIES, Family
from .kept_units import kept_units_of

Part = Literal["query", "key", "value"]


@dataclass(frozen=True)
class Anatomy:
    """The family and sizes of one encoder, and access to its modules.

    The methods take the model, with or without a task head, and a layer counted from 0. A layer is
    one pass through a block: if layers share weights, several have the same modules, which
    `models/encoder/layer_hooks.py` distinguishes.

    Attributes:
        family: transformers' `model_type`.
        num_heads: H.
        head_size: d.
        num_neurons: F.
        num_positions: size of the position table; for relative positions, the length for which the
            model was trained.
        blocks: path of each of the L layers, relative to the base model.
    """

    family: str
    num_heads: int
    head_size: int
    num_neurons: int
    num_positions: int
    blocks: tuple[str, ...]

    @property
    def row(self) -> Family:
        """The row of the family in the table of families."""
        return FAMILIES[self.family]

    @property
    def num_layers(self) -> int:
        """Number of layers L; each pass through a shared block counts."""
        return len(self.blocks)

    @property
    def shared(self) -> bool:
        """Whether layers share weights, so that a unit cannot be removed from one layer alone."""
        return len(set(self.blocks)) < len(self.blocks)

    @property
    def sdpa(self) -> bool:
        """Whether the family supports torch's fused attention."""
        return self.row.sdpa

    @property
    def position_offset(self) -> int:
        """Number of positions that tokens cannot take."""
        return self.row.position_offset

    @property
    def max_tokens(self) -> int:
        """Longest input in subwords, special tokens included."""
        return self.num_positions - self.position_offset

    def block(self, model: Any, layer: int) -> nn.Module:
        """The module of the complete layer: attention, MLP, residuals and LayerNorms."""
        return _find(model, self.blocks[layer])

    def states_module(self, model: Any, layer: int) -> nn.Module:
        """Module whose output is hidden state `layer` + 1: the block, or the module after it."""
        after = self.row.first_states if layer == 0 else ""
        final = self.row.last_states if layer == self.num_layers - 1 else ""
        found = _find_or_none(model, final) or _find_or_none(model, after)
        return found or self.block(model, layer)

    def attention_module(self, model: Any, layer: int) -> nn.Module:
        """Module whose forward returns (output, weights [B, H, S, S]) with eager attention."""
        return _find(model, f"{self.blocks[layer]}.{self.row.attention}")

    def query(self, model: Any, layer: int) -> nn.Linear:
        """Query projection D -> H*d, or D -> 3*H*d if fused (see `rows`)."""
        return self._linear(model, layer, self.row.query)

    def key(self, model: Any, layer: int) -> nn.Linear:
        """Key projection, like `query`."""
        return self._linear(model, layer, self.row.key)

    def value_projection(self, model: Any, layer: int) -> nn.Linear:
        """Value projection, like `query`."""
        return self._linear(model, layer, self.row.value)

    def rows(self, part: Part, heads: int | None = None) -> torch.Tensor:
        """Indices [H, d] of the output features of the query, key or value projection, by head.

        Args:
            part: the projection.
            heads: number of heads, if it differs from H.
        """
        heads, size = self.num_heads if heads is None else heads, self.head_size
        place = ("query", "key", "value").index(part)
        if self.row.fused == "parts":
            return torch.arange(3 * heads * size).reshape(3, heads, size)[place]
        if self.row.fused == "heads":
            return torch.arange(3 * heads * size).reshape(heads, 3, size)[:, place]
        return torch.arange(heads * size).reshape(heads, size)

    def head_biases(self, model: Any, layer: int) -> list[nn.Parameter]:
        """Parameters [H*d] outside of dense layers, grouped by head."""
        return [
            model.base_model.get_parameter(f"{self.blocks[layer]}.{path}")
            for path in self.row.head_biases
        ]

    def position_projections(self, model: Any, layer: int) -> list[nn.Linear]:
        """The model's projections D -> H*d of relative positions, grouped by head."""
        paths = (f"{self.blocks[layer]}.{path}" for path in self.row.position_projections)
        found = (_find_or_none(model, path) for path in paths)
        return [module for module in found if isinstance(module, nn.Linear)]

    def attention_projection(self, model: Any, layer: int) -> nn.Linear:
        """Output projection H*d -> D; columns h*d to (h+1)*d read head h."""
        return self._linear(model, layer, self.row.attention_output)

    def mlp_up(self, model: Any, layer: int) -> nn.Linear:
        """First dense layer of the MLP, D -> F, or D -> 2F if `row.gated_mlp`."""
        return self._linear(model, layer, self.row.mlp_up)

    def mlp_output(self, model: Any, layer: int) -> nn.Linear:
        """Second dense layer of the MLP, F -> D, followed by dropout and the residual."""
        return self._linear(model, layer, self.row.mlp_down)

    def attention_norm(self, model: Any, layer: int) -> nn.LayerNorm:
        """LayerNorm of the sum of attention output and residual.

        Raises:
            UnknownNameError: if the family normalises elsewhere.
        """
        self.check_post_norm()
        module = _find(model, f"{self.blocks[layer]}.{self.row.attention_norm}")
        assert isinstance(module, nn.LayerNorm)
        return module

    def feed_forward(self, model: Any, layer: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """Run the second half of a block: from the attention's LayerNorm to the output [..., D].

        Hooks on the modules of the MLP, such as gates, are called.

        Raises:
            UnknownNameError: if the family normalises elsewhere.
        """
        self.check_post_norm()
        up, down = self.mlp_up(model, layer), self.mlp_output(model, layer)
        activation = _find(model, f"{self.blocks[layer]}.{self.row.activation}")
        norm = _find(model, f"{self.blocks[layer]}.{self.row.block_norm}")

        def run(states: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = norm(down(activation(up(states))) + states)
            return result

        return run

    def check_post_norm(self) -> None:
        """Raise unless the family normalises the sum of the attention output and its input.

        Raises:
            UnknownNameError: if it does not; the message lists the families that do.
        """
        if not self.row.attention_norm:
            known = [name for name, row in FAMILIES.items() if row.attention_norm]
            raise UnknownNameError("model type with LayerNorm after attention", self.family, known)

    def embedding_block(self, model: Any) -> nn.Module:
        """The complete embedding block: words, positions, segments, LayerNorm."""
        return _find(model, self.row.embeddings)

    def embeddings(self, model: Any) -> nn.Module:
        """The table of word embeddings."""
        table: nn.Module = model.get_input_embeddings()
        return table

    def _linear(self, model: Any, layer: int, path: str) -> nn.Linear:
        module = _find(model, f"{self.blocks[layer]}.{path}")
        assert isinstance(module, nn.Linear)
        return module


def _find(model: Any, path: str) -> nn.Module:
    module: nn.Module = model.base_model.get_submodule(path)
    return module


def _find_or_none(model: Any, path: str) -> nn.Module | None:
    """The module at `path`; None if there is no path or the configuration has no such module."""
    try:
        return _find(model, path) if path else None
    except AttributeError:
        return None


def anatomy_of(model: Any) -> Anatomy:
    """Look up the anatomy of `model`.

    Args:
        model: a transformers encoder, with or without a task head. A smaller model from `shrink`
            gets the sizes of the full model.

    Raises:
        UnknownNameError: if its family is not supported.
    """
    config = model.config
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model type", config.model_type, FAMILIES)
    # configurations name the number of neurons differently, so it is read from the first layer
    row = FAMILIES[config.model_type]
    blocks, kept_units = _block_paths(row, config), kept_units_of(model)
    first_down = _find(model, f"{blocks[0]}.{row.mlp_down}")
    return Anatomy(
        family=config.model_type,
        num_heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads,
        num_neurons=kept_units.num_neurons if kept_units else int(first_down.in_features),  # type: ignore[arg-type]
        num_positions=config.max_position_embeddings,
        blocks=blocks,
    )


def _block_paths(row: Family, config: Any) -> tuple[str, ...]:
    """Path of each layer's block, in the order of execution."""
    passes = config.num_hidden_layers
    if not row.inner_layers:
        return tuple(f"{row.layers}.{number}" for number in range(passes))
    # the expression of transformers: L need not be a multiple of the number of groups
    groups = [int(number / (passes / config.num_hidden_groups)) for number in range(passes)]
    return tuple(
        f"{row.layers}.{group}.{row.inner_layers}.{inner}"
        for group in groups
        for inner in range(config.inner_group_num)
    )


def max_tokens(model: Any) -> int:
    """Maximum input length of `model` in subwords, special tokens included."""
    return anatomy_of(model).max_tokens
