"""Initial weights of a training: pretrained, random, or pretrained with shuffled layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data.errors import InputError, UnknownNameError
from ...data.tasks.class_order import Pairs
from ...data.tasks.task import TaskSpec
from ..checkpoint.checkpoint import load_untrained
from ..checkpoint.contract import check_plain_head
from ..encoder.anatomy import anatomy_of
from ..language.task_models import load_task_model

STARTS = ("pretrained", "random", "shuffled")
"""`random` and `shuffled` are the controls of Chen et al. (2020) for the effect of pretraining."""


def load_start(
    name: str,
    spec: TaskSpec,
    start: str,
    *,
    seed: int,
    keep_head: bool = False,
    labels: Pairs = (),
) -> Any:
    """Load the model of a task for training, in eval mode.

    Args:
        name: see `resolve_model`.
        spec: the task.
        start: one of `STARTS`.
        seed: seed of the task head, of a random encoder, and of the order of shuffled layers.
        keep_head: keep the head of the checkpoint; a random encoder always gets a random head. A
            masked task always keeps a masked-LM head.
        labels: pairs of classes for a kept head (see `load_task_model`).

    Raises:
        UnknownNameError: if the start is unknown.
        CheckpointError: if a head to be kept has other classes.
    """
    if start not in STARTS:
        raise UnknownNameError("start", start, STARTS)
    if start == "random":
        return load_untrained(name, spec, seed=seed)
    if keep_head:
        model = load_task_model(name, spec, labels=labels, any_task=True)
        check_plain_head(model, name)
    else:
        model = load_task_model(name, spec, new_head=True, seed=seed)
    if start == "shuffled":
        shuffle_layers(model, seed=seed)
    return model


def shuffle_layers(model: Any, *, seed: int) -> None:
    """Permute the weights of the layers, drawn with the seed, so that no layer keeps its own.

    Raises:
        InputError: if there is only one layer, or the layers share weights.
    """
    anatomy = anatomy_of(model)
    blocks = [anatomy.block(model, layer) for layer in range(anatomy.num_layers)]
    if len({id(block) for block in blocks}) < 2:
        raise InputError(
            f"the {anatomy.family} model does not have two separate layers to shuffle",
            remedy="omit this control for the model",
        )
    states = [{k: v.clone() for k, v in block.state_dict().items()} for block in blocks]
    # a random cycle moves every layer
    cycle = np.random.default_rng((5, seed)).permutation(len(blocks))
    for place, source in zip(cycle, np.roll(cycle, 1), strict=True):
        blocks[place].load_state_dict(states[source])
