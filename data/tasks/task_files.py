"""Find and read the files of a task's splits in a local folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import DataFileError
from ..files.row_files import READERS, Rows, read_rows_of, read_tsv
from .glue import TSV, glue_splits
from .own_tsv import check_quotes, read_own_tsv
from .task import TaskSpec

STEMS: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "validation": ("validation", "dev", "val"),
    "validation_matched": ("validation_matched", "dev_matched"),
    "validation_mismatched": ("validation_mismatched", "dev_mismatched"),
    "test": ("test",),
}
"""Split -> possible file names without suffix."""


def plain_name(name: str) -> str:
    """Lower-case letters and digits of a name, so that `SST-2` and `sst2` are the same task."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def task_folder(data_dir: Path | str, name: str) -> Path:
    """The folder with a task's files: a subfolder of `data_dir` of its name, or that itself.

    Raises:
        DataFileError: if `data_dir` is not a folder.
    """
    folder = Path(data_dir).expanduser()
    if not folder.is_dir():
        raise DataFileError("no such folder", where=str(folder), remedy="check `data_dir`")
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    named = [path for path in inside if plain_name(path.name) == name]
    return named[0] if named else folder


def find_split(folder: Path, split: str) -> list[Path]:
    """The file of a split, or its Parquet shards; empty if there are none.

    Raises:
        DataFileError: if several files match.
    """
    stems = STEMS[split]
    found = [folder / f"{stem}{suffix}" for stem in stems for suffix in READERS]
    found = [path for path in found if path.is_file()]
    shards = [path for stem in stems for path in sorted(folder.glob(f"{stem}-*-of-*.parquet"))]
    if len(found) > 1 or (found and shards):
        names = ", ".join(path.name for path in (*found, *shards[:1]))
        raise DataFileError(
            f"several files for the split {split!r}: {names}",
            where=str(folder),
            remedy="keep one of them in the folder",
        )
    return found or shards


def require_split(folder: Path, split: str) -> list[Path]:
    """The files of a required split.

    Raises:
        DataFileError: if there are none; the message names the folder, the split and possible file
            names.
    """
    found = find_split(folder, split)
    if found:
        return found
    stems, suffixes = "|".join(STEMS[split]), "|".join(suffix[1:] for suffix in READERS)
    present = sorted(path.name for path in folder.iterdir())[:8]
    raise DataFileError(
        f"no file for the split {split!r}",
        where=str(folder),
        remedy=f"`data_dir` needs ({stems}).({suffixes}); found: {', '.join(present) or 'nothing'}",
    )


def read_glue_folder(
    spec: TaskSpec, folder: Path, more: Sequence[str] = ()
) -> dict[str, list[Rows]]:
    """The labelled splits of a GLUE task, each as the rows of its files.

    Tab-separated files have the columns of the original release or, if these are missing, those of
    the hub. JSON lines, Parquet and CSV have the columns of the hub. Quotes in tab-separated files
    are text.

    Args:
        spec: the task.
        folder: folder that contains the files.
        more: additional columns, read before those of the task.

    Raises:
        DataFileError: naming the file, and the row or column at fault.
    """
    return {
        split: [_read_glue(spec, path, tuple(more)) for path in require_split(folder, split)]
        for split in glue_splits(spec)
    }


def _read_glue(spec: TaskSpec, path: Path, more: tuple[str, ...]) -> Rows:
    if path.suffix != ".tsv":
        return read_rows_of(path, (*more, *spec.columns))
    form = TSV[spec.name]
    columns = (*more, *form.columns)
    try:
        return read_tsv(path, columns, header=form.header, skip_short=form.skip_short)
    except DataFileError as original:
        if form.columns == spec.columns:
            raise
        try:
            return read_tsv(path, (*more, *spec.columns))
        except DataFileError:
            raise original from None


def read_custom_folder(
    folder: Path, columns: Sequence[str], *, quotes: str = "auto"
) -> dict[str, list[Rows]]:
    """The splits train, validation and, if present, test of the user's files.

    Args:
        folder: folder that contains them.
        columns: names of the columns to return.
        quotes: for tab-separated files (see `read_own_tsv`).

    Raises:
        DataFileError: naming the file, and the row or column at fault.
    """
    check_quotes(quotes)
    splits = {split: require_split(folder, split) for split in ("train", "validation")}
    test = find_split(folder, "test")
    if test:
        splits["test"] = test

    def read(path: Path) -> Rows:
        if path.suffix == ".tsv":
            return read_own_tsv(path, columns, quotes=quotes)
        return read_rows_of(path, columns)

    return {split: [read(path) for path in paths] for split, paths in splits.items()}
