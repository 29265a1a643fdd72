"""Attacks on many texts side by side: their questions are answered together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from ..forward.shared_pass import Progress
from .answers import Classifier, Encoder, Floats, Tagger
from .attacked_text import AttackedText
from .procedure import Answer, Asked, Outcome, Rule, attack

AT_ONCE = 32
"""Texts that are attacked side by side; answers are kept until the last of them is done."""

Question = TypeVar("Question", bound=Hashable)


def attack_all(
    texts: Sequence[AttackedText],
    labels: Sequence[int],
    candidates: Sequence[Mapping[int, Sequence[str]]],
    rule: Rule,
    *,
    classifier: Classifier,
    tagger: Tagger,
    encoder: Encoder,
    before: Sequence[Floats],
    progress: Progress | None = None,
) -> list[Outcome]:
    """Attack N texts; the results do not depend on how many are attacked side by side.

    Args:
        texts: N texts.
        labels: their correct classes.
        candidates: for each text, number of a word -> what may replace it. Those of texts that are
            not classified correctly are not read.
        rule: the variant of the procedure.
        classifier: answers for class probabilities.
        tagger: answers for parts of speech.
        encoder: answers for vectors of texts.
        before: class probabilities of the texts [N][K].
        progress: called with (texts done, N).
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(texts), AT_ONCE):
        answers = _Answers(classifier, tagger, encoder)
        block = range(start, min(start + AT_ONCE, len(texts)))
        running: dict[int, Generator[Asked, Answer, Outcome]] = {}
        done: dict[int, Outcome] = {}
        for place in block:
            if before[place].argmax() == labels[place]:
                running[place] = attack(
                    texts[place], labels[place], before[place], candidates[place], rule
                )
            else:
                at = before[place]
                done[place] = Outcome(texts[place], {}, at, at, 1, attacked=False)
        asked = _advance(running, dict.fromkeys(running), done)
        while asked:
            asked = _advance(running, answers.of(asked), done)
            if progress is not None:
                progress(start + len(done), len(texts))
        outcomes += [done[place] for place in block]
    return outcomes


def _advance(
    running: dict[int, Generator[Asked, Answer, Outcome]],
    answers: Mapping[int, Any],
    done: dict[int, Outcome],
) -> dict[int, Asked]:
    """Send each attack its answer; what they ask next. Finished attacks are moved to `done`."""
    asked = {}
    for place, answer in answers.items():
        try:
            asked[place] = running[place].send(answer)
        except StopIteration as finished:
            done[place] = finished.value
            del running[place]
    return asked


class _Answers:
    """What was answered, by question."""

    def __init__(self, classifier: Classifier, tagger: Tagger, encoder: Encoder):
        self._probabilities = _Memory[tuple[str, ...]](classifier)
        self._tags = _Memory[Any](tagger)
        self._vectors = _Memory[str](encoder)

    def of(self, asked: Mapping[int, Asked]) -> dict[int, list[Any]]:
        """The answers to each attack."""
        every = asked.values()
        self._probabilities.learn([one for given in every for one in given.texts])
        self._tags.learn([one for given in every for one in given.words])
        self._vectors.learn([one for given in every for one in given.windows])
        return {
            place: [
                *map(self._probabilities, given.texts),
                *map(self._tags, given.words),
                *map(self._vectors, given.windows),
            ]
            for place, given in asked.items()
        }


class _Memory(dict[Question, Any]):
    """Questions and their answers."""

    def __init__(self, ask: Callable[[Sequence[Question]], Any]):
        super().__init__()
        self._ask = ask

    def learn(self, questions: Sequence[Question]) -> None:
        """Ask those that were not asked before."""
        new = [one for one in dict.fromkeys(questions) if one not in self]
        if new:
            self.update(zip(new, self._ask(new), strict=True))

    def __call__(self, question: Question) -> Any:
        return self[question]
