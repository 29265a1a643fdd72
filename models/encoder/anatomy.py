"""Where the heads and MLPs of one encoder sit, whatever its family."""

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
    """One encoder: its family and its sizes.

    The methods take the model, with or without a task head, and a layer counted from 0. A layer is
    one pass through a block: where layers share weights, several have the same modules, and
    `models/encoder/layer_hooks.py` tells them apart.

    Attributes:
        family: transformers' `model_type`.
        num_heads: H.
        head_size: d.
        num_neurons: F.
        num_positions: size of the position table, or the length that the model was made for where
            positions are relative.
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
        """The family's table row."""
        return FAMILIES[self.family]

    @property
    def num_layers(self) -> int:
        """L, each pass through a shared block counted."""
        return len(self.blocks)

    @property
    def shared(self) -> bool:
        """Whether some layers share their weights, so that none can lose a unit alone."""
        return len(set(self.blocks)) < len(self.blocks)

    @property
    def sdpa(self) -> bool:
        """Whether the family has torch's fused attention."""
        return self.row.sdpa

    @property
    def position_offset(self) -> int:
        """Positions that no token can take."""
        return self.row.position_offset

    @property
    def max_tokens(self) -> int:
        """Longest input in subwords, special tokens included."""
        return self.num_positions - self.position_offset

    def block(self, model: Any, layer: int) -> nn.Module:
        """The whole layer: attention, MLP, residuals and LayerNorms."""
        return _find(model, self.blocks[layer])

    def states_module(self, model: Any, layer: int) -> nn.Module:
        """Module whose output is hidden state `layer` + 1: the block, or what comes right after."""
        after = self.row.first_states if layer == 0 else ""
        final = self.row.last_states if layer == self.num_layers - 1 else ""
        found = _find_or_none(model, final) or _find_or_none(model, after)
        return found or self.block(model, layer)

    def attention_module(self, model: Any, layer: int) -> nn.Module:
        """Module whose forward gives (output, weights [B, H, S, S]) under eager attention."""
        return _find(model, f"{self.blocks[layer]}.{self.row.attention}")

    def query(self, model: Any, layer: int) -> nn.Linear:
        """Query projection D -> H*d; D -> 3*H*d where fused, see `rows`."""
        return self._linear(model, layer, self.row.query)

    def key(self, model: Any, layer: int) -> nn.Linear:
        """Key projection, like `query`."""
        return self._linear(model, layer, self.row.key)

    def value_projection(self, model: Any, layer: int) -> nn.Linear:
        """Value projection, like `query`."""
        return self._linear(model, layer, self.row.value)

    def rows(self, part: Part, heads: int | None = None) -> torch.Tensor:
        """Output features of the query, key or value projection by head: indices [H, d].

        Args:
            part: which projection.
            heads: how many heads it has, where that is not H.
        """
        heads, size = self.num_heads if heads is None else heads, self.head_size
        place = ("query", "key", "value").index(part)
        if self.row.fused == "parts":
            return torch.arange(3 * heads * size).reshape(3, heads, size)[place]
        if self.row.fused == "heads":
            return torch.arange(3 * heads * size).reshape(heads, 3, size)[:, place]
        return torch.arange(heads * size).reshape(heads, size)

    def head_biases(self, model: Any, layer: int) -> list[nn.Parameter]:
        """Parameters [H*d] outside the dense layers, head by head."""
        return [
            model.base_model.get_parameter(f"{self.blocks[layer]}.{path}")
            for path in self.row.head_biases
        ]

    def position_projections(self, model: Any, layer: int) -> list[nn.Linear]:
        """Projections D -> H*d of relative positions that this model has, head by head."""
        paths = (f"{self.blocks[layer]}.{path}" for path in self.row.position_projections)
        found = (_find_or_none(model, path) for path in paths)
        return [module for module in found if isinstance(module, nn.Linear)]

    def attention_projection(self, model: Any, layer: int) -> nn.Linear:
        """Output projection H*d -> D; columns h*d to (h+1)*d read head h."""
        return self._linear(model, layer, self.row.attention_output)

    def mlp_up(self, model: Any, layer: int) -> nn.Linear:
        """First dense layer of the MLP, D -> F; D -> 2F where `row.gated_mlp`."""
        return self._linear(model, layer, self.row.mlp_up)

    def mlp_output(self, model: Any, layer: int) -> nn.Linear:
        """Second dense layer of the MLP, F -> D: its output goes to dropout and residual."""
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
        """Second half of a block: from the attention's LayerNorm to the block's output, [..., D].

        Hooks on the MLP's modules, gates among them, see the call.

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
        """Refuse a family whose attention output is not added to its input and then normalised.

        Raises:
            UnknownNameError: listing the families where it is.
        """
        if not self.row.attention_norm:
            known = [name for name, row in FAMILIES.items() if row.attention_norm]
            raise UnknownNameError("model type with LayerNorm after attention", self.family, known)

    def embedding_block(self, model: Any) -> nn.Module:
        """The whole embedding block: words, positions, segments, LayerNorm."""
        return _find(model, self.row.embeddings)

    def embeddings(self, model: Any) -> nn.Module:
        """The word-embedding table."""
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
    """The module at `path`; None if there is no path, or this configuration leaves it out."""
    try:
        return _find(model, path) if path else None
    except AttributeError:
        return None


def anatomy_of(model: Any) -> Anatomy:
    """Look up where the heads and MLPs of `model` sit.

    Args:
        model: a transformers encoder, with or without a task head. A smaller one that `shrink` made
            has the sizes of the whole one.

    Raises:
        UnknownNameError: if its family is not in the table.
    """
    config = model.config
    if config.model_type not in FAMILIES:
        raise UnknownNameError("model type", config.model_type, FAMILIES)
    # the number of neurons has another name in each configuration, the first layer knows it
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
    """Path of each layer's block, in the order in which the model runs them."""
    passes = config.num_hidden_layers
    if not row.inner_layers:
        return tuple(f"{row.layers}.{number}" for number in range(passes))
    # the library's own expression: L need not be a multiple of the number of groups
    groups = [int(number / (passes / config.num_hidden_groups)) for number in range(passes)]
    return tuple(
        f"{row.layers}.{group}.{row.inner_layers}.{inner}"
        for group in groups
        for inner in range(config.inner_group_num)
    )


def max_tokens(model: Any) -> int:
    """Longest input of `model` in subwords, special tokens included."""
    return anatomy_of(model).max_tokens
