"""The head of a masked language model, applied to the states that are asked for alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...data.errors import CheckpointError
from ..encoder.families import FAMILIES


def language_head(model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """The masked-LM head of a model as a function of last hidden states [P, D] -> logits [P, V].

    It gives the same logits as the model's own forward pass, within rounding. It reads the model's
    weights when it is called.

    Args:
        model: a model of `AutoModelForMaskedLM`.

    Raises:
        CheckpointError: if the model has no masked-LM head.
    """
    names = FAMILIES[model.config.model_type].language_head
    if not has_head(model):
        raise CheckpointError(
            f"{type(model).__name__} has no masked-LM head",
            remedy="load the model with load_language_model",
        )
    if hasattr(model, "lm_predictions"):
        # DeBERTa as published: its decoder reads the word embeddings themselves
        words = model.base_model.embeddings.word_embeddings
        return lambda states: model.lm_predictions(states, words)
    modules = [getattr(model, name) for name in names]

    def head(states: torch.Tensor) -> torch.Tensor:
        for module in modules:
            states = module(states)
        return states

    return head


def has_head(model: Any) -> bool:
    """Whether a loaded model has a masked-LM head."""
    names = FAMILIES[model.config.model_type].language_head
    return hasattr(model, "lm_predictions") or all(hasattr(model, name) for name in names)
