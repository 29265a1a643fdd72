"""Probes of all cumulative mixes of a task, trained together as far as memory allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import InputError
from ..learning.chosen_rates import best_rates
from ..learning.fitting import Course, Schedule, fit
from ..states.word_states import WordStates
from .span_batches import SpanBatch, span_batches
from .span_probes import SpanForm, SpanProbes
from .span_table import SpanTable

Counts = npt.NDArray[np.int64]

MEMORY = 2**28
"""Bytes that the probes of one optimisation may take together."""
_COPIES = 7
"""A weight, its gradient, two moments, its best value, and the stacked weight and gradient."""


@dataclass(frozen=True)
class Part:
    """One part of a task.

    Attributes:
        states: of its words.
        table: its spans.
    """

    states: WordStates
    table: SpanTable

    def batches(
        self, labels: int, device: torch.device, texts: int, order: Sequence[int] | None = None
    ) -> Iterator[SpanBatch]:
        """Its spans in batches (see `span_batches`)."""
        return span_batches(
            self.states, self.table, labels, texts=texts, order=order, device=device
        )


@dataclass(frozen=True)
class MixProbe:
    """A trained probe of one mix, and its predictions for the test part.

    Attributes:
        depth: k, the last state of its mix.
        seed: which of the seeds, counted from 0.
        course: how its training went.
        weights: weight of each state in its mix [L + 1].
        gamma: scale of its mix.
        found: labels that it gives rightly and labels that it gives, in each test text [N, 2].
    """

    depth: int
    seed: int
    course: Course
    weights: npt.NDArray[np.float64]
    gamma: float
    found: Counts


@dataclass(frozen=True)
class Settings:
    """How the probes of a task are trained.

    Attributes:
        seed: of initial weights, of the order of texts and of dropout.
        seeds: probes per mix, from different initial weights.
        rates: learning rates that are tried; the one of the lowest dev loss is kept.
        epochs: maximum number of passes.
        texts: texts per training step.
        memory: bytes that the probes of one optimisation may take.
    """

    seed: int = 0
    seeds: int = 1
    rates: tuple[float, ...] = (1e-3,)
    epochs: int = 40
    texts: int = 8
    memory: int = MEMORY


def train_mixes(
    form: SpanForm,
    parts: Mapping[str, Part],
    settings: Settings,
    scored: npt.NDArray[np.bool_],
    *,
    device: torch.device,
    progress: Callable[[int, int], None] | None = None,
) -> list[MixProbe]:
    """Train a probe of each mix 0..k of hidden states for each seed, and apply it to the test part.

    Args:
        form: of the probes.
        parts: `train`, `dev` and `test`.
        settings: how.
        scored: which labels are counted [K].
        device: where.
        progress: called with (epochs done, maximum).

    Returns:
        those with the learning rate that has the lowest dev loss, by seed and then by depth.

    Raises:
        InputError: if hidden states or losses contain NaN or infinity.
    """
    asked = [
        (seed, depth, rate)
        for seed in range(settings.seeds)
        for depth in range(form.states)
        for rate in settings.rates
    ]
    step = max(1, settings.memory // (4 * _COPIES * form.size))
    every: list[MixProbe] = []
    for start in range(0, len(asked), step):
        chunk = asked[start : start + step]

        def advanced(epoch: int, _most: int, done: int = start, size: int = len(chunk)) -> None:
            if progress is not None:
                progress(done * settings.epochs + epoch * size, len(asked) * settings.epochs)

        every += _trained(form, parts, settings, chunk, scored, device, advanced)
    best = best_rates([one.course for one in every], [one.depth for one in every])
    return [every[place] for place in sorted(place for places in best.values() for place in places)]


def _trained(
    form: SpanForm,
    parts: Mapping[str, Part],
    settings: Settings,
    asked: Sequence[tuple[int, int, float]],
    scored: npt.NDArray[np.bool_],
    device: torch.device,
    progress: Callable[[int, int], None],
) -> list[MixProbe]:
    """The probes (seed, depth, rate) of one optimisation."""
    K, texts = form.labels, settings.texts
    depths = [depth for _, depth, _ in asked]
    probes = SpanProbes(form, depths, [settings.seed + seed for seed, _, _ in asked], device)
    courses = fit(
        probes,
        lambda epoch: parts["train"].batches(K, device, texts, (settings.seed, epoch)),
        lambda: parts["dev"].batches(K, device, texts),
        Schedule(epochs=settings.epochs),
        rates=[rate for _, _, rate in asked],
        progress=progress,
    )
    found = _found(probes, len(asked), parts["test"], scored, device, texts)
    weights, gammas = probes.mix_weights().double().cpu().numpy(), probes.gammas().tolist()
    return [
        MixProbe(depth, seed, courses[place], weights[place], gammas[place], found[place])
        for place, (seed, depth, _) in enumerate(asked)
    ]


def _found(
    probes: SpanProbes,
    count: int,
    part: Part,
    scored: npt.NDArray[np.bool_],
    device: torch.device,
    texts: int,
) -> Counts:
    """Labels given rightly and labels given by each of P probes in each of N texts [P, N, 2].

    A label is given where its probability is above one half.

    Raises:
        InputError: if a probe's scores contain NaN or infinity.
    """
    found = np.zeros((count, len(part.states.examples), 2), dtype=np.int64)
    counted = torch.from_numpy(scored).to(device)
    with torch.no_grad():
        for batch in part.batches(len(scored), device, texts):
            logits = probes.logits(range(count), batch)
            if not bool(torch.isfinite(logits).all()):
                raise InputError(
                    "a probe's scores contain NaN or infinity",
                    where="edges",
                    remedy="check that the model's hidden states are finite",
                )
            given = (logits > 0) & counted
            right = given & (batch.gold > 0)
            of_spans = torch.stack([right.sum(2), given.sum(2)], dim=2).cpu().numpy()
            for one, table in zip(found, of_spans, strict=True):
                np.add.at(one, part.table.text[batch.chosen], table)
    return found
