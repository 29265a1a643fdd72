"""How a training treats the task head of a checkpoint, in words."""

from __future__ import annotations

from typing import Any

from ...data.errors import CheckpointError, ConfigError
from ...data.tasks.class_order import Pairs, parse_pairs
from ...data.tasks.task import TaskSpec
from ...models.checkpoint.checkpoint import meta_of, resolve_model
from ...models.checkpoint.contract import class_names, contract
from ...models.checkpoint.loading import has_head
from ...models.encoder.fingerprint import head_fingerprint
from ...models.encoder.kept_units import kept_units_of
from ...models.folder.sources import is_compact
from ...models.language.loading import has_language_head
from ...models.training.starts import load_start
from ..configuration.config import RunConfig

BY_PLACE = "classes-by-place"
"""Flag of rows whose model does not name its classes."""


def start_of_head(model: str, spec: TaskSpec, seed: int, *, kept: bool, labels: Pairs = ()) -> str:
    """How a training treats the head of the model that it starts from; empty if there is none.

    Args:
        model: the model.
        spec: the task of the training.
        seed: seed of the new head.
        kept: whether the head is kept.
        labels: class of the task -> class of the head.

    Raises:
        CheckpointError: if a head to be kept has other classes, or the model cannot be read.
    """
    source = resolve_model(model)
    if spec.masked:
        if has_language_head(model):
            return f"{model}: its masked-LM head is kept"
        if kept:
            raise CheckpointError(
                "has no masked-LM head to keep", where=model, remedy="leave out `recipe.head`"
            )
        return (
            f"{model} has no masked-LM head: seed {seed} makes one, tied to the word embeddings, "
            "which is trained alone for one epoch first"
        )
    if kept:
        order = contract(source, spec, labels, any_task=True)
        return f"{model}: {order.said}" if order is not None and order.said else ""
    if is_compact(source) or not has_head(source):
        return ""
    names = ", ".join(class_names(source)[:10])
    trained = meta_of(model).get("task")
    return (
        f"{model}: its head{f' for {trained}' if trained else ''} ({names}) is dropped; seed "
        f"{seed} makes a new one for {spec.name}"
    )


def kept_head(config: RunConfig, spec: TaskSpec) -> str:
    """The fingerprint of the head that a run starts with.

    Raises:
        CheckpointError: if the model has no head for the task.
    """
    labels = parse_pairs(config.labels)
    return head_fingerprint(
        load_start(config.model, spec, "pretrained", seed=0, keep_head=True, labels=labels)
    )


def check_whole(encoder: Any, name: str) -> None:
    """Raise unless the encoder of a run has all of its heads.

    Raises:
        ConfigError: if heads were removed.
    """
    if kept_units_of(encoder) is not None:
        raise ConfigError(
            "lacks heads, so there is no full model to compare subnetworks with",
            where=name,
            remedy="run on the full model, and pass the mask to subprobe evaluate or probe",
        )
