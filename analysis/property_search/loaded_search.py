"""A search for a property on a loaded model, from sentences to scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.sentences.parted import Parted
from ...models.masks.subnetwork import Subnetwork
from ...pruning.learned.property_options import PropertyOptions
from ..single.loaded import LoadedModel
from ..steps.progress import Progress
from .files import reset_of
from .parts import Words, words_of
from .search import Controls, Found, search_property


def search_loaded(
    loaded: LoadedModel,
    name: str,
    parts: Parted,
    corpus: str,
    penalties: Sequence[float],
    options: PropertyOptions,
    controls: Controls,
    against: Mapping[str, Subnetwork],
    progress: Progress,
    other: str = "",
) -> tuple[Found, Words]:
    """Learn and score masks of an encoder.

    Args:
        loaded: the encoder, without a task head.
        name: of the property.
        parts: the sentences.
        corpus: name of the scored sentences in rows.
        penalties: values of lambda, without duplicates.
        options: training.
        controls: the controls of the masks.
        against: name -> masks whose overlap is measured.
        progress: receives the progress of long steps.
        other: another property on which masks and complements are scored; empty = none.

    Raises:
        AnnotationError, InputError, UnknownNameError: as `words_of`.
        ConfigError: if a penalty is out of range or given twice.
    """
    words = words_of(
        loaded.tokenizer, parts, name,
        max_length=loaded.max_length, say=progress.say, corpus=corpus,
    )  # fmt: skip
    second = None
    if other:
        second = words_of(
            loaded.tokenizer, parts, other,
            max_length=loaded.max_length, say=progress.say, corpus=corpus,
        )  # fmt: skip
    reset = reset_of(loaded, controls.reset, controls.seed)
    found = search_property(
        loaded.name, loaded.model, reset, loaded.tokenizer, words, penalties, options, controls,
        progress, against=against, max_length=loaded.max_length, other=second,
    )  # fmt: skip
    return found, words
