"""The texts of a multiple-choice question as models read them."""

from __future__ import annotations

from ..sentences.sentence import Example


def choice_texts(example: Example) -> list[tuple[str, str]]:
    """The K pairs of texts of a question: context and question, and each option.

    An example without options has none.
    """
    before = " ".join(text for text in example.texts() if text)
    return [(before, option) for option in example.options]
