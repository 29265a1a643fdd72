"""The model that another one is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...data.errors import ConfigError
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer

PRETRAINED = "pretrained"
"""Name of the encoder that a model was fine-tuned from, according to its folder."""


def load_reference(named: str | None, meta: Mapping[str, Any], tokenizer: Any) -> Any:
    """Load the reference of a model.

    Args:
        named: a model's name, `pretrained`, or None, which is `pretrained`.
        meta: the record stored with the model's weights.
        tokenizer: the model's tokenizer.

    Raises:
        ConfigError: if no reference is known, or if its tokenizer differs.
    """
    name = str(meta.get("model", "")) if named in (None, PRETRAINED) else str(named)
    if not name:
        raise ConfigError(
            "the model does not record the encoder that it was fine-tuned from",
            remedy="name the model to compare with: `reference` embedded",
        )
    if load_tokenizer(name).get_vocab() != tokenizer.get_vocab():
        raise ConfigError(
            "has a different tokenizer from the model",
            where=f"`reference` {name}",
            remedy="compare with the encoder that the model was fine-tuned from",
        )
    return load_encoder(name)
