"""Read GLUE from the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataFileError
from ..files.row_files import Rows
from .glue import glue_splits
from .task import TaskSpec


def hub_splits(spec: TaskSpec, more: Sequence[str] = ()) -> dict[str, list[Rows]]:
    """The labelled splits of a data set on the hub, read through `datasets`.

    Args:
        spec: the task.
        more: additional columns, read before those of the task.

    Raises:
        DataFileError: if the data set cannot be read.
    """
    from datasets import load_dataset

    path, configuration = spec.hub or ("", "")
    place = f"hub data set {path} ({configuration})"
    splits: dict[str, list[Rows]] = {}
    try:
        found = load_dataset(path, configuration)
        for split in glue_splits(spec):
            table = found[split]
            cells = tuple(zip(*(table[column] for column in (*more, *spec.columns)), strict=True))
            names = tuple(f"row {number}" for number in range(1, len(cells) + 1))
            splits[split] = [Rows(Path(f"{place}, {split}"), names, cells)]
    # No network, an unknown data set or a changed layout: the libraries raise various types.
    except Exception as error:
        problem = str(error).split("\n", 1)[0] or type(error).__name__
        raise DataFileError(
            f"cannot be read: {problem}",
            where=place,
            remedy="name a folder with the files of the task with `data_dir`",
        ) from error
    return splits
