"""Where a training starts from: the pretrained weights, random ones, or layers in another order."""

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
"""`random` and `shuffled` are the controls of Chen et al. (2020) for what pretraining gives."""


def load_start(
    name: str,
    spec: TaskSpec,
    start: str,
    *,
    seed: int,
    keep_head: bool = False,
    labels: Pairs = (),
) -> Any:
    """The model of a task to train, in eval mode.

    Args:
        name: see `resolve_model`.
        spec: the task.
        start: one of `STARTS`.
        seed: initialises the task head, a random encoder, and the order of shuffled layers.
        keep_head: keep the head of the checkpoint; a random encoder has a random one. A masked task
            keeps a masked-LM head in any case.
        labels: of a kept head, see `load_task_model`.

    Raises:
        UnknownNameError: if there is no such start.
        CheckpointError: if a head to be kept is of other classes.
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
    """Give every layer the weights of another one, drawn by the seed.

    Raises:
        InputError: if there is one layer only, or the layers share their weights.
    """
    anatomy = anatomy_of(model)
    blocks = [anatomy.block(model, layer) for layer in range(anatomy.num_layers)]
    if len({id(block) for block in blocks}) < 2:
        raise InputError(
            f"the {anatomy.family} model has no two layers of its own to shuffle",
            remedy="leave the control out for this model",
        )
    states = [{k: v.clone() for k, v in block.state_dict().items()} for block in blocks]
    # a shuffled cycle moves every layer
    cycle = np.random.default_rng((5, seed)).permutation(len(blocks))
    for place, source in zip(cycle, np.roll(cycle, 1), strict=True):
        blocks[place].load_state_dict(states[source])
