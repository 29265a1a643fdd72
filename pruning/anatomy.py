"""Where the heads and MLPs of one encoder family sit: one table row per family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from ..data.errors import UnknownNameError
from .living import living_of


@dataclass(frozen=True)
class Family:
    """Module paths of one family; all but `layers` and `embeddings` are relative to a layer.

    Attributes:
        layers: the list of blocks, relative to the base model.
        query: query projection.
        key: key projection.
        value: value projection.
        attention: module whose forward gives (output, weights [B, H, S, S]) under eager attention.
        attention_output: projection that mixes the H heads' outputs.
        mlp_up: D -> F.
        mlp_down: F -> D; its output, bias included, is the MLP's output.
        embeddings: the whole embedding block, relative to the base model.
        sdpa: whether the family has torch's fused attention; False = eager only.
        position_offset: positions that no token can take.
    """

    layers: str = "encoder.layer"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention: str = "attention.self"
    attention_output: str = "attention.output.dense"
    mlp_up: str = "intermediate.dense"
    mlp_down: str = "output.dense"
    embeddings: str = "embeddings"
    sdpa: bool = True
    position_offset: int = 0


_BERT = Family()
# positions are counted from the padding id (1) on, so ids 0 and 1 are never a token's position
_ROBERTA = Family(position_offset=2)

FAMILIES: dict[str, Family] = {
    "bert": _BERT,
    "electra": _BERT,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": Family(
        layers="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention="attention",
        attention_output="attention.out_lin",
        mlp_up="ffn.lin1",
        mlp_down="ffn.lin2",
    ),
    "mpnet": Family(
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        attention="attention.attn",
        attention_output="attention.attn.o",
        sdpa=False,
        position_offset=2,
    ),
}
"""transformers' `model_type` -> where its heads and MLPs sit."""


@dataclass(frozen=True)
class Anatomy:
    """One encoder: its family and its sizes.

    The methods take the model, with or without a task head, and a layer counted from 0.

    Attributes:
        family: transformers' `model_type`.
        num_layers: L.
        num_heads: H.
        head_size: d.
        num_neurons: F.
        num_positions: size of the position table.
    """

    family: str
    num_layers: int
    num_heads: int
    head_size: int
    num_neurons: int
    num_positions: int

    @property
    def row(self) -> Family:
        """The family's table row."""
        return FAMILIES[self.family]

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
        return _find(model, f"{self.row.layers}.{layer}")

    def attention_module(self, model: Any, layer: int) -> nn.Module:
        """Module whose forward gives (output, weights [B, H, S, S]) under eager attention."""
        return _find(model, f"{self.row.layers}.{layer}.{self.row.attention}")

    def query(self, model: Any, layer: int) -> nn.Linear:
        """Query projection D -> H*d."""
        return self._linear(model, layer, self.row.query)

    def key(self, model: Any, layer: int) -> nn.Linear:
        """Key projection D -> H*d."""
        return self._linear(model, layer, self.row.key)

    def value_projection(self, model: Any, layer: int) -> nn.Linear:
        """Value projection D -> H*d."""
        return self._linear(model, layer, self.row.value)

    def attention_projection(self, model: Any, layer: int) -> nn.Linear:
        """Output projection H*d -> D; columns h*d to (h+1)*d read head h."""
        return self._linear(model, layer, self.row.attention_output)

    def mlp_up(self, model: Any, layer: int) -> nn.Linear:
        """First dense layer of the MLP, D -> F."""
        return self._linear(model, layer, self.row.mlp_up)

    def mlp_output(self, model: Any, layer: int) -> nn.Linear:
        """Second dense layer of the MLP, F -> D: its output goes to dropout and residual."""
        return self._linear(model, layer, self.row.mlp_down)

    def embedding_block(self, model: Any) -> nn.Module:
        """The whole embedding block: words, positions, segments, LayerNorm."""
        return _find(model, self.row.embeddings)

    def embeddings(self, model: Any) -> nn.Module:
        """The word-embedding table."""
        return _find(model, f"{self.row.embeddings}.word_embeddings")

    def _linear(self, model: Any, layer: int, path: str) -> nn.Linear:
        module = _find(model, f"{self.row.layers}.{layer}.{path}")
        assert isinstance(module, nn.Linear)
        return module


def _find(model: Any, path: str) -> nn.Module:
    module: nn.Module = model.base_model.get_submodule(path)
    return module


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
    first_up, living = _find(model, f"{row.layers}.0.{row.mlp_up}"), living_of(model)
    return Anatomy(
        family=config.model_type,
        num_layers=config.num_hidden_layers,
        num_heads=config.num_attention_heads,
        head_size=config.hidden_size // config.num_attention_heads,
        num_neurons=living.num_neurons if living else int(first_up.out_features),  # type: ignore[arg-type]
        num_positions=config.max_position_embeddings,
    )


def max_tokens(model: Any) -> int:
    """Longest input of `model` in subwords, special tokens included."""
    return anatomy_of(model).max_tokens
