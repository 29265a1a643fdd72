"""Copies of a classifier that learn under its mask, with an objective of their own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch

from ...models.checkpoint.contract import output_layer
from ...models.masks.gates import gated
from ...models.masks.weight_masks import held_at_zero
from ...models.training.randomness import own_randomness
from ..attention_explanation.classifier import classifying
from ..forward.base import BatchView, Context
from ..forward.batch import batch_view
from ..forward.texts import Texts

Loss = Callable[[Context, BatchView], torch.Tensor]
"""The loss of each text of a batch [B]."""

_MAX_NORM = 1.0


@dataclass(frozen=True)
class Course:
    """How a copy learns.

    Attributes:
        epochs: passes over its texts.
        rate: of AdamW; it rises over the first tenth of the steps and falls linearly to 0 after.
        batch_size: texts a step.
        seed: of the order of texts, of dropout and of what is drawn anew.
        dropout: whether there is dropout.
        new_head: draw the last layer of the task head anew.
        noise: of query and key projections, as a share of the standard deviation of their weights.
    """

    epochs: int
    rate: float
    batch_size: int
    seed: int
    dropout: bool = True
    new_head: bool = False
    noise: float = 0.0


class Copies:
    """One copy of a classifier, which learns again and again from where the model is.

    Args:
        context: the classifier and its mask; nothing may be attached to it yet.
    """

    def __init__(self, context: Context):
        self._context = context
        self._copy = replace(context, model=copy.deepcopy(context.model), reference=None)

    @contextmanager
    def learnt(
        self, texts: Texts, places: Sequence[int], loss: Loss, course: Course
    ) -> Iterator[Context]:
        """The copy when it has learnt, in eval mode and under the mask, until the end.

        Args:
            texts: a corpus.
            places: the texts to learn from.
            loss: what is made small.
            course: how.
        """
        self._copy.model.load_state_dict(self._context.model.state_dict())
        with own_randomness():
            torch.manual_seed(course.seed)
            _draw_anew(self._copy, course)
            _learn(self._copy, texts, places, loss, course)
        with classifying(self._copy):
            yield self._copy


def _draw_anew(context: Context, course: Course) -> None:
    model = context.model
    with torch.no_grad():
        if course.new_head:
            _, head = output_layer(model, model.config.num_labels)
            head.weight.normal_(std=model.config.initializer_range)
            if head.bias is not None:
                head.bias.zero_()
        if not course.noise:
            return
        anatomy = context.anatomy
        modules = [
            (find(model, layer), part)
            for layer in range(anatomy.num_layers)
            for part, find in (("query", anatomy.query), ("key", anatomy.key))
        ]
        # layers that share their weights are moved once
        for module, part in dict.fromkeys(modules):
            weight, fused = module.weight, bool(anatomy.row.fused)
            heads = weight.shape[0] // (anatomy.head_size * (3 if fused else 1))
            rows = anatomy.rows("query" if part == "query" else "key", heads).flatten()
            if len(rows):
                drawn = torch.randn(len(rows), weight.shape[1]).to(weight)
                weight[rows] += course.noise * weight[rows].std() * drawn


def _learn(
    context: Context, texts: Texts, places: Sequence[int], loss: Loss, course: Course
) -> None:
    model, parameters = context.model, list(context.model.parameters())
    for parameter in parameters:
        parameter.requires_grad_(True)
    draw = np.random.default_rng(course.seed)
    steps = course.epochs * -(-len(places) // course.batch_size)
    optimiser = torch.optim.AdamW(parameters, lr=course.rate, weight_decay=0.0)
    rising = -(-steps // 10)

    def share(step: int) -> float:
        return min((step + 1) / rising, (steps - step) / max(1, steps - rising))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
    with ExitStack() as stack:
        stack.enter_context(gated(model, context.subnetwork))
        stack.enter_context(held_at_zero(model, context.subnetwork))
        stack.enter_context(torch.enable_grad())
        model.train(course.dropout)
        for _ in range(course.epochs):
            order = draw.permutation(places)
            for start in range(0, len(order), course.batch_size):
                chosen = order[start : start + course.batch_size]
                for part in _parts(context, texts, chosen):
                    batch = batch_view(context, texts.examples, texts.encoded, texts.words, part)
                    (loss(context, batch).sum() / len(chosen)).backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(parameters, _MAX_NORM)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad(set_to_none=True)
    model.eval()


def _parts(context: Context, texts: Texts, chosen: np.ndarray) -> list[np.ndarray]:
    """The texts whose gradients are taken together.

    Padding that lies outside a local window attends to nothing, and eager attention has no gradient
    there: such families get texts of one length at a time.
    """
    if not hasattr(context.model.config, "local_attention"):
        return [chosen]
    lengths = np.array([len(texts.encoded[place].input_ids) for place in chosen])
    return [chosen[lengths == length] for length in np.unique(lengths)]
