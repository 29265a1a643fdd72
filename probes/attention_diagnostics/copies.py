"""Copies of a classifier that are trained under its mask with their own objective."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from ...data.errors import InputError
from ...models.checkpoint.contract import output_layer
from ...models.masks.gates import gated
from ...models.masks.weight_masks import held_at_zero
from ...models.training.randomness import own_randomness
from ..attention_explanation.classifier import classifying
from ..attention_explanation.sorted_batches import batches_of
from ..forward.base import BatchView, Context
from ..forward.batch import batch_view
from ..forward.texts import Texts

Loss = Callable[[Context, BatchView], torch.Tensor]
"""The loss of each text of a batch [B]."""

_MAX_NORM = 1.0


@dataclass(frozen=True)
class Course:
    """How a copy is trained.

    Attributes:
        epochs: number of passes over the training texts.
        rate: learning rate of AdamW; it rises over the first tenth of the steps and then falls
            linearly to 0.
        batch_size: texts per step.
        seed: seed of the order of texts, of dropout and of reinitialised weights.
        dropout: whether dropout is used.
        new_head: reinitialise the last layer of the task head.
        attention: layers whose queries and keys are trained, and nothing else; None = all weights
            are trained.
        noise: of these queries and keys, as a share of the standard deviation of their weights.
        never_worse: return to the model's own weights if training does not lower the loss.
    """

    epochs: int
    rate: float
    batch_size: int
    seed: int
    dropout: bool = True
    new_head: bool = False
    attention: tuple[int, ...] | None = None
    noise: float = 0.0
    never_worse: bool = False


class Copies:
    """One copy of a classifier, which can be trained repeatedly from the model's weights.

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
        """Train the copy; it is in eval mode and under the mask until the context ends.

        Args:
            texts: a corpus.
            places: the training texts.
            loss: the loss to minimise.
            course: how.

        Raises:
            InputError: if the loss or its gradient is NaN or infinite.
        """
        own = self._context.model.state_dict()
        self._copy.model.load_state_dict(own)
        before = self._loss(texts, places, loss, course) if course.never_worse else math.inf
        with own_randomness():
            torch.manual_seed(course.seed)
            _draw_anew(self._copy, course)
            _learn(self._copy, texts, places, loss, course)
        if course.never_worse and self._loss(texts, places, loss, course) >= before:
            self._copy.model.load_state_dict(own)
        with classifying(self._copy):
            yield self._copy

    def _loss(self, texts: Texts, places: Sequence[int], loss: Loss, course: Course) -> float:
        """The mean loss over the texts, without training."""
        total = 0.0
        with classifying(self._copy), torch.no_grad():
            for batch in batches_of(self._copy, texts, places, course.batch_size):
                total += float(loss(self._copy, batch).sum())
        return total / len(places)


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
        for weight, rows in _queries_and_keys(context, course.attention):
            if len(rows):
                drawn = torch.randn(len(rows), weight.shape[1]).to(weight)
                weight[rows] += course.noise * weight[rows].std() * drawn


def _queries_and_keys(
    context: Context, layers: Sequence[int] | None
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights of query and key projections, and the rows of them that are a query's or a key's.

    Layers that share their weights give them once; all layers for None.
    """
    anatomy, model = context.anatomy, context.model
    modules = [
        (find(model, layer), part)
        for layer in (range(anatomy.num_layers) if layers is None else layers)
        for part, find in (("query", anatomy.query), ("key", anatomy.key))
    ]
    found = []
    for module, part in dict.fromkeys(modules):
        weight, fused = module.weight, bool(anatomy.row.fused)
        heads = weight.shape[0] // (anatomy.head_size * (3 if fused else 1))
        rows = anatomy.rows("query" if part == "query" else "key", heads).flatten()
        found.append((weight, rows))
    return found


@contextmanager
def _learning(context: Context, layers: Sequence[int] | None) -> Iterator[Sequence[torch.Tensor]]:
    """The trained parameters: all weights, or only the queries and keys of some layers."""
    every = list(context.model.parameters())
    for parameter in every:
        parameter.requires_grad_(layers is None)
    if layers is None:
        yield every
        return
    free: dict[torch.Tensor, torch.Tensor] = {}
    for weight, rows in _queries_and_keys(context, layers):
        kept = free.setdefault(weight, torch.zeros_like(weight))
        kept[rows] = 1
    with ExitStack() as stack:
        for weight, kept in free.items():
            weight.requires_grad_(True)
            # a fused projection holds the values too
            hook = weight.register_hook(partial(torch.mul, kept))  # type: ignore[no-untyped-call]
            stack.callback(hook.remove)
        yield list(free)


def _learn(
    context: Context, texts: Texts, places: Sequence[int], loss: Loss, course: Course
) -> None:
    model = context.model
    draw = np.random.default_rng(course.seed)
    steps = course.epochs * -(-len(places) // course.batch_size)
    rising = -(-steps // 10)

    def share(step: int) -> float:
        return min((step + 1) / rising, (steps - step) / max(1, steps - rising))

    with ExitStack() as stack:
        parameters = stack.enter_context(_learning(context, course.attention))
        optimiser = torch.optim.AdamW(parameters, lr=course.rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
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
                    value = loss(context, batch).sum() / len(chosen)
                    if value.requires_grad:  # nothing can be learnt where no heads are left
                        value.backward()  # type: ignore[no-untyped-call]
                norm = torch.nn.utils.clip_grad_norm_(parameters, _MAX_NORM)
                if not norm.isfinite():
                    raise InputError(
                        "a copy's gradient contains NaN or infinity",
                        where="attention-diagnostics",
                        remedy="lower the learning rate, or check the model's weights",
                    )
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
