"""The predictions of a classifier for the examples of a second test set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.training.evaluate import Evaluation, evaluate
from ..forward.base import Context


def task_of(context: Context, probe: str) -> TaskSpec:
    """The task of a model with classes.

    Raises:
        InputError: if the model has no classes.
    """
    spec = context.spec
    if spec is None or not spec.labels:
        raise InputError(
            "needs a model with classes" if spec is None else f"{spec.name} has no classes",
            where=probe,
            remedy="load a classifier together with its task",
        )
    return spec


def evaluated(
    context: Context, spec: TaskSpec, examples: Sequence[Example], *, batch_size: int
) -> Evaluation:
    """Run the classifier under the mask of a context.

    Args:
        context: the classifier with its mask.
        spec: its task.
        examples: labelled examples, all single sentences or all pairs.
        batch_size: examples per forward pass.
    """
    return evaluate(
        context.model, context.tokenizer, examples, spec, subnetwork=context.subnetwork,
        batch_size=batch_size, max_length=context.max_length,
    )  # fmt: skip


def notes_of(found: Evaluation, probe: str) -> dict[str, int | float | str]:
    """What was unusual about the texts or the logits."""
    counts = {
        "cut": found.n_truncated,
        "without a word piece": found.n_wordless,
        "with undefined logits": found.n_undefined,
    }
    return {f"{probe} {what}": n for what, n in counts.items() if n}


def predicts_entailment(
    logits: npt.NDArray[np.float64], entailment: int, merging: str
) -> npt.NDArray[np.bool_]:
    """Whether each pair is classified as entailment [N].

    `argmax` merges the other classes after the decision, as McCoy, Pavlick and Linzen (2019) do:
    entailment has the highest logit. `sum` adds up their probabilities before it: entailment is
    more probable than all of them together. With two classes both are the same. A tie is not
    entailment, so that the order of the classes has no effect.

    Args:
        logits: [N, K].
        entailment: index of the class that means entailment.
        merging: `argmax` or `sum`.
    """
    from scipy.special import logsumexp

    others = np.delete(logits, entailment, axis=1)
    rival = others.max(axis=1) if merging == "argmax" else logsumexp(others, axis=1)
    return np.asarray(logits[:, entailment] > rival)
