"""Files with labelled spans: one JSON object per line, in the format of edge probing.

A line is `{"text": TEXT, "targets": [{"span1": [a, b], "span2": [a, b], "label": LABEL}, ...]}`:
spans count the whitespace-separated tokens of the text, and the second number is exclusive; only
pairs have `span2`, and a label is a text or a list of texts. `info.document_id`, if present, names
the document. Source: `probing/data/README.md` of jiant 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import DataFileError
from ..files.json_text import json_object
from ..files.reading import shown
from ..files.text_file import read_numbered_lines
from ..sentences.sentence import Sentence, plain_sentence
from .labelled import LabelledSpan, Span, Spans

MOST_LABELS = 2000
"""Maximum number of different labels per file."""
LONGEST_LABEL = 200
"""Maximum number of characters of a label."""

_FORMAT = 'write {"text": ..., "targets": [{"span1": [0, 1], "label": ...}]} per line'


@dataclass(frozen=True)
class SpanFile:
    """The sentences of a file and their spans.

    Attributes:
        sentences: its sentences, in the order of the file.
        spans: sentence id -> its spans.
        pairs: whether each target has two spans.
    """

    sentences: tuple[Sentence, ...]
    spans: Mapping[str, Spans]
    pairs: bool


def read_span_file(path: Path | str) -> SpanFile:
    """Read a file of labelled spans; `.gz` is decompressed.

    Raises:
        DataFileError: if the file is missing, empty or malformed, a span exceeds its text, only
            some targets have a second span, there is no target, or there are more than
            `MOST_LABELS` labels; the message names the file, the line and the target.
    """
    name = Path(path).name
    sentences: list[Sentence] = []
    spans: dict[str, Spans] = {}
    pairs: bool | None = None
    labels: set[str] = set()
    for number, line in read_numbered_lines(path):
        where = f"{path}, line {number}"
        record = json_object(line, where, remedy=_FORMAT)
        sentence = _sentence(record, f"{name}:{number}", where)
        found = []
        for place, target in enumerate(_list(record, "targets", where), start=1):
            read = _target(target, len(sentence.words), f"{where}, target {place}")
            paired = read.second is not None
            if pairs is None:
                pairs = paired
            if paired != pairs:
                raise DataFileError(
                    f"has {'a' if paired else 'no'} span2, unlike the targets before it",
                    where=f"{where}, target {place}",
                    remedy="write pairs and single spans to different files",
                )
            labels.update(read.labels)
            if len(labels) > MOST_LABELS:
                raise DataFileError(
                    f"has more than {MOST_LABELS:,} different labels",
                    where=str(path),
                    remedy="merge labels: each label must be a class",
                )
            found.append(read)
        sentences.append(sentence)
        spans[sentence.id] = tuple(found)
    if pairs is None:
        raise DataFileError("has no target", where=str(path), remedy=_FORMAT)
    if not labels:
        raise DataFileError("no target has a label", where=str(path), remedy=_FORMAT)
    return SpanFile(tuple(sentences), spans, pairs)


def _sentence(record: Mapping[str, Any], id: str, where: str) -> Sentence:
    text = record.get("text")
    if not isinstance(text, str):
        said = "no text" if "text" not in record else f"text is {shown(text)}"
        raise DataFileError(said, where=where, remedy=_FORMAT)
    if not text.split():
        raise DataFileError("the text is empty", where=where, remedy="remove the line")
    info = record.get("info")
    document = info.get("document_id") if isinstance(info, dict) else None
    sentence = plain_sentence(id, text)
    return replace(sentence, document=document) if isinstance(document, str) else sentence


def _list(record: Mapping[str, Any], name: str, where: str) -> list[Any]:
    found = record.get(name)
    if not isinstance(found, list):
        said = f"no {name}" if name not in record else f"{name} is {shown(found)}, not a list"
        raise DataFileError(said, where=where, remedy=_FORMAT)
    return found


def _target(target: Any, width: int, where: str) -> LabelledSpan:
    if not isinstance(target, dict):
        raise DataFileError(f"is {shown(target)}, not an object", where=where, remedy=_FORMAT)
    second = None if target.get("span2") is None else _span(target, "span2", width, where)
    return LabelledSpan(_span(target, "span1", width, where), second, _labels(target, where))


def _span(target: Mapping[str, Any], name: str, width: int, where: str) -> Span:
    """One span of a target.

    Raises:
        DataFileError: unless it is a pair of integers that contains at least one word of the text.
    """
    found = target.get(name)
    if not isinstance(found, list) or len(found) != 2 or any(type(one) is not int for one in found):
        said = f"{name} is {shown(found)}, not two integers"
        if name not in target:
            said = f"no {name}"
        raise DataFileError(said, where=where, remedy=_FORMAT)
    start, end = found
    if not 0 <= start < end <= width:
        raise DataFileError(
            f"{name} {shown(found)} is not a span of a text of {width} words",
            where=where,
            remedy="count whitespace-separated words from 0; the second number is exclusive",
        )
    return start, end


def _labels(target: Mapping[str, Any], where: str) -> tuple[str, ...]:
    given = target.get("label")
    labels = [given] if isinstance(given, str) else given
    if not isinstance(labels, list) or any(not isinstance(one, str) for one in labels):
        said = "no label"
        if "label" in target:
            said = f"label is {shown(given)}, not a text or a list of texts"
        raise DataFileError(said, where=where, remedy=_FORMAT)
    for label in labels:
        if not label.strip() or len(label) > LONGEST_LABEL:
            problem = f"has more than {LONGEST_LABEL} characters" if label.strip() else "is empty"
            raise DataFileError(
                f"label {shown(label)} {problem}",
                where=where,
                remedy="shorten the label, or give a non-empty one",
            )
    return tuple(dict.fromkeys(labels))
