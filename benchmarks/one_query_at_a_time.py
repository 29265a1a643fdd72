"""TextFooler as in the authors' code, in loops that ask one thing at a time: the slow way.

The tests use it as a second implementation, the benchmark as what the probe is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

_WORD = re.compile(r"(\w+(?:['’]\w+)*)")


def fool(
    texts: tuple[str, ...],
    label: int,
    candidates: Mapping[int, Sequence[str]],
    *,
    probabilities: Callable[[tuple[str, ...]], Any],
    tag: Callable[[list[str], list[bool], int], str],
    vector: Callable[[str], Any],
    stop_word: Callable[[str], bool],
    threshold: float,
) -> tuple[str, int, int, int]:
    """Attack the last of one or two texts; its words are words of letters between other characters.

    Args:
        texts: what the model reads.
        label: the correct class.
        candidates: number of a word -> what may replace it.
        probabilities: asks for the class probabilities of a text.
        tag: asks for the part of speech of the word at a place among tokens, of which some are
            followed by white space.
        vector: asks for the vector of a text.
        stop_word: whether a word is never replaced.
        threshold: minimum similarity.

    Returns:
        The text after the attack, number of replaced words, queries, and the class predicted then.
    """
    *before, text = texts
    parts = _WORD.split(text)
    words = parts[1::2]
    W = len(words)

    def joined(chosen: list[str]) -> str:
        pieces = list(parts)
        pieces[1::2] = chosen
        return "".join(pieces)

    def asked(chosen: list[str]) -> Any:
        return probabilities((*before, joined(chosen)))

    def part_of_speech(chosen: list[str], number: int, around: int | None) -> str:
        tokens: list[str] = []
        spaces: list[bool] = []
        for place in range(len(parts)):
            if place % 2:
                if place == 2 * number + 1:
                    at = len(tokens)
                tokens.append(chosen[place // 2])
                spaces.append(False)
                continue
            for mark in parts[place]:
                if mark.isspace():
                    if spaces:
                        spaces[-1] = True
                else:
                    tokens.append(mark)
                    spaces.append(False)
        if around is None or len(tokens) <= 10:
            return tag(tokens, spaces, at)
        start = max(0, at - around)
        return tag(tokens[start : at + around + 1], spaces[start : at + around + 1], at - start)

    def window(chosen: list[str], number: int) -> str:
        if number >= 7 and W - number - 1 >= 7:
            first, last = number - 7, number + 8
        elif number < 7 and W - number - 1 >= 7:
            first, last = 0, min(15, W)
        elif number >= 7:
            first, last = max(0, W - 15), W
        else:
            first, last = 0, W
        pieces = list(parts)
        pieces[1::2] = chosen
        return "".join(pieces[2 * first + 1 : 2 * last])

    original = asked(words)
    if int(original.argmax()) != label:
        return text, 0, 1, int(original.argmax())
    queries = 1
    scores = []
    for number in range(W):
        without = asked([*words[:number], "<oov>", *words[number + 1 :]])
        queries += 1
        new = int(without.argmax())
        score = original[label] - without[label]
        if new != label:
            score += without[new] - original[new]
        scores.append(round(float(score), 9))
    if W < 15:
        threshold = 0.1
    current, changed, predicted = list(words), 0, label
    for number in sorted(range(W), key=lambda one: -scores[one]):
        if scores[number] <= -1 or stop_word(words[number]):
            continue
        flipping: list[tuple[float, str]] = []
        lowering: list[tuple[float, str]] = []
        own, around = "", None
        for word in candidates.get(number, ()):
            tried = [*current[:number], word, *current[number + 1 :]]
            found = asked(tried)
            queries += 1
            flips, lower = int(found.argmax()) != label, float(found[label])
            if not flips and lower >= original[label]:
                continue
            own = own or part_of_speech(words, number, None)
            other = part_of_speech(tried, number, 4)
            if own != other and {own, other} != {"NOUN", "VERB"}:
                continue
            if around is None:
                around = vector(window(current, number))
            cosine = float(around @ vector(window(tried, number)))
            similar = round(1 - float(np.arccos(min(1.0, max(-1.0, cosine)))), 6)
            if similar >= threshold:
                if flips:
                    flipping.append((similar, word))
                else:
                    lowering.append((lower, word))
        if flipping:
            best = max(similar for similar, _ in flipping)
            current[number] = next(word for similar, word in flipping if similar == best)
            changed += 1
            predicted = int(asked(current).argmax())
            break
        if lowering:
            least = min(lower for lower, _ in lowering)
            current[number] = next(word for lower, word in lowering if lower == least)
            changed += 1
    return joined(current), changed, queries, predicted
