"""TextFooler (Jin et al. 2020, AAAI) on one text: which words are replaced, and by what.

An attack is a generator: it yields what it asks and is sent the answers, so that many attacks can
be run side by side and their questions answered together.

Words are ranked by importance; then, word after word, the candidates of a word are tried in the
current text. A candidate is allowed if the word keeps its part of speech (nouns and verbs may
change places) and the text around it stays similar. If allowed candidates change the prediction,
the one with the most similar text ends the attack; otherwise the one with the lowest probability of
the correct class is kept if it lowers that.

The authors' code and TextAttack's recipe of the same name differ:

| | `authors` (attack_classification.py) | `textattack` (TextFoolerJin2019) |
|---|---|---|
| importance | the word becomes `<oov>`; the gain of a new class is added | the word is deleted |
| words ranked | all | all but stop words |
| candidates tried | all | only those that are allowed |
| what must be lowered | the probability of the original text | that of the current text |
| texts shorter than the window | similarity of at least .1 | similarity does not matter |
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from ...data.words.tags import Spelled
from .answers import similarity
from .attacked_text import AttackedText, is_stop_word

Procedure = Literal["authors", "textattack"]
Floats = npt.NDArray[np.float64]

OOV = "<oov>"
WINDOW = 15
"""Words around a replaced word whose similarity counts."""
SHORT_THRESHOLD = 0.1
"""The authors' threshold for texts of fewer words."""
_LEAST_IMPORTANCE = -1.0
_EXCHANGEABLE = frozenset({"NOUN", "VERB"})


@dataclass(frozen=True)
class Asked:
    """Questions of one kind; the answers are sent in their order.

    Attributes:
        texts: texts or pairs whose class probabilities are asked, answered by [N, K].
        words: texts and places of words whose parts of speech are asked, answered by N tags.
        windows: texts whose vectors are asked, answered by [N, D].
    """

    texts: Sequence[tuple[str, ...]] = ()
    words: Sequence[tuple[Spelled, int]] = ()
    windows: Sequence[str] = ()


Answer = Sequence[Floats] | Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What an attack on one text came to.

    Attributes:
        text: the text after the attack.
        replaced: number of a word -> what it was replaced by, in the order of replacement.
        before: class probabilities of the original text [K].
        after: those of the text after the attack [K].
        queries: texts that the model was asked about: the original one, those for the importance of
            words, and candidates.
        attacked: False if the original prediction was wrong already.
    """

    text: AttackedText
    replaced: Mapping[int, str]
    before: Floats
    after: Floats
    queries: int
    attacked: bool = True

    @property
    def share(self) -> float:
        """Share of the words that were replaced; 0 for a text without words."""
        return len(self.replaced) / max(1, len(self.text.places))


@dataclass(frozen=True)
class Rule:
    """The variant of the procedure.

    Attributes:
        procedure: `authors` or `textattack`.
        threshold: minimum similarity, as 1 minus an angle in radians.
    """

    procedure: Procedure
    threshold: float


def attack(
    text: AttackedText,
    label: int,
    before: Floats,
    candidates: Mapping[int, Sequence[str]],
    rule: Rule,
) -> Generator[Asked, Answer, Outcome]:
    """Attack one text that is classified correctly.

    Args:
        text: the text.
        label: the correct class, which is the predicted one.
        before: class probabilities of the text [K].
        candidates: number of a word -> what may replace it.
        rule: the variant of the procedure.
    """
    ours = rule.procedure == "authors"
    ranked, queries = yield from _ranked(text, label, before, ours)
    tags: Sequence[str] = ()
    if any(candidates.get(number) for number in ranked):
        tags = yield from _tags([(text.spelled(), place) for place in text.places])
    current, at, replaced = text, before, dict[int, str]()
    for number in ranked:
        tried = [current.with_word(number, word) for word in candidates.get(number, ())]
        if not tried:
            continue
        similar: dict[int, float] = {}
        if not ours:
            similar = yield from _allowed(current, tried, number, tags[number], rule)
            tried = [tried[place] for place in similar]
            similar = dict(enumerate(similar.values()))
            if not tried:
                continue
        found = yield from _probabilities([one.read for one in tried])
        queries += len(tried)
        if ours:
            # others can never be chosen
            useful = [
                place
                for place, one in enumerate(found)
                if one.argmax() != label or one[label] < before[label]
            ]
            texts = [tried[place] for place in useful]
            allowed = yield from _allowed(current, texts, number, tags[number], rule)
            similar = {useful[place]: value for place, value in allowed.items()}
            chosen = authors_choice(found, similar, label, before)
        else:
            chosen = textattack_choice(found, similar, label, at)
        if chosen is None:
            continue
        current, at = tried[chosen], found[chosen]
        replaced[number] = current.words[number]
        if at.argmax() != label:
            break
    return Outcome(current, replaced, before, at, 1 + queries)


def _ranked(
    text: AttackedText, label: int, before: Floats, ours: bool
) -> Generator[Asked, Answer, tuple[list[int], int]]:
    """Words that may be replaced, the most important first, and the number of queries."""
    content = [place for place, word in enumerate(text.words) if not is_stop_word(word)]
    asked = list(range(len(text.places))) if ours else content
    if ours:
        reduced = [text.with_word(number, OOV).read for number in asked]
    else:
        reduced = [text.without(number) for number in asked]
    found = yield from _probabilities(reduced)
    scores = {
        number: importance(one, before, label) if ours else 1 - float(one[label])
        for number, one in zip(asked, found, strict=True)
    }
    kept = [number for number in content if scores[number] > _LEAST_IMPORTANCE]
    return sorted(kept, key=lambda number: -scores[number]), len(asked)


def importance(without: Floats, before: Floats, label: int) -> float:
    """The importance of a word (Jin et al. 2020, equation 2).

    The loss of the class's probability without the word, plus the gain of the new class where the
    prediction changes. Rounded, so that rounding errors decide nothing.

    Args:
        without: class probabilities without the word [K].
        before: class probabilities of the text [K].
        label: the class.
    """
    new = int(without.argmax())
    gain = without[new] - before[new] if new != label else 0.0
    return round(float(before[label] - without[label] + gain), 9)


def _allowed(
    current: AttackedText, tried: Sequence[AttackedText], number: int, tag: str, rule: Rule
) -> Generator[Asked, Answer, dict[int, float]]:
    """Place of each allowed text -> its similarity to the current one; NaN where it is not asked.

    Args:
        current: the text before the replacement.
        tried: texts with a candidate in the place of a word.
        number: of the word.
        tag: its part of speech in the original text.
        rule: the variant of the procedure.
    """
    if not tried:
        return {}
    found = yield from _tags([one.context(number) for one in tried])
    kept = [place for place, other in enumerate(found) if same_part(tag, other)]
    threshold = rule.threshold
    if len(current.places) < WINDOW:
        threshold = SHORT_THRESHOLD
        if rule.procedure == "textattack":
            return dict.fromkeys(kept, float("nan"))
    if not kept:
        return {}
    windows = [tried[place].window(number, WINDOW) for place in kept]
    own, *others = yield from _vectors([current.window(number, WINDOW), *windows])
    values = (similarity(own, vector) for vector in others)
    return {place: one for place, one in zip(kept, values, strict=True) if one >= threshold}


def authors_choice(
    found: Sequence[Floats], similar: Mapping[int, float], label: int, before: Floats
) -> int | None:
    """The place of the replacement in the authors' code; None where no candidate is good enough.

    Args:
        found: class probabilities with each candidate [C][K].
        similar: place of each allowed candidate -> its similarity.
        label: the correct class.
        before: class probabilities of the original text [K].
    """
    flipping = [place for place in similar if found[place].argmax() != label]
    if flipping:
        return max(flipping, key=lambda place: (similar[place], -place))
    lowering = [place for place in similar if found[place][label] < before[label]]
    return min(lowering, key=lambda place: (found[place][label], place), default=None)


def textattack_choice(
    found: Sequence[Floats], similar: Mapping[int, float], label: int, at: Floats
) -> int | None:
    """The same in TextAttack (`GreedyWordSwapWIR`); all candidates are allowed.

    Args:
        found: class probabilities with each candidate [C][K].
        similar: place of each candidate -> its similarity; NaN where it does not matter.
        label: the correct class.
        at: class probabilities of the current text [K].
    """
    order = sorted(range(len(found)), key=lambda place: found[place][label])
    best = order[0]
    if found[best][label] >= at[label]:
        return None
    flipping = list(takewhile(lambda place: found[place].argmax() != label, order))
    if not flipping or np.isnan(similar[best]):
        return best
    return max(flipping, key=lambda place: similar[place])


def _probabilities(texts: Sequence[tuple[str, ...]]) -> Generator[Asked, Answer, Sequence[Floats]]:
    found = yield Asked(texts=texts)
    return cast(Sequence[Floats], found)


def _vectors(texts: Sequence[str]) -> Generator[Asked, Answer, Sequence[Floats]]:
    found = yield Asked(windows=texts)
    return cast(Sequence[Floats], found)


def _tags(words: Sequence[tuple[Spelled, int]]) -> Generator[Asked, Answer, Sequence[str]]:
    found = yield Asked(words=words)
    return cast(Sequence[str], found)


def same_part(one: str, other: str) -> bool:
    """Whether a word may replace another: equal parts of speech, or a noun and a verb."""
    return one == other or {one, other} <= _EXCHANGEABLE
