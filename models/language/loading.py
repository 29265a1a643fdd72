"""Loading encoders together with their masked-LM head."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from ...data.errors import CheckpointError
from ..checkpoint.loading import LANGUAGE_MODELS, load, skeleton, weight_names, with_random_weights
from ..checkpoint.trial import check_finite, check_runs
from ..folder.checkpoint_files import read_config, refuse_missing
from ..folder.sources import ModelSource, is_compact, resolve_model

TRAIN_ONE = "train one: subprobe finetune with `task` mlm and your texts as `data_dir`"
"""The remedy where a checkpoint has no masked-LM head."""

_DISCRIMINATOR = "discriminator_predictions."
_PUBLISHED_DEBERTA = "lm_predictions."


def load_language_model(
    name: str, *, attention: str = "sdpa", new_head: bool = False, seed: int = 0
) -> Any:
    """Load an encoder with its masked-LM head, in eval mode.

    Args:
        name: see `resolve_model`; not a folder of `subprobe compact`.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.
        new_head: where the checkpoint has no masked-LM head, initialise one from the seed. Its
            decoder shares the word embeddings.
        seed: the init seed of a new head.

    Returns:
        A model of `AutoModelForMaskedLM`; its forward pass gives logits [B, S, V].

    Raises:
        CheckpointError: if the checkpoint has no masked-LM head and none is to be made, if it is
            a discriminator, a compact model, or if weights are missing, pickled, unreadable or not
            finite.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    if is_compact(source):
        raise CheckpointError(
            "is a compact model, which has no masked-LM head",
            where=name,
            remedy="name the whole model, and its mask as `mask`",
        )
    names = weight_names(source)
    _refuse_discriminator(source, names)
    # published DeBERTa checkpoints have the head of their own code, not the one of the library
    published = any(one.startswith(_PUBLISHED_DEBERTA) for one in names)
    options = {"legacy": False} if published else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, missing = load(source, attention, classes=LANGUAGE_MODELS, **options)
    prefix = f"{model.base_model_prefix}."
    refuse_missing(
        source, [key for key in missing if key.startswith(prefix) and ".pooler." not in key]
    )
    head = [key for key in missing if not key.startswith(prefix)]
    if head and not new_head:
        raise CheckpointError(
            f"has no masked-LM head: {len(head)} weights are missing and would be random "
            f"({', '.join(head[:3])}{', ...' if len(head) > 3 else ''})",
            where=name,
            remedy=TRAIN_ONE,
        )
    return check_finite(check_runs(model.eval(), name), name)


def untrained_language_model(name: str, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with a masked-LM head and random weights, in eval mode: a baseline.

    Args:
        name: see `resolve_model`; the checkpoint may have any head or none.
        seed: the init seed.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.

    Raises:
        CheckpointError: if the model cannot be built.
        UnknownNameError: if the family is not supported.
    """
    source = resolve_model(name)
    return with_random_weights(
        AutoModelForMaskedLM, source, read_config(source), seed=seed, attention=attention
    )


def has_language_head(name: str) -> bool:
    """Whether a checkpoint has a masked-LM head of its own.

    Raises:
        CheckpointError, UnknownNameError: as `load_language_model`.
    """
    source = resolve_model(name)
    if is_compact(source):
        return False
    names = weight_names(source)
    _refuse_discriminator(source, names)
    if any(one.startswith(_PUBLISHED_DEBERTA) for one in names):
        return True
    config = read_config(source)
    frame = skeleton(LANGUAGE_MODELS[type(config)], config)
    tied = tuple(getattr(frame, "_tied_weights_keys", None) or ())
    own = {
        name
        for name, _ in frame.named_parameters()
        if not name.startswith((f"{frame.base_model_prefix}.", *tied))
    }
    return own <= names


def _refuse_discriminator(source: ModelSource, names: set[str]) -> None:
    """Raise for ELECTRA's discriminator, whose own head tells replaced tokens from others."""
    if any(name.startswith(_DISCRIMINATOR) for name in names):
        raise CheckpointError(
            "is a discriminator: its head detects replaced tokens and predicts no words",
            where=source.name,
            remedy="name the generator of the same model",
        )
