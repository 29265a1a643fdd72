"""Attribution of a model's predicted class to the words of one sentence or pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...data.sentences.sentence import Example
from ...probes.attribution.attributions import attribute_words
from ...probes.attribution.settings import AttributionSettings
from ...probes.forward.base import Context
from ...probes.forward.needs import sentences_of


@dataclass(frozen=True)
class SentenceWords:
    """Attribution of one text's predicted class to its words, by one method.

    Attributes:
        method: the method's name.
        variant: the method with its settings.
        prediction: the class that the model predicts, by name.
        sentences: for each sentence its words in order, each with its signed attribution in logits;
            words that were cut off at the end are not there.
        logit_difference: logit of the class minus its logit for the baseline.
        delta: sum of attributions minus that difference; NaN for methods that need not sum to it.
    """

    method: str
    variant: str
    prediction: str
    sentences: tuple[tuple[tuple[str, float], ...], ...]
    logit_difference: float
    delta: float


def words_by_method(
    context: Context, example: Example, methods: Sequence[str]
) -> tuple[SentenceWords, ...]:
    """Attribute the predicted class of one text, method by method.

    Args:
        context: a model with a task head, and its mask.
        example: the text; words are separated by whitespace.
        methods: names of methods of the probe `attributions`.

    Raises:
        InputError: without task head, or when a pair model gets a single sentence.
        UnknownNameError: if there is no such method.
    """
    return tuple(_words(context, example, AttributionSettings(method=name)) for name in methods)


def _words(context: Context, example: Example, settings: AttributionSettings) -> SentenceWords:
    (found,) = attribute_words(context, [example], method=settings.method)
    sentences = sentences_of(example)
    values = dict(zip(found.kept, found.words.tolist(), strict=True))
    names = context.model.config.id2label
    return SentenceWords(
        method=settings.method,
        variant=settings.variant,
        prediction=str(names.get(found.predicted, found.predicted)),
        sentences=tuple(
            tuple(
                (word, values[number, index])
                for index, word in enumerate(sentence.words)
                if (number, index) in values
            )
            for number, sentence in enumerate(sentences)
        ),
        logit_difference=found.logit_difference,
        delta=found.delta,
    )
