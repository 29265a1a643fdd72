"""A classifier whose attention is read and replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ...data.errors import InputError
from ...data.sentences.sentence import Example
from ...models.encoder.evaluating import evaluating, frozen
from ...models.masks.gates import gated
from ..forward.base import Context
from ..forward.eval_mode import differentiable_attention


def check_classifier(name: str, context: Context, examples: Sequence[Example]) -> None:
    """Raise unless a probe of class probabilities can read the model and the examples.

    Raises:
        InputError: without a task head, for a regression, or when a pair model gets single
            sentences.
    """
    if context.model.base_model is context.model:
        raise InputError(
            "needs a model with a task head",
            where=name,
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    if context.model.config.num_labels < 2:
        raise InputError(
            "needs class probabilities, which a regression head does not have",
            where=name,
            remedy="use a model fine-tuned on a classification task",
        )
    if context.spec is not None and context.spec.pair and any(e.second is None for e in examples):
        raise InputError(
            "this model reads pairs of sentences, but got single sentences",
            where=name,
            remedy=f"name its task: `task` {context.spec.name}",
        )


@contextmanager
def classifying(context: Context) -> Iterator[None]:
    """Run the model without dropout, frozen and under its mask."""
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.model))
        stack.enter_context(frozen(context.model))
        stack.enter_context(differentiable_attention(context.model))
        stack.enter_context(gated(context.model, context.subnetwork))
        yield
