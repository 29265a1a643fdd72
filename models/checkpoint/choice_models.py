"""Loading models with a head that scores the options of multiple-choice questions."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from ...data.errors import CheckpointError, UnknownNameError
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskSpec
from ..encoder.families import FAMILIES
from ..folder.checkpoint_files import read_config, refuse_missing
from ..folder.sources import ModelSource, is_compact, resolve_model
from .compact_files import load_compact
from .contract import check_choices, contract
from .fresh_heads import load_new_head
from .loading import load, with_random_weights
from .trial import check_runs

CHOICES = transformers.MODEL_FOR_MULTIPLE_CHOICE_MAPPING
"""Configuration -> class with a head that gives one number for each option."""


def load_choice_model(
    name: str,
    spec: TaskSpec,
    *,
    attention: str = "sdpa",
    new_head: bool = False,
    seed: int = 0,
    labels: Pairs = (),
    any_task: bool = False,
) -> Any:
    """Load an encoder with a multiple-choice head, in eval mode.

    The head scores one option at a time, so that it fits any number of options.

    Args:
        name: see `resolve_model`.
        spec: a multiple-choice task.
        attention: `sdpa` or `eager`; a family without sdpa always gets eager.
        new_head: add a new head, initialised with `seed`, and ignore a stored one; a pooler that
            the checkpoint has is kept if it belongs to the encoder.
        seed: seed of the initialisation.
        labels: must be empty, because options have no names.
        any_task: accept the head of a model that was fine-tuned on other questions.

    Returns:
        A model of `AutoModelForMultipleChoice`; of inputs [B, K, S], its forward pass gives logits
        [B, K].

    Raises:
        CheckpointError: if weights are missing, pickled or unreadable, or there is no such head.
        ConfigError: if `labels` are given.
        UnknownNameError: if the family is not supported, or transformers has no such head for it.
    """
    source = resolve_model(name)
    if is_compact(source):
        if new_head:
            raise CheckpointError(
                "is a smaller model and cannot get a new head",
                where=name,
                remedy="fine-tune the full model",
            )
        return load_compact(source.location, spec, attention=attention, labels=labels)
    check_family(source)
    if not new_head:
        contract(source, spec, labels, any_task=any_task)
        return load_saved_choices(source, attention)
    return load_new_head(source, attention, classes=CHOICES, seed=seed, num_labels=1)


def load_saved_choices(source: ModelSource, attention: str) -> Any:
    """Load a multiple-choice model with its saved head.

    Raises:
        CheckpointError: if weights are missing or the checkpoint has another head.
    """
    check_choices(source, read_config(source), kept=False)
    with torch.random.fork_rng(devices=[]):
        model, missing = load(source, attention, classes=CHOICES, num_labels=1)
    prefix = f"{model.base_model_prefix}."
    head = all(not key.startswith(prefix) or ".pooler." in key for key in missing)
    refuse_missing(source, missing, head=head)
    return check_runs(model.eval(), source.name)


def untrained_choice_model(name: str, *, seed: int, attention: str = "sdpa") -> Any:
    """The same architecture with a multiple-choice head and random weights: a baseline."""
    source = resolve_model(name)
    check_family(source)
    kind = transformers.AutoModelForMultipleChoice
    config = read_config(source, num_labels=1)
    return with_random_weights(kind, source, config, seed=seed, attention=attention)


def check_family(source: ModelSource) -> None:
    """Raise unless transformers has a multiple-choice head for the family.

    Raises:
        UnknownNameError: if not; the message lists the families that have one.
    """
    config = read_config(source)
    if type(config) in CHOICES:
        return
    known = (transformers.CONFIG_MAPPING[family] for family in FAMILIES)
    able = [kind.model_type for kind in known if kind in CHOICES]
    raise UnknownNameError("model family with a multiple-choice head", config.model_type, able)
