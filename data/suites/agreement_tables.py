"""Tab-separated tables of agreement pairs, as published for three studies.

- Marvin and Linzen (2018, EMNLP): template, grammatical and ungrammatical sentence; for negative
  polarity items a third sentence, with an intrusive licensor.
- Gulordava et al. (2018, NAACL): `generated.tab`, one row for each form of a verb.
- Goldberg (2019): number of attractors, original sentence, sentence with `***mask***`, right and
  wrong form, for the sentences of Linzen et al. (2016, TACL).
"""

from __future__ import annotations

from pathlib import Path

from ..errors import DataFileError
from ..files.row_files import read_csv
from ..files.text_file import read_numbered_lines
from .pair import Pair, Suite, checked_suite

MASKED = "***mask***"
AGREEMENT = "agreement"
IS_ARE = "is/are"
"""Why pairs of `generated.tab` are left out, as in Goldberg (2019)."""
GULORDAVA = "Gulordava et al."
"""The collection of `generated.tab`."""
_END = "<eos>"
_COLUMNS = (
    "pattern", "constr_id", "sent_id", "form", "class", "type", "n_attr", "len_prefix", "sent",
)  # fmt: skip


def read_marvin_linzen(path: Path) -> Suite:
    """Read `template`, good and bad sentence; a full stop is added, as in Goldberg (2019).

    A third sentence makes a second pair, of the paradigm `NAME_intrusive`. The paradigm is the
    name of the file, its template the `term`.

    Raises:
        DataFileError: naming the line that does not consist of three or four columns.
    """
    pairs = []
    paradigm = path.name.split(".")[0]
    for number, line in read_numbered_lines(path)[1:]:
        template, *sentences = line.rstrip("\t").split("\t")
        if len(sentences) not in (2, 3):
            raise DataFileError(
                f"line {number} has {len(sentences) + 1} columns instead of 3 or 4",
                where=str(path),
                remedy="write the template and two or three sentences, separated by tabs",
            )
        good, *bad = map(_stopped, sentences)
        for name, text in zip((paradigm, f"{paradigm}_intrusive"), bad, strict=False):
            pairs.append(
                Pair(
                    f"{name}/{number}", good, text, name, _field(paradigm), template,
                    group=f"{paradigm}/{number}" if len(bad) > 1 else "",
                    source=path.name, place=f"line {number}",
                )
            )  # fmt: skip
    return checked_suite(path, pairs, collection="Marvin and Linzen")


def _stopped(text: str) -> str:
    text = text.strip()
    return text if not text or text[-1] in ".?!" else f"{text}."


def _field(paradigm: str) -> str:
    return next((name for name in ("npi", "reflexive") if name in paradigm), AGREEMENT)


def read_gulordava(path: Path, *, is_are: bool = False) -> Suite:
    """Read `generated.tab`: the verb at `len_prefix` is replaced by the right and the wrong form.

    The variants of a construction are one group.

    Args:
        path: the file.
        is_are: read pairs of is and are as well, which are otherwise left out and counted.

    Raises:
        DataFileError: naming the first of two rows that are not the forms of one sentence.
    """
    rows = read_csv(path, _COLUMNS, delimiter="\t")
    records = [dict(zip(_COLUMNS, cells, strict=True)) for cells in rows.cells]
    pairs, n_skipped = [], 0
    for at in range(0, len(records), 2):
        place, both = rows.places[at], records[at : at + 2]
        same = {tuple(one[name] for name in _COLUMNS if name not in ("form", "class"))
                for one in both}  # fmt: skip
        if len(same) > 1 or [one["class"] for one in both] != ["correct", "wrong"]:
            raise DataFileError(
                f"{place} and the next are not the correct and the wrong form of one sentence",
                where=str(path),
            )
        right, wrong = both
        if right["form"] in IS_ARE.split("/") and not is_are:
            n_skipped += 1
            continue
        words = right["sent"].split()
        words = words[:-1] if words[-1:] == [_END] else words
        target = _number(right["len_prefix"], "len_prefix", path, place)
        if target >= len(words):
            raise DataFileError(
                f"{place} has len_prefix {target} but {len(words)} words", where=str(path)
            )
        construction = f"{right['pattern']}/{right['constr_id']}"
        pairs.append(
            Pair(
                f"{construction}/{right['sent_id']}",
                _with_form(words, target, right["form"]), _with_form(words, target, wrong["form"]),
                path.name.split(".")[0], AGREEMENT, right["type"],
                _number(right["n_attr"], "n_attr", path, place), construction, path.name, place,
            )
        )  # fmt: skip
    return checked_suite(path, pairs, {IS_ARE: n_skipped}, collection=GULORDAVA)


def _with_form(words: list[str], target: int, form: str) -> str:
    return " ".join([*words[:target], form, *words[target + 1 :]])


def _number(text: str, column: str, path: Path, place: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise DataFileError(f"{place}: {column} {text!r} is not an integer >= 0", where=str(path))
    return int(text)


def read_masked(path: Path) -> Suite:
    """Read attractors, original, sentence with `***mask***`, right and wrong form; no header.

    Raises:
        DataFileError: naming the line that does not consist of these columns.
    """
    pairs = []
    paradigm = path.name.split(".")[0]
    for number, line in read_numbered_lines(path):
        cells = line.split("\t")
        if len(cells) != 5 or cells[2].count(MASKED) != 1:
            raise DataFileError(
                f"line {number} is not: attractors, sentence, sentence with {MASKED}, right form, "
                "wrong form",
                where=str(path),
                remedy="separate five columns by tabs",
            )
        place = f"line {number}"
        attractors = _number(cells[0], "number of attractors", path, place)
        good, bad = (cells[2].replace(MASKED, form) for form in cells[3:])
        pairs.append(
            Pair(
                f"{paradigm}/{number}", good, bad, paradigm, AGREEMENT, "", attractors,
                source=path.name, place=place,
            )
        )  # fmt: skip
    return checked_suite(path, pairs, collection="Linzen et al.")
