"""Corpora: a text file with one sentence per line, a treebank, or the supplied sentences."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataFileError
from ..files.text_file import read_numbered_lines
from .conllu_reader import read_conllu
from .sentence import Sentence, plain_sentence

NATURAL = "natural"
"""Name of the hand-written sentences that the package contains."""


def read_lines(path: Path | str) -> list[Sentence]:
    """Read one sentence per line and skip blank lines; ids are line numbers.

    Raises:
        DataFileError: if the file is missing, empty or not UTF-8.
    """
    return [plain_sentence(str(number), line.strip()) for number, line in read_numbered_lines(path)]


def read_corpus(path: Path | str, *, surface: bool = False) -> list[Sentence]:
    """Read a corpus: the name `natural`, a `.txt` file, or a `.conllu` (`.conll`) treebank.

    Files may be gzipped (`.conllu.gz`). For a file named `natural`, write `./natural`.

    Args:
        path: the corpus.
        surface: read the surface tokens of a treebank instead of its syntactic words.

    Raises:
        DataFileError: if the file is missing, empty, malformed or of another kind, or is not a
            treebank although surface tokens are requested.
    """
    kind = _kind(path)
    if surface and kind != ".conllu":
        raise DataFileError(
            "only a treebank has surface tokens",
            where=str(path),
            remedy="name a .conllu file, or leave out `tokens` surface",
        )
    if str(path) == NATURAL:
        from .natural import natural_sentences

        return natural_sentences()
    if kind == ".conllu":
        return read_conllu(path, surface=surface)
    if kind == ".txt":
        return read_lines(path)
    raise DataFileError(
        f"{kind} is not a supported corpus format" if kind else "the name has no suffix",
        where=str(path),
        remedy=f"use .conllu, .txt with one sentence per line, or the name {NATURAL}",
    )


def _kind(path: Path | str) -> str:
    """The suffix that determines the kind of a corpus, without `.gz`."""
    path = Path(path)
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return ".conllu" if kind == ".conll" else kind
