"""The class whose logit is attributed: the predicted one, the gold one, or a given one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError, InputError
from ...data.sentences.sentence import Example
from ..forward.base import Context
from .unit_rows import NAME


def check_classifier(context: Context, examples: Sequence[Example]) -> None:
    """Raise unless a model has class logits to attribute, and gets the kind of texts that it reads.

    Raises:
        InputError: without examples or a head of classes, or for single sentences of a pair model
            and pairs of another.
    """
    if not examples:
        raise InputError("no examples to attribute", where=NAME, remedy="name a task")
    if context.model.base_model is context.model:
        raise InputError(
            "needs a model with a task head",
            where=NAME,
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    if context.model.config.num_labels < 2:
        raise InputError(
            "a regression head has no class logits to attribute",
            where=NAME,
            remedy="use a model fine-tuned on a classification task",
        )
    if context.spec is not None and context.spec.pair != (examples[0].second is not None):
        pair = context.spec.pair
        raise InputError(
            f"a {'pair model is given single' if pair else 'model of single sentences is given'}"
            f" {'sentences' if pair else 'pairs'}",
            where=NAME,
            remedy=f"use examples of its task: `task` {context.spec.name}",
        )


def check_finite(numbers: npt.NDArray[np.float64], what: str) -> None:
    """Raise unless numbers are finite.

    Args:
        numbers: what a model gave.
        what: they are, in words.

    Raises:
        InputError: naming them.
    """
    if not np.isfinite(numbers).all():
        raise InputError(
            f"{what} contain NaN or infinity", where=NAME, remedy="check the model's weights"
        )


def check_target(context: Context, examples: Sequence[Example], target: str) -> None:
    """Raise unless every example has the requested class.

    Raises:
        ConfigError: for a class that the model does not have.
        InputError: for gold classes of examples without.
    """
    K = int(context.model.config.num_labels)
    if target == "predicted":
        return
    if target == "gold":
        missing = [one.id for one in examples if not _is_class(one.label, K)]
        if missing:
            raise InputError(
                f"the target is the gold class, but example {missing[0]!r} has no label",
                where=f"option {NAME}.target",
                remedy="use a split with labels, or target=predicted",
            )
    elif int(target) >= K:
        raise ConfigError(
            f"unknown class {target}",
            where=f"option {NAME}.target",
            remedy=f"the classes of this model are 0 to {K - 1}",
        )


def targets_of(
    logits: npt.NDArray[np.float64], examples: Sequence[Example], target: str
) -> npt.NDArray[np.int64]:
    """The class of each example [N] whose logit is attributed.

    Args:
        logits: of the model as it is [N, K].
        examples: the N examples.
        target: `predicted`, `gold`, or a number.
    """
    if target == "predicted":
        return np.asarray(logits.argmax(axis=1), dtype=np.int64)
    if target == "gold":
        return np.array([int(one.label or 0) for one in examples], dtype=np.int64)
    return np.full(len(logits), int(target), dtype=np.int64)


def _is_class(label: float | None, K: int) -> bool:
    return label is not None and float(label).is_integer() and 0 <= label < K
