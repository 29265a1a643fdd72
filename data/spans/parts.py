"""The parts of labelled spans: from one file per part, or from one file that is split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import DataFileError
from ..sentences.parted import part_by_hash
from ..sentences.sentence import Sentence
from .labelled import Spans
from .span_file import SpanFile, read_span_file

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class SpanParts:
    """Sentences for training, early stopping and scoring, with their spans.

    Attributes:
        name: name of the task: the name of the file (of the test file if there are several) without
            suffixes.
        source: name of that file.
        how: `given`, `by document` or `by sentence`.
        parts: `train`, `dev`, `test` -> sentences.
        spans: sentence id -> its spans.
        pairs: whether each target has two spans.
    """

    name: str
    source: str
    how: str
    parts: Mapping[str, tuple[Sentence, ...]]
    spans: Mapping[str, Spans]
    pairs: bool


def read_span_parts(paths: Mapping[str, Path | str]) -> SpanParts:
    """Read labelled spans.

    Args:
        paths: the files of `train`, `dev` and `test`, or one file for all under the name ``.

    Raises:
        DataFileError: as in `read_span_file`, and if one file has pairs and another single spans.
        InputError: if a single file has too few sentences to be split.
    """
    if set(paths) == {""}:
        whole = read_span_file(paths[""])
        cut, how = part_by_hash(whole.sentences)
        by_part = dict(zip(PARTS, map(tuple, cut), strict=True))
        return _named(paths[""], how, by_part, whole.spans, whole.pairs)
    files = {part: read_span_file(paths[part]) for part in PARTS}
    _check_alike(files, paths)
    # two files may have the same name
    parts: dict[str, tuple[Sentence, ...]] = {}
    spans: dict[str, Spans] = {}
    for part, file in files.items():
        ids = {one.id: f"{part}/{one.id}" for one in file.sentences}
        parts[part] = tuple(replace(one, id=ids[one.id]) for one in file.sentences)
        spans |= {ids[id]: found for id, found in file.spans.items()}
    return _named(paths["test"], "given", parts, spans, files["test"].pairs)


def _check_alike(files: Mapping[str, SpanFile], paths: Mapping[str, Path | str]) -> None:
    first = files[PARTS[0]]
    for part, file in files.items():
        if file.pairs != first.pairs:
            raise DataFileError(
                f"has {_kind(file)}, but {paths[PARTS[0]]} has {_kind(first)}",
                where=str(paths[part]),
                remedy="name files of one task",
            )


def _kind(file: SpanFile) -> str:
    return "pairs of spans" if file.pairs else "single spans"


def _named(
    path: Path | str,
    how: str,
    parts: Mapping[str, tuple[Sentence, ...]],
    spans: Mapping[str, Spans],
    pairs: bool,
) -> SpanParts:
    source = Path(path).name
    return SpanParts(source.partition(".")[0] or source, source, how, parts, spans, pairs)
