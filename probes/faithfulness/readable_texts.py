"""What a model and its texts need so that attributions of classes to words can be judged."""

from __future__ import annotations

from ...data.errors import InputError
from ..forward.base import Context
from ..forward.texts import Texts


def check_classes(context: Context) -> None:
    """Raise unless the model predicts classes.

    Raises:
        InputError: if it predicts a number.
    """
    if context.model.config.num_labels < 2:
        raise InputError(
            "faithfulness is measured in probabilities of classes, and this model predicts a score",
            remedy="use a model that was fine-tuned on classes",
        )


def check_words(texts: Texts) -> None:
    """Raise unless every text has a word that truncation left whole.

    Raises:
        InputError: naming the first text that has none.
    """
    for example, words in zip(texts.examples, texts.words, strict=True):
        if not words.kept:
            raise InputError(
                "truncation left no whole word",
                where=f"example {example.id!r}",
                remedy="raise `max_length`, or leave the example out",
            )
