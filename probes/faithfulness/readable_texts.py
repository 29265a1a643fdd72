"""The attribution methods to evaluate, and the texts that they are evaluated on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...data.sentences.sentence import Example
from ..attribution.classified import check_classified, check_kept_words
from ..attribution.settings import AttributionSettings, check_methods
from ..forward.base import Context
from ..forward.texts import Texts, read_texts


def settings_and_texts(
    context: Context, examples: Sequence[Example], methods: Sequence[str], **common: Any
) -> tuple[list[AttributionSettings], Texts]:
    """Checked settings of each method, and the examples as texts with words.

    Args:
        context: a model with a task head over classes, and its mask.
        examples: examples of its task.
        methods: of attribution.
        common: what all of them have, as in `AttributionSettings`.

    Raises:
        InputError: without examples or task head, for a head that predicts a number, when a pair
            model gets single sentences, or if a text has no whole word after truncation.
        CheckpointError: if there is no padding token, or a requested token is missing.
        UnknownNameError: for an unknown method.
    """
    check_methods(methods)
    settings = [AttributionSettings(method=method, **common) for method in methods]
    check_classified(context, examples, target=settings[0].target, baseline=settings[0].baseline)
    texts = read_texts(context, examples)
    check_kept_words(texts)
    return settings, texts
