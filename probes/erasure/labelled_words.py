"""Words with their class of one property, as vectors of one hidden state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import AnnotationError, InputError
from ...data.sentences.sentence import Example
from ...data.sentences.word_labels import word_labels
from ..forward.base import Context
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..states.word_states import WordStates
from .linear_probe import Codes, Floats

UNSEEN = -1
"""Class of a word whose label the training part does not have: no probe can name it."""


@dataclass(frozen=True)
class LabelledWords:
    """Words of some texts that have a label.

    Attributes:
        part: `train`, `dev` or `test`, for messages.
        states: where their vectors are.
        rows: places of the T words among those of `states` [T], ascending.
        text: the text of each [T].
        gold: class of each [T], or `UNSEEN`.
    """

    part: str
    states: WordStates
    rows: Codes
    text: Codes
    gold: Codes

    def vectors(self, layer: int) -> torch.Tensor:
        """State `layer` of the words, float64 [T, D].

        Raises:
            InputError: if one contains NaN or infinity.
        """
        found = self.states.state(layer)[torch.from_numpy(self.rows)].double()
        if not bool(found.isfinite().all()):
            raise InputError(
                f"hidden state {layer} of the {self.part} part contains NaN or infinity",
                remedy="check the model's weights",
            )
        return found

    def sums(self, values: Codes) -> Codes:
        """The sum of one number per word over the words of each text [N]."""
        counts = np.bincount(self.text, values, minlength=len(self.states.examples))
        return counts.astype(np.int64)

    def at(self, some: slice) -> LabelledWords:
        """Some of the words."""
        return replace(self, rows=self.rows[some], text=self.text[some], gold=self.gold[some])

    def only(self, texts: npt.NDArray[np.bool_]) -> LabelledWords:
        """The words of the texts alone that are chosen [N]."""
        chosen = texts[self.text]
        return replace(self, rows=self.rows[chosen], text=self.text[chosen], gold=self.gold[chosen])

    def at_most(self, words: int, seed: int) -> LabelledWords:
        """Words of whole texts in random order, up to a maximum number."""
        counts = np.bincount(self.text, minlength=len(self.states.examples))
        order = np.random.default_rng(seed).permutation(len(counts))
        enough = int(np.searchsorted(np.cumsum(counts[order]), words)) + 1
        chosen = np.zeros(len(counts), dtype=np.bool_)
        chosen[order[:enough]] = True
        return self.only(chosen)


def labels_of(states: WordStates, name: str) -> list[str]:
    """Label of each word with a state [T]; empty where it has none."""
    found = [""] * states.num_words
    for text in range(len(states.examples)):
        labels, start = word_labels(states.sentence(text), name), int(states.offsets[text])
        if labels:
            for row, place in enumerate(states.places(text)):
                found[start + row] = labels[place] if place >= 0 else ""
    return found


def labelled_words(
    part: str, states: WordStates, labels: Sequence[str], classes: Sequence[str]
) -> LabelledWords:
    """The words of a part that have a label.

    Args:
        part: its name.
        states: states of T words.
        labels: label of each [T]; empty = none.
        classes: the classes by name.

    Raises:
        InputError: if no word has a label.
    """
    code = {name: place for place, name in enumerate(classes)}
    there = [row for row, label in enumerate(labels) if label]
    rows = np.array(there, dtype=np.int64)
    if not len(rows):
        raise InputError(f"no word of the {part} part has a label", remedy="name a larger treebank")
    text = np.repeat(np.arange(len(states.examples)), np.diff(states.offsets))
    gold = np.array([code.get(labels[row], UNSEEN) for row in there], dtype=np.int64)
    return LabelledWords(part, states, rows, text[rows], gold)


@dataclass(frozen=True)
class PropertyWords:
    """The words that learn a property, and what its classes are.

    Attributes:
        name: of the property.
        classes: its K classes, those of the training part, by name.
        train: what erasers and probes are fitted on.
        dev: what stops the rounds of INLP.
    """

    name: str
    classes: tuple[str, ...]
    train: LabelledWords
    dev: LabelledWords

    def counts(self) -> str:
        """The classes with their words in the training part, such as `ADJ=12 NOUN=40`."""
        counts = np.bincount(self.train.gold, minlength=len(self.classes))
        pairs = zip(self.classes, counts, strict=True)
        return " ".join(f"{name}={count}" for name, count in pairs)

    def majority(self, words: LabelledWords) -> float:
        """How often the most frequent class of the training part is right."""
        first = int(np.bincount(self.train.gold).argmax())
        return float((words.gold == first).mean()) if len(words.gold) else float("nan")


def with_label(examples: Sequence[Example], name: str) -> list[Example]:
    """The examples of which some word has a label of the property."""
    return [one for one in examples if any(word_labels(one.first, name))]


def property_words(
    probe: str,
    context: Context,
    learning: Learning,
    name: str,
    *,
    max_words: int,
    seed: int,
    batch_size: int,
    progress: Progress | None = None,
) -> PropertyWords:
    """The words of the training and the dev part, with the states of all layers.

    Args:
        probe: who asks, for messages.
        context: the model with its mask.
        learning: the parts.
        name: of the property.
        max_words: approximate maximum for each part: whole sentences in random order.
        seed: of that order.
        batch_size: texts per forward pass.
        progress: called with (texts done, N) where states are computed.

    Raises:
        AnnotationError: if a part is not annotated with the property.
        InputError: if there is one class alone, or more of them than dimensions.
    """
    found: dict[str, tuple[WordStates, list[str]]] = {}
    for part, examples in (("train", learning.train), ("dev", learning.dev)):
        if not (some := with_label(examples, name)):
            raise AnnotationError(
                f"no sentence of the {part} part is annotated with the property {name!r}",
                where=probe,
                remedy="name an annotated treebank, or another property",
            )
        states = learning.states.of(context, some, batch_size=batch_size, progress=progress)
        found[part] = states, labels_of(states, name)
    every = labelled_words("train", *found["train"], ())
    used = {found["train"][1][row] for row in every.at_most(max_words, seed).rows}
    classes = tuple(sorted(used))
    if len(classes) < 2:
        raise InputError(
            f"all words of the train part have the same {name}, so nothing can be erased",
            where=probe,
            remedy="name a larger treebank",
        )
    width = found["train"][0].width
    if len(classes) > width:
        raise InputError(
            f"{name} has {len(classes)} classes, but a hidden state has only {width} dimensions: "
            "erasure would remove everything",
            where=probe,
            remedy="name a property with fewer classes",
        )
    train, dev = (
        labelled_words(part, *found[part], classes).at_most(max_words, seed)
        for part in ("train", "dev")
    )
    return PropertyWords(name, classes, train, dev)


def as_floats(vectors: torch.Tensor) -> Floats:
    """Vectors in single precision, as probes read them."""
    array: Floats = vectors.float().numpy()
    return array
