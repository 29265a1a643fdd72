"""Vectors with classes, and parts of random sentences, for the tests of erasers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from probe_cases import WORDS, random_examples
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.probes.learning.learning import Learning
from subprobe.probes.states.cache import StateCache


def classed_vectors(
    n: int = 3000, width: int = 24, classes: int = 5, seed: int = 0
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Correlated vectors far from zero [n, width] with a mean for each class, and the classes."""
    mixing = np.random.default_rng(99).normal(size=(width, width))
    means = np.random.default_rng(98).normal(size=(classes, width)) * 4
    rng = np.random.default_rng(seed)
    gold = rng.choice(classes, size=n, p=np.arange(1, classes + 1) / (classes * (classes + 1) / 2))
    return rng.normal(size=(n, width)) @ mixing + means[gold] + 20, gold


def tagged(examples: list[Example]) -> list[Example]:
    """The examples made of twelve words, with tags that the word decides: states hold them."""
    few, tags = WORDS[::9][:12], ("NOUN", "VERB", "DET")

    def changed(sentence: Sentence) -> Sentence:
        number = [sum(map(ord, word)) % len(few) for word in sentence.words]
        words = tuple(few[one] for one in number)
        return replace(sentence, words=words, upos=tuple(tags[one % 3] for one in number))

    return [replace(one, first=changed(one.first)) for one in examples]


def some_learning(folder: Path, train: int = 60, dev: int = 20) -> Learning:
    """A training and a dev part of random sentences."""
    return Learning(
        train=tuple(tagged(random_examples(train, seed=1))),
        dev=tuple(tagged(random_examples(dev, seed=2))),
        how="given",
        states=StateCache(folder / "states"),
    )
