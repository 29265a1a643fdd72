"""Score every mask of a curve on one model, on the reported examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import UnknownNameError
from ...data.tasks.metrics import baseline_of, majority
from ...data.tasks.task import TaskParts
from ...models.ablation.searching import replaced_as
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, Scorer
from ..flags import joined
from ..single.loaded import LoadedModel
from ..statistics.clusters import Units, units_of
from ..steps.identity import DONORS_BY_LABEL, by_label
from ..steps.progress import Progress
from .masks import Goods, control_of, draws_of
from .sizes import Sizes

MASK_BYTES = 256 * 2**20
"""Memory for masks that are scored together; masks of single weights are large."""

Answers = npt.NDArray[Any]


@dataclass(frozen=True)
class Mark:
    """One mask of a curve and its score, without what it answers.

    Attributes:
        kind: kind of the mask.
        place: place of its size.
        draw: number of its draw.
        share: share of kept units of the curve's types.
        value: score.
        mask_id: id of the mask.
        undefined: examples without finite logits.
    """

    kind: str
    place: int
    draw: int
    share: float
    value: float
    mask_id: str
    undefined: int = 0


@dataclass(frozen=True)
class ScoredModel:
    """Answers and scores of all masks of one model, a seed of the curve.

    Attributes:
        name: the model, as the user named it.
        seeds: its seeds of the initialisation and of the order of examples.
        metric: name of the metric.
        ids: ids of the N scored examples.
        gold: what the answers should be [N].
        units: cluster of each example [N].
        full: answers of the full model [N].
        empty: answers of the model without the units of the curve [N].
        answers: kind -> answers of its masks [N, K sizes, D draws].
        marks: one for each mask.
        scores: `full` and `empty` -> their scores.
        baseline: name of the majority or unigram baseline, and its score.
        ablation: what replaces the output of a pruned unit.
        selection: the examples on which units are ranked.
        flag: what is wrong with the model's training, if anything, and whether the outputs that
            replace those of pruned units come from examples of the same class.
        first_draw: number of its first draw; models have draws of their own.
    """

    name: str
    seeds: tuple[int, int]
    metric: str
    ids: tuple[str, ...]
    gold: Answers
    units: Units
    full: Answers
    empty: Answers
    answers: dict[str, Answers]
    marks: tuple[Mark, ...]
    scores: Mapping[str, float]
    baseline: tuple[str, float]
    ablation: str
    selection: str
    flag: str = ""
    first_draw: int = 0

    def values(self, kind: str) -> npt.NDArray[np.float64]:
        """Scores of the masks of a kind [K, D]."""
        _, sizes, draws = self.answers[kind].shape
        own = [mark for mark in self.marks if mark.kind == kind]
        found = np.full((sizes, draws), np.nan)
        for mark in own:
            found[mark.place, mark.draw] = mark.value
        return found


@dataclass
class CurveScorer:
    """Scores the masks of a curve on one model, each distinct mask once.

    Args:
        loaded: the model.
        sizes: the sizes.
        metric: a metric of the task; empty = the primary one.
        batch_size: examples per forward pass.
        progress: receives messages.

    Raises:
        UnknownNameError: if the task does not have the metric.
    """

    loaded: LoadedModel
    sizes: Sizes
    metric: str
    batch_size: int
    progress: Progress
    _scorer: Scorer = field(init=False)
    _full: Evaluation | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        spec = self.loaded.parts.spec
        self.metric = self.metric or spec.metric
        if self.metric not in spec.metrics:
            raise UnknownNameError(f"metric of {spec.name}", self.metric, spec.metrics)
        self._scorer = Scorer(
            self.loaded.model, self.loaded.tokenizer, self.loaded.parts.report, spec,
            batch_size=self.batch_size, max_length=self.loaded.max_length, say=self.progress.say,
        )  # fmt: skip

    def full(self) -> Evaluation:
        """The full model, scored once."""
        if self._full is None:
            self._full = self._scorer.score()
        return self._full

    def score(
        self,
        goods: Goods,
        kinds: Sequence[str],
        draws: int,
        seed: int,
        supers: Sequence[Subnetwork] = (),
        first_draw: int = 0,
    ) -> ScoredModel:
        """Answers and scores of all masks.

        Args:
            goods: the good masks.
            kinds: kinds of masks.
            draws: random and bad masks of each size.
            seed: seed of the draws.
            supers: the super masks by size, if they are among the kinds.
            first_draw: number of the first draw.
        """
        full, places = self.full(), len(self.sizes)
        answers = {
            kind: np.zeros(
                (len(full.ids), places, draws_of(kind, self.sizes.units, draws)),
                dtype=full.read_by(self.metric).dtype,
            )
            for kind in kinds
        }
        total = 1 + sum(one.shape[1] * one.shape[2] for one in answers.values())
        made = self._masks(goods, answers, seed, supers, first_draw)
        marks: list[Mark] = []
        empty: Evaluation | None = None
        smallest = goods.make(0)
        with self.progress.stage(f"scoring {total} masks of {self.loaded.name}") as advance:
            for group in _groups(made, MASK_BYTES):
                done = len(marks)

                def told(passes: int, of: int, done: int = done, n: int = len(group)) -> None:
                    advance(min(total, done + n * passes // of), total)

                found = self._scorer.score_all([mask for *_, mask in group], told)
                for (kind, place, draw, mask), one in zip(group, found, strict=True):
                    if kind == "empty":
                        empty = one
                        continue
                    answers[kind][:, place, draw] = one.read_by(self.metric)
                    marks.append(self._mark(kind, place, draw, mask, one))
        assert empty is not None
        parts = self.loaded.parts
        return ScoredModel(
            name=self.loaded.name,
            seeds=self.loaded.seeds,
            metric=self.metric,
            ids=full.ids,
            gold=full.labels,
            units=units_of(full.clusters),
            full=full.read_by(self.metric),
            empty=empty.read_by(self.metric),
            answers=answers,
            marks=tuple(marks),
            scores={"full": full.metrics[self.metric], "empty": empty.metrics[self.metric]},
            baseline=_baseline(full, parts, self.metric),
            ablation=smallest.ablation,
            selection=smallest.selection,
            flag=joined(
                str(self.loaded.meta.get("flag") or ""),
                DONORS_BY_LABEL if by_label(smallest) else "",
            ),
            first_draw=first_draw,
        )

    def _masks(
        self,
        goods: Goods,
        answers: Mapping[str, Answers],
        seed: int,
        supers: Sequence[Subnetwork],
        first_draw: int,
    ) -> Iterator[tuple[str, int, int, Subnetwork]]:
        """Kind, place, draw and mask, one after another: all together may not fit into memory."""
        model = self.loaded.model
        yield "empty", 0, 0, goods.empty
        for place in range(len(self.sizes)):
            own = goods.make(place)
            for kind, held in answers.items():
                for draw in range(held.shape[2]):
                    if kind == "good":
                        yield kind, place, draw, own
                    elif kind == "super":
                        # its constants are those of this model
                        yield kind, place, draw, replaced_as(supers[place], own)
                    else:
                        control = control_of(kind, own, model, seed, first_draw + draw)
                        yield kind, place, draw, control

    def _mark(
        self, kind: str, place: int, draw: int, mask: Subnetwork, found: Evaluation
    ) -> Mark:  # fmt: skip
        counts = mask.counts()
        kept = sum(counts[name][0] for name in self.sizes.totals)
        return Mark(
            kind=kind,
            place=place,
            draw=draw,
            share=kept / sum(self.sizes.totals.values()),
            value=found.metrics[self.metric],
            mask_id=mask.mask_id,
            undefined=found.n_undefined,
        )


def _baseline(full: Evaluation, parts: TaskParts, metric: str) -> tuple[str, float]:
    """Name and score of the baseline that looks at no text."""
    if full.pieces is not None:
        from ...data.masking.unigram import NAME

        return NAME, full.pieces.unigram(parts.train)[metric]
    labels = [example.label for example in parts.train]
    return baseline_of(parts.spec), majority(parts.spec, labels, full.labels)[metric]


def _groups(
    made: Iterator[tuple[str, int, int, Subnetwork]], most: int
) -> Iterator[list[tuple[str, int, int, Subnetwork]]]:
    """Consecutive masks that fit into the memory together."""
    group: list[tuple[str, int, int, Subnetwork]] = []
    held = 0
    for one in made:
        mask = one[-1]
        size = mask.head_mask.nbytes + sum(kept.nbytes for kept in mask.weight_masks.values())
        if mask.neuron_mask is not None:
            size += mask.neuron_mask.nbytes
        if group and held + size > most:
            yield group
            group, held = [], 0
        group.append(one)
        held += size
    if group:
        yield group
