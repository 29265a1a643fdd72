"""Parts of speech of words in their context, by the tagger of a spaCy pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import AnnotationError
from ..sentences.annotate import find_pipeline

_UNUSED = (
    "parser", "ner", "lemmatizer", "senter", "textcat", "textcat_multilabel", "entity_linker",
    "spancat",
)  # fmt: skip


@dataclass(frozen=True)
class Spelled:
    """Words of a text as they stand in it.

    Attributes:
        words: words and punctuation [W].
        spaces: whether white space follows each of them [W].
    """

    words: tuple[str, ...]
    spaces: tuple[bool, ...]


def universal_tags(
    texts: Sequence[Spelled], pipeline: str = "", batch_size: int = 256
) -> list[tuple[str, ...]]:
    """The universal part of speech of each word of N texts; nothing else of the pipeline is run.

    Args:
        texts: N texts.
        pipeline: name of a spaCy pipeline; empty = the default one.
        batch_size: number of texts that the pipeline processes at a time.

    Raises:
        AnnotationError: if no pipeline is found, or it assigns no tags.
    """
    from spacy.tokens import Doc

    tagger: Any = find_pipeline(pipeline or None)
    unused = [name for name in _UNUSED if name in tagger.pipe_names]
    with tagger.select_pipes(disable=unused), tagger.memory_zone():
        docs = [Doc(tagger.vocab, words=one.words, spaces=one.spaces) for one in texts]
        tagged = list(tagger.pipe(docs, batch_size=batch_size, n_process=1))
        if any(len(doc) and not doc.has_annotation("POS") for doc in tagged):
            raise AnnotationError(
                "the spaCy pipeline assigns no part-of-speech tags",
                remedy="use a pipeline with a tagger",
            )
        return [tuple(str(token.pos_) for token in doc) for doc in tagged]
