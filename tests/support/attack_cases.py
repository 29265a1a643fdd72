"""Attacks on tiny models: texts, made-up parts of speech, and candidates without a source."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import Any

from probe_cases import tiny_context
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.words.tags import Spelled
from subprobe.probes.attack.answers import SentenceEncoder
from subprobe.probes.attack.attacked_text import AttackedText
from subprobe.probes.attack.sources import Found, replaceable, spelled
from subprobe.probes.forward.base import Context
from tiny import CORPUS, tiny_model, tiny_tokenizer

WORDS = tuple(
    sorted(
        {
            word.strip(".,?;").lower()
            for line in CORPUS
            for word in line.split()
            if "," not in word[:-1]
        }
    )
)
TAGS = ("NOUN", "VERB", "ADJ")


def made_tag(word: str) -> str:
    """A part of speech that depends on the word alone."""
    return TAGS[zlib.crc32(word.encode()) % 3]


def made_tags(asked: Sequence[tuple[Spelled, int]]) -> list[str]:
    return [made_tag(spelled.words[place]) for spelled, place in asked]


def made_candidates(word: str, count: int = 5) -> tuple[str, ...]:
    """Random words, which depend on the word alone."""
    draw = random.Random(zlib.crc32(word.lower().encode()))
    return tuple(draw.sample(WORDS, count))


def made_source(texts: Sequence[AttackedText], tags: Any) -> Found:
    return [
        {n: spelled(made_candidates(text.words[n]), text.words[n]) for n in replaceable(text)}
        for text in texts
    ]


def no_source(texts: Sequence[AttackedText], tags: Any) -> Found:
    return [{} for _ in texts]


def made_examples(n: int = 12, *, pairs: bool = False, longest: int = 22) -> list[Example]:
    """Texts of random words, some of them shorter and some longer than the window."""
    draw = random.Random(5)

    def text() -> str:
        words = draw.choices(WORDS, k=draw.randint(2, longest))
        words[0] = words[0].capitalize()
        return " ".join(words) + draw.choice([".", "", ", no?"])

    return [
        Example(
            id=f"e{i}",
            first=plain_sentence(f"s{i}", text()),
            second=plain_sentence(f"t{i}", text()) if pairs else None,
            label=i % 2,
        )
        for i in range(n)
    ]


def attacked_context(**options: Any) -> Context:
    """A tiny classifier in double precision."""
    return tiny_context("bert", "classification", **options)


def tiny_encoder(batch_size: int = 16) -> SentenceEncoder:
    """A sentence encoder with random weights."""
    return SentenceEncoder(
        tiny_model("bert", seed=3).double(), tiny_tokenizer("wordpiece"), batch_size
    )
