"""Texts without annotation, from one file or from a folder with a file for each split."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataFileError
from ..files.text_file import read_numbered_lines
from .conllu_reader import read_conllu
from .parted import part_by_hash
from .sentence import Sentence, plain_sentence

SPLITS = {"train": ("train",), "validation": ("validation", "dev", "val"), "test": ("test",)}
"""Split -> how the names of its file end, without suffixes."""

_TREEBANKS = (".conllu", ".conll")


def read_texts(path: Path | str) -> list[Sentence]:
    """The texts of a file: one a line, or the sentences of a CoNLL-U file as they were written.

    Files may be gzipped. A file that does not end in `.conllu` or `.conll` is read as lines; blank
    lines are left out.

    Args:
        path: the file.

    Raises:
        DataFileError: if the file is missing, empty, not UTF-8, or no valid CoNLL-U.
    """
    path = Path(path)
    if _bare(path)[1] in _TREEBANKS:
        found = read_conllu(path)
        return [_plain(one.id, one.raw_text(), one.document) for one in found if one.raw_text()]
    return [plain_sentence(str(number), line.strip()) for number, line in read_numbered_lines(path)]


def read_split_texts(path: Path | str) -> tuple[dict[str, list[Sentence]], dict[str, Path]]:
    """The texts of each split.

    A folder needs files whose names without suffixes are, or end in, `train` and `validation`
    (`dev`, `val`); `test` may be there. A single file is cut into 80% train, 10% validation and 10%
    test: by its documents where it names enough of them, else by its texts (`part_by_hash`).

    Args:
        path: a file or a folder.

    Returns:
        The texts of each split, and the file that each split was read from.

    Raises:
        DataFileError: if a file is missing, ambiguous or cannot be read, or a single file has too
            few different texts.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        texts = read_texts(path)
        different = len({one.words for one in texts})
        if different < len(SPLITS):
            raise DataFileError(
                f"{different} different texts cannot be split into train, validation and test",
                where=str(path),
                remedy="name a file with more texts, or a folder with a file for each split",
            )
        parts, _ = part_by_hash(texts)
        return dict(zip(SPLITS, parts, strict=True)), dict.fromkeys(SPLITS, path)
    files = {split: file for split in SPLITS if (file := _file(path, split)) is not None}
    for split in ("train", "validation"):
        if split not in files:
            there = ", ".join(sorted(file.name for file in path.iterdir())[:8]) or "nothing"
            raise DataFileError(
                f"no text file for the split {split!r}",
                where=str(path),
                remedy=f"name it {split}.txt, or give one file; found: {there}",
            )
    return {split: read_texts(file) for split, file in files.items()}, files


def _file(folder: Path, split: str) -> Path | None:
    found = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".") and _is_of(path, split)
    ]
    if len(found) > 1:
        raise DataFileError(
            f"several files for the split {split!r}: {', '.join(path.name for path in found)}",
            where=str(folder),
            remedy="keep one of them in the folder",
        )
    return found[0] if found else None


def _is_of(path: Path, split: str) -> bool:
    stem = _bare(path)[0].lower()
    return any(stem == name or stem.endswith((f"-{name}", f"_{name}")) for name in SPLITS[split])


def _bare(path: Path) -> tuple[str, str]:
    """Name and suffix of a file, without that of a zipped one."""
    inner = Path(path.stem) if path.suffix == ".gz" else path
    return inner.stem, inner.suffix.lower()


def _plain(id: str, text: str, document: str) -> Sentence:
    return Sentence(id=id, words=tuple(text.split()), text=text, document=document)
