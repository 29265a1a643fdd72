"""What the cloze tests of Ettinger (2020) ask: which word comes next, and which is more probable.

Contexts and their perturbed forms are built as in `aetting/lm-diagnostics`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...data.suites.ettinger import (
    ClozeTest,
    NegationItem,
    NegationTest,
    PragmaticItem,
    PragmaticTest,
    RoleSentence,
    RoleTest,
)
from .word_entries import Perturbation

OF_PRAGMATIC: tuple[Perturbation, ...] = ("shuffled", "truncated", "shuffled-truncated")
OF_ROLE: tuple[Perturbation, ...] = ("generic-object", "generic-subject", "generic-both")
ALL = ""
"""The group of all cases of a file."""

_KEPT_WORDS = 2
"""Of the second sentence of CPRAG, when it is truncated."""
_OBJECT = re.compile(r"which .* the")
_SUBJECT = re.compile(r"which (.*) the .* had")
_QUARTILES = (25, 50, 75)


@dataclass(frozen=True, slots=True)
class Question:
    """A context and the words that are correct after it.

    Attributes:
        item: the item of the file.
        context: ends before the word.
        correct: one of them is enough.
        groups: those that the question is counted in.
    """

    item: str
    context: str
    correct: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A word in its context that should be more probable than others in theirs.

    Attributes:
        item: the item of the file.
        better: context and word.
        worse: contexts and words.
        groups: those that the contrast is counted in.
    """

    item: str
    better: tuple[str, str]
    worse: tuple[tuple[str, str], ...]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class Cases:
    """What a file asks.

    Attributes:
        questions: for accuracy. Equal contexts of CPRAG and NEG are one question.
        contrasts: for sensitivity.
        n_unfit: questions and contrasts that the perturbation does not apply to.
    """

    questions: tuple[Question, ...]
    contrasts: tuple[Contrast, ...]
    n_unfit: tuple[int, int] = (0, 0)


def perturbations_of(test: ClozeTest) -> tuple[Perturbation, ...]:
    """The perturbations that a test is made for."""
    if isinstance(test, PragmaticTest):
        return OF_PRAGMATIC
    return OF_ROLE if isinstance(test, RoleTest) else ()


def cases_of(test: ClozeTest, perturbation: Perturbation | None = None, seed: int = 0) -> Cases:
    """The questions and contrasts of a test.

    Groups are the halves by constraint (CPRAG), quartiles of cloze probability (ROLE), polarity and
    whether negation is natural (NEG). Accuracy on NEG counts affirmative contexts only.

    Args:
        test: the test.
        perturbation: of the contexts; one of `perturbations_of`.
        seed: of the shuffled words.
    """
    if isinstance(test, PragmaticTest):
        return _pragmatic(test.items, perturbation, np.random.default_rng(seed))
    if isinstance(test, RoleTest):
        return _role(test.pairs, perturbation)
    assert isinstance(test, NegationTest)
    return _negation(test.items)


# -- CPRAG -----------------------------------------------------------------------------------------


def _pragmatic(
    items: Sequence[PragmaticItem], perturbation: Perturbation | None, rng: np.random.Generator
) -> Cases:
    questions, contrasts = [], []
    for item in items:
        context = perturbed_context(item, perturbation, rng)
        groups = (ALL, f"{item.constraint}-constraint")
        questions.append(Question(item.id, context, (item.expected,), groups))
        better, *worse = ((context, word) for word in item.completions)
        contrasts.append(Contrast(item.id, better, tuple(worse), groups))
    return Cases(_each_once(questions), tuple(contrasts))


def perturbed_context(
    item: PragmaticItem, perturbation: Perturbation | None, rng: np.random.Generator
) -> str:
    """The two sentences; the words of the first shuffled, or the second cut to its last two words.

    Full stops of the first sentence are removed before its words are shuffled, and one is put after
    them.
    """
    first, second = item.first, item.second
    if perturbation in ("shuffled", "shuffled-truncated"):
        words = first.replace(".", "").split()
        first = " ".join(words[place] for place in rng.permutation(len(words))) + "."
    if perturbation in ("truncated", "shuffled-truncated"):
        second = " ".join(second.split()[-_KEPT_WORDS:])
    return f"{first} {second}"


# -- ROLE ------------------------------------------------------------------------------------------


def generic_context(context: str, perturbation: Perturbation | None) -> str:
    """The context with `one` for its object, `other` for its subject, or both."""
    if perturbation in ("generic-object", "generic-both"):
        context = _OBJECT.sub("which one the", context)
    if perturbation in ("generic-subject", "generic-both"):
        context = _SUBJECT.sub(r"which \1 the other had", context)
    return context


def _role(
    pairs: Sequence[tuple[RoleSentence, RoleSentence]], perturbation: Perturbation | None
) -> Cases:
    sentences = [sentence for pair in pairs for sentence in pair]
    by_expected = quartiles([one.expected_cloze for one in sentences])
    by_target = quartiles([good.target_cloze for good, _ in pairs])
    contexts = {id(one): generic_context(one.context, perturbation) for one in sentences}

    def fits(one: RoleSentence) -> bool:
        return perturbation is None or contexts[id(one)] != one.context

    questions = tuple(
        Question(
            f"{one.id}-{one.order}", contexts[id(one)], tuple(map(_first_word, one.expected)),
            (ALL, f"cloze-quartile-{quartile}"),
        )
        for one, quartile in zip(sentences, by_expected, strict=True) if fits(one)
    )  # fmt: skip
    contrasts = tuple(
        Contrast(
            good.id, (contexts[id(good)], _first_word(good.target)),
            ((contexts[id(reversed_)], _first_word(reversed_.target)),),
            (ALL, f"cloze-quartile-{quartile}"),
        )
        for (good, reversed_), quartile in zip(pairs, by_target, strict=True)
        if fits(good) and fits(reversed_) and contexts[id(good)] != contexts[id(reversed_)]
    )  # fmt: skip
    return Cases(
        questions, contrasts, (len(sentences) - len(questions), len(pairs) - len(contrasts))
    )


def _first_word(expected: str) -> str:
    """The word at the masked place, where people gave several."""
    return expected.split()[0]


def quartiles(values: Sequence[float]) -> list[int]:
    """Which quarter each value is in, 1 to 4; a value on a limit is in the lower quarter."""
    limits = np.percentile(values, _QUARTILES)
    return [1 + int(np.searchsorted(limits, value, side="left")) for value in values]


# -- NEG -------------------------------------------------------------------------------------------


def _negation(items: Sequence[NegationItem]) -> Cases:
    questions, contrasts = [], []
    for item in items:
        kinds = [] if item.licensed is None else ["natural" if item.licensed else "less-natural"]
        words = item.true_affirmative, item.true_negative
        true = _with_article(item, item.affirmative, words[0])
        groups = ("affirmative", *(f"{kind}-affirmative" for kind in kinds))
        questions.append(Question(item.id, true, words[:1], groups))
        for polarity, context, (good, bad) in (
            ("affirmative", item.affirmative, words),
            ("negative", item.negative, words[::-1]),
        ):
            contrasts.append(
                Contrast(
                    f"{item.id}/{polarity}",
                    (_with_article(item, context, good), good),
                    ((_with_article(item, context, bad), bad),),
                    (ALL, polarity, *kinds, *(f"{kind}-{polarity}" for kind in kinds)),
                )
            )
    return Cases(_each_once(questions), tuple(contrasts))


def _with_article(item: NegationItem, context: str, word: str) -> str:
    if not item.needs_article:
        return context
    return f"{context} {'an' if word[0].lower() in 'aeiou' else 'a'}"


def _each_once(questions: Iterable[Question]) -> tuple[Question, ...]:
    """The questions whose context has not come before."""
    found: dict[str, Question] = {}
    for question in questions:
        found.setdefault(question.context, question)
    return tuple(found.values())


def words_of(cases: Cases) -> Iterator[tuple[str, str]]:
    """Context and word of everything that is scored or accepted."""
    for question in cases.questions:
        yield from ((question.context, word) for word in question.correct)
    for contrast in cases.contrasts:
        yield from (contrast.better, *contrast.worse)
