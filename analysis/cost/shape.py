"""The sizes of an encoder, from its configuration alone, and the operations of its passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.files.json_text import read_json_object
from ...models.folder.sources import ModelSource


@dataclass(frozen=True)
class EncoderShape:
    """Sizes of one encoder.

    Attributes:
        layers: L.
        width: D.
        neurons: F.
        vocabulary: rows of the table of subwords.
        positions: rows of the table of positions.
        known: `read` from its files, `published`, or else `assumed`.
    """

    layers: int = 12
    width: int = 768
    neurons: int = 3072
    vocabulary: int = 30_522
    positions: int = 512
    known: str = "assumed"

    @property
    def prunable(self) -> int:
        """Weights of the matrices of heads and MLPs."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.neurons)

    @property
    def parameters(self) -> int:
        """All parameters, without a task head."""
        vectors = self.layers * (9 * self.width + self.neurons) + 5 * self.width + self.width**2
        tables = (self.vocabulary + self.positions) * self.width
        return self.prunable + vectors + tables

    def forward(self, subwords: float, length: float) -> float:
        """Floating-point operations of one forward pass.

        A multiplication or an addition counts as one. Only matrix products are counted, as in
        `models.smaller.cost`.

        Args:
            subwords: total number of subwords, including padding.
            length: length S of a text, including padding.
        """
        return subwords * (2 * self.prunable + 4 * length * self.width * self.layers)


BASE = EncoderShape(known="published")
_LARGE = EncoderShape(24, 1024, 4096, known="published")

PUBLISHED: Mapping[str, EncoderShape] = {
    "bert-base-uncased": BASE,
    "google-bert/bert-base-uncased": BASE,
    "bert-base-cased": EncoderShape(vocabulary=28_996, known="published"),
    "bert-large-uncased": _LARGE,
    "google-bert/bert-large-uncased": _LARGE,
    "roberta-base": EncoderShape(vocabulary=50_265, positions=514, known="published"),
    "FacebookAI/roberta-base": EncoderShape(vocabulary=50_265, positions=514, known="published"),
    "distilbert-base-uncased": EncoderShape(6, known="published"),
    "distilbert/distilbert-base-uncased": EncoderShape(6, known="published"),
}
"""Shapes of models of the hub, for plans on machines without their files."""

_NAMES = {
    "layers": ("num_hidden_layers", "n_layers"),
    "width": ("hidden_size", "dim"),
    "neurons": ("intermediate_size", "hidden_dim"),
    "vocabulary": ("vocab_size",),
    "positions": ("max_position_embeddings",),
}
"""Size -> its names in the configurations of the families."""


def shape_of(source: ModelSource) -> EncoderShape:
    """The shape of a model: from its files, else as published, else that of BERT-base."""
    if source.kind == "hub":
        return PUBLISHED.get(source.name, EncoderShape())
    held: Mapping[str, Any] = read_json_object(Path(source.location) / "config.json")
    found = {
        size: value
        for size, names in _NAMES.items()
        for name in names
        if type(value := held.get(name)) is int and value > 0
    }
    return EncoderShape(**found, known="read" if len(found) == len(_NAMES) else "assumed")
