"""Texts from a caller: files by name, or sentences in memory under an internal name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...data.errors import InputError
from ...data.sentences.plain_text import NATURAL
from ...data.sentences.sentence import Sentence, plain_sentence

Texts = str | Path | Sequence[str | Sentence]


def named_texts(role: str, given: Texts | None, texts: dict[str, list[Sentence]]) -> str:
    """The name of some texts in options: the path of a file, or a name for texts in memory.

    Raises:
        InputError: for no sentences, or two sentences with the same id.
    """
    if given is None:
        return NATURAL if role == "corpus" else ""
    if isinstance(given, str | Path):
        return str(given)
    sentences = [
        plain_sentence(str(place), one) if isinstance(one, str) else one
        for place, one in enumerate(given, start=1)
    ]
    if not sentences:
        raise InputError("no sentences to probe", where=role, remedy="pass at least one sentence")
    if len({one.id for one in sentences}) < len(sentences):
        raise InputError(
            "two sentences have the same id",
            where=role,
            remedy="give each sentence an id of its own",
        )
    name = "texts" if role == "corpus" else f"{role} texts"
    texts[name] = sentences
    return name
