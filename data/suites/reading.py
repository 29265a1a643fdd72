"""Read files of minimal pairs; the format is recognised by suffix and header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DataFileError
from ..files.text_file import read_numbered_lines
from .agreement_tables import MASKED, read_gulordava, read_marvin_linzen, read_masked
from .blimp import read_blimp
from .own_pairs import REQUIRED, read_own_pairs
from .pair import Suite

SUFFIXES = (".jsonl", ".tsv", ".tab", ".csv")
"""Of the files of a folder that are read."""
_JSON, _TABBED, _PICKLED = (".jsonl", ".json"), (".tsv", ".tab", ".txt"), b"\x80"
_FORMATS = (
    "use JSON lines of BLiMP, a table of Marvin and Linzen, Gulordava et al. or Goldberg (.tsv, "
    ".tab), or a .csv file with the columns good and bad"
)


def suite_files(named: Sequence[str]) -> list[Path]:
    """The files that are named, and those of named folders; each once.

    Raises:
        DataFileError: if there is no such file, a folder has no file of pairs, or two files have
            the same name.
    """
    found: list[Path] = []
    for name in named:
        path = Path(name)
        if path.is_dir():
            inside = sorted(one for one in path.iterdir() if _suffix(one) in SUFFIXES)
            if not inside:
                raise DataFileError("contains no files of pairs", where=name, remedy=_FORMATS)
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise DataFileError("no such file", where=name, remedy="check the path")
    names: dict[str, Path] = {}
    for path in found:
        if path.name in names:
            raise DataFileError(
                f"has the same name as {names[path.name]}", where=str(path), remedy="rename it"
            )
        names[path.name] = path
    return found


def read_suite(path: Path | str, *, is_are: bool = False) -> Suite:
    """Read one file of minimal pairs.

    Args:
        path: the file.
        is_are: see `read_gulordava`.

    Raises:
        DataFileError: if the file is a pickle or has another format, or naming the line at fault.
    """
    path = Path(path)
    _refuse_pickle(path)
    suffix = _suffix(path)
    if suffix in _JSON:
        return read_blimp(path)
    if suffix == ".csv":
        return read_own_pairs(path)
    if suffix not in _TABBED:
        raise DataFileError("has an unknown format", where=str(path), remedy=_FORMATS)
    header = read_numbered_lines(path)[0][1].split("\t")
    if header[0].strip() == "template":
        return read_marvin_linzen(path)
    if {"constr_id", "form", "class"} <= set(header):
        return read_gulordava(path, is_are=is_are)
    if set(REQUIRED) <= set(header):
        return read_own_pairs(path, "\t")
    if len(header) == 5 and MASKED in header[2]:
        return read_masked(path)
    raise DataFileError("line 1 is not the header of a known table", where=str(path),
                        remedy=_FORMATS)  # fmt: skip


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _refuse_pickle(path: Path) -> None:
    """Raise if a file is a pickle.

    Raises:
        DataFileError: naming the form that is read instead.
    """
    if not path.is_file():
        return
    with path.open("rb") as stream:
        pickled = stream.read(1) == _PICKLED
    if pickled or path.suffix.lower() in (".pickle", ".pkl"):
        raise DataFileError(
            "is a pickle, which can run code and is not loaded",
            where=str(path),
            remedy="convert it to tab-separated lines: template, grammatical and ungrammatical "
            "sentence, with template in the first cell of a header",
        )
