"""What remains of a property in hidden states after erasure (Elazar et al. 2021).

A linear probe predicts the property from each state before and after erasure. Controls: the same
number of random directions is erased, or the gold labels are added to the input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from ...data.errors import AnnotationError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.held_out import halves, unit_digest
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..states.word_states import WordStates
from .amnesic_scores import Score, rank_row, score_items
from .eraser import Eraser, random_eraser
from .erasers import EraserOptions, Fitted, Method, fit_eraser
from .labelled_words import (
    LabelledWords,
    PropertyWords,
    as_floats,
    labelled_words,
    labels_of,
    property_words,
    with_label,
)
from .linear_probe import Codes, Floats, LinearProbe

NAME = "amnesic"

Transform = Callable[[torch.Tensor, Codes], Floats]
"""From vectors in double [R, D] and their classes [R] to what a probe reads [R, D']."""

_BLOCK = 4096
"""Words that are scored at a time."""


def run_amnesic(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    properties: tuple[str, ...] = ("upos",),
    erasers: tuple[Method, ...] = ("leace",),
    shrinkage: bool = False,
    rounds: int = 20,
    margin: float = 0.01,
    penalty: float = 0.01,
    max_words: int = 10_000,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Accuracy of a linear probe for a property of words, before and after erasure.

    Erasers and probes are fitted on the training part, of each state alone. Two accuracies after
    removal are of held-out words: of the probe that was fitted on erased training words, and of one
    that is fitted on one half of the erased held-out texts and scored on the other.

    Args:
        context: the model with its mask.
        examples: what is scored.
        learning: what erasers and probes are fitted on; its dev part stops the rounds of INLP.
        properties: names (`data/sentences/word_labels.py`).
        erasers: `leace` and `inlp`.
        shrinkage: shrink the covariance that LEACE whitens by.
        rounds: maximum number of INLP rounds.
        margin: above the majority, at which the rounds end.
        penalty: of linear classifiers: mean cross-entropy + penalty / 2 |weights|^2.
        max_words: approximate number of training words to use.
        seed: of the choice of training texts and of the random directions.
        batch_size: texts per forward pass.
        progress: called with (texts done, N) of each pass, then with (states done, all).

    Returns:
        rows for each state, property and eraser; items for each text.

    Raises:
        AnnotationError: if a part is not annotated with a property.
        InputError: if a property has one class, or more classes than a state has dimensions, or
            states contain NaN or infinity.
    """
    options = EraserOptions(shrinkage, rounds, margin, penalty)
    scores: list[Score] = []
    rows: list[dict[str, object]] = []
    notes: dict[str, int | float | str] = {"amnesic_seed": seed, "amnesic_parts": learning.how}
    for name in properties:
        read = partial(
            property_words, NAME, context, learning, name,
            max_words=max_words, seed=seed, batch_size=batch_size, progress=progress,
        )  # fmt: skip
        words, test, states = _with_test(context, examples, learning, name, read, batch_size)
        notes |= _notes(name, words, test)
        removal = Removal(words, test, options, max_words, seed)
        for layer in range(states.num_states):
            fitted = {one: fit_eraser(one, words, layer, options) for one in erasers}
            scores += removal.scores(layer, {options.variant(m): f for m, f in fitted.items()})
            for method, one in fitted.items():
                n = len(words.train.gold)
                rows.append(rank_row(options.variant(method), name, layer, one.eraser.rank, n))
                if method == "inlp":
                    notes[f"amnesic_{name}_inlp_rounds_{layer}"] = _said(one)
            if progress is not None:
                progress(layer + 1, states.num_states)
        notes[f"amnesic_{name}_unconverged"] = removal.unconverged
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame([{"probe": NAME, **row} for row in (*(s.row() for s in scores), *rows)]),
        make_items=lambda: score_items(NAME, scores),
        notes=notes,
    )
    return states.texts.counted(result)


def _with_test(
    context: Context,
    examples: Sequence[Example],
    learning: Learning,
    name: str,
    read: Callable[[], PropertyWords],
    batch_size: int,
) -> tuple[PropertyWords, LabelledWords, WordStates]:
    """The words of a property in all parts, and the states of the scored one.

    Raises:
        AnnotationError: if no scored sentence is annotated with it.
    """
    if not with_label(examples, name):
        raise AnnotationError(
            f"no sentence is annotated with the property {name!r}",
            where=NAME,
            remedy="name an annotated treebank, or another property",
        )
    words = read()
    states = learning.states.of(context, examples, batch_size=batch_size)
    test = labelled_words("test", states, labels_of(states, name), words.classes)
    return words, test, states


def _notes(name: str, words: PropertyWords, test: LabelledWords) -> dict[str, int | str]:
    return {
        f"amnesic_{name}_classes": words.counts(),
        f"amnesic_{name}_n_train": len(words.train.gold),
        f"amnesic_{name}_n_dev": len(words.dev.gold),
        f"amnesic_{name}_n_test_unseen": int((test.gold < 0).sum()),
    }


def _said(fitted: Fitted) -> str:
    return f"{fitted.rounds}" if fitted.reached else f"{fitted.rounds}, majority not reached"


@dataclass
class Removal:
    """Probes of one property, before and after its removal.

    Attributes:
        words: what erasers and probes are fitted on.
        test: what is scored.
        options: how erasers and probes are fitted.
        max_words: of one half of the scored texts, that a refitted probe learns from.
        seed: of the random directions.
        unconverged: classifiers that did not reach their optimum.
    """

    words: PropertyWords
    test: LabelledWords
    options: EraserOptions
    max_words: int
    seed: int
    unconverged: int = 0

    def scores(self, layer: int, fitted: dict[str, Fitted]) -> list[Score]:
        """All scores of one state.

        Args:
            layer: the state.
            fitted: variant -> eraser.
        """
        train, gold = self.words.train.vectors(layer), self.words.train.gold
        held = self.words.majority(self.test)
        readings: list[tuple[str, str, Transform]] = [("accuracy", "own", _as_they_are)]
        for variant, one in fitted.items():
            self.unconverged += not one.converged
            like = random_eraser(one.eraser.rank, one.eraser.centre, (self.seed, layer))
            readings += [
                ("accuracy_erased", variant, partial(_erased, one.eraser)),
                ("accuracy_random", variant, partial(_erased, like)),
                ("accuracy_gold", variant, partial(_given_back, one.eraser, self.classes)),
            ]
        found: list[Score] = []
        probes = [self._fit(transform(train, gold), gold) for _, _, transform in readings]
        tried = [
            (probe, transform) for probe, (*_, transform) in zip(probes, readings, strict=True)
        ]
        for (metric, variant, transform), probe, right in zip(
            readings, probes, self._right(self.test, layer, tried), strict=True
        ):
            found.append(self._score(metric, variant, layer, self.test, right, held))
            if metric == "accuracy_erased":
                seen = self.words.train.sums(probe.predict(transform(train, gold)) == gold)
                null = self.words.majority(self.words.train)
                fit = f"{metric}_fit"
                found.append(self._score(fit, variant, layer, self.words.train, seen, null))
                found.append(self._refitted(variant, layer, transform))
            elif metric == "accuracy_random":
                more = right - next(s.right for s in found if s.variant == variant)
                found.append(
                    self._score("accuracy_drop_selective", variant, layer, self.test, more)
                )
        return found

    @property
    def classes(self) -> int:
        """K."""
        return len(self.words.classes)

    def _fit(self, vectors: Floats, gold: Codes) -> LinearProbe:
        probe = LinearProbe.fit(vectors, gold, self.options.penalty)
        self.unconverged += not probe.converged
        return probe

    def _right(
        self, words: LabelledWords, layer: int, tried: Sequence[tuple[LinearProbe, Transform]]
    ) -> list[Codes]:
        """Right words of each text [N] by each probe, over blocks of words."""
        right = [np.zeros(len(words.gold), dtype=np.int64) for _ in tried]
        for block in _blocks(len(words.gold)):
            some = words.at(block)
            vectors = some.vectors(layer)
            for place, (probe, transform) in enumerate(tried):
                said = probe.predict(transform(vectors, some.gold))
                right[place][block] = said == some.gold
        return [words.sums(one) for one in right]

    def _refitted(self, variant: str, layer: int, transform: Transform) -> Score:
        """A probe fitted on one half of the erased held-out texts, scored on the other."""
        test = self.test
        examples = test.states.examples
        side = halves([unit_digest(one, one.first) for one in examples])
        right, words = np.zeros((2, len(examples)), dtype=np.int64)
        null = 0
        for half in (0, 1):
            learnt, scored = test.only(side == half), test.only(side != half)
            learnt = learnt.at_most(self.max_words, self.seed)
            known = learnt.gold >= 0
            if not known.any() or not len(scored.gold):
                continue
            vectors, gold = learnt.vectors(layer)[torch.from_numpy(known)], learnt.gold[known]
            probe = self._fit(transform(vectors, gold), gold)
            right += self._right(scored, layer, [(probe, transform)])[0]
            words += scored.sums(np.ones_like(scored.gold))
            null += int((scored.gold == np.bincount(gold).argmax()).sum())
        majority = null / words.sum() if words.sum() else float("nan")
        name = self.words.name
        return Score(
            "accuracy_erased_refitted", variant, name, layer, examples, right, words, majority
        )

    def _score(
        self, metric: str, variant: str, layer: int, words: LabelledWords, right: Codes,
        majority: float = float("nan"),
    ) -> Score:  # fmt: skip
        counts = words.sums(np.ones_like(words.gold))
        name, examples = self.words.name, words.states.examples
        return Score(metric, variant, name, layer, examples, right, counts, majority)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _as_they_are(vectors: torch.Tensor, _gold: Codes) -> Floats:
    return as_floats(vectors)


def _erased(eraser: Eraser, vectors: torch.Tensor, _gold: Codes) -> Floats:
    return as_floats(eraser(vectors))


def _given_back(eraser: Eraser, classes: int, vectors: torch.Tensor, gold: Codes) -> Floats:
    """Erased vectors with the gold class beside them, one-hot; none where no probe knows it."""
    labels = np.zeros((len(gold), classes + 1), dtype=np.float32)
    labels[np.arange(len(gold)), gold] = 1.0
    return np.concatenate([as_floats(eraser(vectors)), labels[:, :classes]], axis=1)
