"""Read data sets in the format of Holmes: `SET/config-none.yaml` and `SET/samples.csv`.

The configuration gives `probe_task_type` (`data_set.Kind`), `num_labels` and `probe_name`. The
table has the columns `id`, `inputs`, `context`, `label` and `set-0` (`train`, `dev`, `test`).
Inputs and contexts are written as Python lists. Inputs are sentences or tuples `(text, context,
start, end)` in characters, followed by the number of the span if there are several.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from ..errors import DataFileError
from ..files.reading import reading, shown
from ..files.row_files import read_csv
from ..files.text_file import read_text
from .data_set import PARTS, DataSet, Kind, Reading, Sample, Stretch

SAMPLES, CONFIG = "samples.csv", "config-none.yaml"
"""File names of a data set; other configurations belong to control tasks."""
MOST_CLASSES = 10_000
_TRUTH = {"False": "0", "True": "1"}
_COLUMNS = ("id", "inputs", "context", "label", "set-0")


def data_set_folders(folder: Path | str) -> list[Path]:
    """The subfolders that contain data sets, by name.

    Raises:
        DataFileError: if there is none.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataFileError("no such folder", where=str(folder), remedy="check the path")
    found = sorted(path.parent for path in root.glob(f"*/{SAMPLES}"))
    if not found:
        raise DataFileError(
            "contains no data set of Holmes",
            where=str(folder),
            remedy=f"name the folder whose subfolders contain {CONFIG} and {SAMPLES}",
        )
    return found


def read_data_set(folder: Path) -> DataSet:
    """Read one data set.

    Words outside their text are treated as truncated words.

    Raises:
        DataFileError: if a file is missing or has another format, a label is not a class, or a part
            has no samples; the message names the file and the line.
    """
    name, kind, classes = _config(folder / CONFIG)
    path = folder / SAMPLES
    rows = read_csv(path, _COLUMNS)
    numbered = [str(cells[0]) for cells in rows.cells]
    numbers = all(_is_whole(one) for one in numbered)
    parts: dict[str, list[tuple[tuple[int, str], Sample]]] = {part: [] for part in PARTS}
    widths: set[int] = set()
    repeated = len(set(numbered)) < len(numbered)
    for place, (id, inputs, context, label, part) in zip(rows.places, rows.cells, strict=True):
        where = f"{path}, {place}"
        if part not in parts:
            raise DataFileError(f"set-0 is {part!r}, not train, dev or test", where=where)
        texts, readings = _read(kind, inputs, context, where)
        widths.add(len(readings))
        if len(widths) > 1:
            raise DataFileError("the number of inputs differs from previous lines", where=where)
        order = (int(id), "") if numbers else (0, id)
        named = f"{id} ({place})" if repeated else id
        parts[part].append((order, Sample(named, texts, readings, _label(label, classes, where))))
    for part, samples in parts.items():
        if not samples:
            raise DataFileError(f"has no samples of the part {part}", where=str(path))
    ordered = {
        part: tuple(sample for _, sample in sorted(samples, key=lambda one: one[0]))
        for part, samples in parts.items()
    }
    return DataSet(name, kind, classes, ordered)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _config(path: Path) -> tuple[str, Kind, int]:
    text = read_text(path)
    with reading(path, problem="is not YAML"):
        found = yaml.safe_load(text)
    where = str(path)
    if not isinstance(found, dict):
        raise DataFileError("is not a mapping of settings", where=where)
    kind = str(found.get("probe_task_type"))
    if kind not in get_args(Kind):
        raise DataFileError(
            f"unknown probe_task_type {shown(found.get('probe_task_type'))}",
            where=where,
            remedy=f"one of {', '.join(get_args(Kind))}",
        )
    classes = found.get("num_labels", 2)
    if not isinstance(classes, int) or not 1 <= classes <= MOST_CLASSES:
        raise DataFileError(
            f"num_labels is {shown(classes)}, not an integer from 1 to {MOST_CLASSES}", where=where
        )
    name = found.get("probe_name") or path.parent.name
    if not isinstance(name, str) or len(name) > 200 or not name.isprintable():
        raise DataFileError(
            f"probe_name {shown(name)} is not a printable name of at most 200 characters",
            where=where,
        )
    for start in ("flash-holmes-", "holmes-"):
        name = name.removeprefix(start)
    return name, cast(Kind, kind), classes


def _label(text: str, classes: int, where: str) -> float:
    try:
        label = float(_TRUTH.get(text, text))
    except ValueError:
        label = math.nan
    if not math.isfinite(label):
        raise DataFileError(f"the label {shown(text)} is not a number", where=where)
    if classes > 1 and not (label.is_integer() and 0 <= label < classes):
        raise DataFileError(
            f"the label {shown(text)} is not a class from 0 to {classes - 1}", where=where
        )
    return label


def _literal(text: str, name: str, where: str) -> list[Any]:
    """Parse a Python list literal without evaluating code."""
    with reading(where, problem=f"{name} cannot be read", remedy="write them as a Python list"):
        found = ast.literal_eval(text)
    if not isinstance(found, list | tuple) or not found:
        raise DataFileError(f"{name}: {shown(text)} is not a list", where=where)
    return list(found)


def _read(
    kind: Kind, inputs: str, context: str, where: str
) -> tuple[tuple[str, ...], tuple[Reading, ...]]:
    """The texts of a sample, and its readings."""
    given = _literal(inputs, "inputs", where)
    if "TOKENS" not in kind and "SPANS" not in kind:
        texts = _texts(given, "inputs", where)
        whole = range(1) if kind.endswith("CROSS") else range(len(texts))
        if len(texts) != (1 if kind == "SENTENCE" else 2):
            raise DataFileError(f"wrong number of inputs for {kind}: {len(texts)}", where=where)
        return texts, tuple((Stretch(text),) for text in whole)
    texts = _texts(_literal(context, "context", where), "context", where)
    stretches: dict[int, list[Stretch]] = {}
    for number, one in enumerate(given):
        spans = kind == "SENTENCE_SPANS"
        if not isinstance(one, list | tuple) or len(one) != (5 if spans else 4):
            raise DataFileError(f"the input {shown(one)} does not fit {kind}", where=where)
        text, start, end, *group = one[1:]
        numbers = (text, start, end, *group)
        if not all(type(value) is int and value >= 0 for value in numbers):
            raise DataFileError(f"the input {shown(one)} has invalid positions", where=where)
        if text >= len(texts):
            raise DataFileError(f"the input {shown(one)} refers to no context", where=where)
        stretches.setdefault(group[0] if group else number, []).append(Stretch(text, start, end))
    return texts, tuple(tuple(stretches[key]) for key in sorted(stretches))


def _texts(given: list[Any], name: str, where: str) -> tuple[str, ...]:
    if not all(isinstance(one, str) for one in given):
        raise DataFileError(f"{name} are not texts", where=where)
    return tuple(given)


def digest_paths(folder: Path | str) -> Mapping[str, Path]:
    """Name -> file for every file of the data sets that is read.

    Raises:
        DataFileError: as in `data_set_folders`, and if a data set has no configuration.
    """
    found = {
        f"{path.name}/{file}": path / file
        for path in data_set_folders(folder)
        for file in (CONFIG, SAMPLES)
    }
    for path in found.values():
        if not path.is_file():
            raise DataFileError("no such file", where=str(path), remedy="check the folder")
    return found
