"""The cloze tests of Ettinger (2020, TACL): CPRAG-102, ROLE-88, and NEG-136 (SIMP and NAT).

Files are tab-separated as in `aetting/lm-diagnostics`; the header says which test a file is.
Contexts end before the word that is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

from ..errors import DataFileError
from ..files.reading import shown
from ..files.row_files import read_tsv
from ..files.text_file import read_numbered_lines

Constraint = Literal["high", "low"]
Order = Literal["a", "b"]
Row: TypeAlias = tuple[str, Mapping[str, str]]
"""File and line, and the cells by column."""

_CONSTRAINTS: Mapping[str, Constraint] = {"H": "high", "L": "low"}
_LICENSED = {"Y": True, "N": False}
_ARTICLE = re.compile(r" \([^()]+\)$")
"""What stands for the article of the word, such as ` (a|an)`."""


@dataclass(frozen=True, slots=True)
class PragmaticItem:
    """Two sentences whose last word follows from commonsense knowledge.

    Attributes:
        id: as in the file.
        first: the first sentence.
        second: the second sentence without its last word.
        expected: the expected last word.
        within_category: an inappropriate word of the same category.
        between_category: an inappropriate word of a related category.
        constraint: whether the cloze probability of the expected word is in the upper or the lower
            half of the items.
    """

    id: str
    first: str
    second: str
    expected: str
    within_category: str
    between_category: str
    constraint: Constraint

    @property
    def completions(self) -> tuple[str, str, str]:
        """The expected word and the two inappropriate ones."""
        return self.expected, self.within_category, self.between_category


@dataclass(frozen=True, slots=True)
class RoleSentence:
    """One of two sentences that differ in who does what to whom, without its last word.

    Attributes:
        id: number of the pair.
        order: `a`, the order of roles that the target fits, or `b`, its reversal.
        context: the sentence without its last word.
        expected: the words that people gave most often; several if they tie.
        expected_cloze: the cloze probability of each of them.
        target: the verb whose probability is compared between the two orders.
        target_cloze: its cloze probability.
        strict_cloze: the same without passives such as "been served by".
    """

    id: str
    order: Order
    context: str
    expected: tuple[str, ...]
    expected_cloze: float
    target: str
    target_cloze: float
    strict_cloze: float


@dataclass(frozen=True, slots=True)
class NegationItem:
    """A statement with and without negation, without its last word.

    Attributes:
        id: as in the file.
        affirmative: the affirmative context.
        negative: the negative context.
        true_affirmative: the word that makes the affirmative statement true and the negative false.
        true_negative: the word that makes the negative statement true and the affirmative false.
        needs_article: whether the indefinite article of the word belongs between both.
        licensed: whether negation sounds natural here; None if the file does not say.
    """

    id: str
    affirmative: str
    negative: str
    true_affirmative: str
    true_negative: str
    needs_article: bool
    licensed: bool | None


@dataclass(frozen=True)
class PragmaticTest:
    """A file of CPRAG: its name without suffix, and its items."""

    name: str
    items: tuple[PragmaticItem, ...]


@dataclass(frozen=True)
class RoleTest:
    """A file of ROLE: its name without suffix, and its pairs, order `a` first."""

    name: str
    pairs: tuple[tuple[RoleSentence, RoleSentence], ...]


@dataclass(frozen=True)
class NegationTest:
    """A file of NEG: its name without suffix, and its items."""

    name: str
    items: tuple[NegationItem, ...]


ClozeTest: TypeAlias = PragmaticTest | RoleTest | NegationTest

PRAGMATIC_COLUMNS = (
    "item", "context_s1", "context_s2", "expected", "within_category", "between_category",
    "constraint",
)  # fmt: skip
ROLE_COLUMNS = (
    "item", "context", "expected", "exp_cloze", "target", "tgt_cloze", "tgt_cloze(strict)",
)  # fmt: skip
NEGATION_COLUMNS = ("item", "context_aff", "context_neg", "target_aff", "target_neg")
LICENSING = "licensing"
"""The further column of NEG-136-NAT."""


def read_cloze_test(path: Path | str) -> ClozeTest:
    """Read a file of CPRAG, ROLE or NEG, which its header tells apart.

    Raises:
        DataFileError: naming the file and the line: if the file is missing or has another format,
            a cell is empty or invalid, an item comes twice, or one of two orders is missing.
    """
    path = Path(path)
    names = read_numbered_lines(path)[0][1].split("\t")
    name = path.name.removesuffix(".gz").removesuffix(".tsv")
    if set(PRAGMATIC_COLUMNS) <= set(names):
        rows = _rows(path, PRAGMATIC_COLUMNS)
        return PragmaticTest(name, tuple(map(_pragmatic, _once(rows))))
    if set(ROLE_COLUMNS) <= set(names):
        return RoleTest(name, _pairs(_once(_rows(path, ROLE_COLUMNS))))
    if set(NEGATION_COLUMNS) <= set(names):
        further = (LICENSING,) if LICENSING in names else ()
        rows = _rows(path, (*NEGATION_COLUMNS, *further))
        return NegationTest(name, tuple(map(_negation, _once(rows))))
    raise DataFileError(
        f"line 1 is not the header of a cloze test: {shown(' '.join(names))}",
        where=str(path),
        remedy="name a file of CPRAG-102, ROLE-88 or NEG-136 as published",
    )


def _rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The cells of each line, none of them empty, runs of white space as one space."""
    found: list[Row] = []
    rows = read_tsv(path, columns)
    for place, cells in zip(rows.places, rows.cells, strict=True):
        where = f"{path}, {place}"
        row = {name: " ".join(cell.split()) for name, cell in zip(columns, cells, strict=True)}
        for name, cell in row.items():
            if not cell:
                raise DataFileError(f"{name} is empty", where=where)
        found.append((where, row))
    return found


def _once(rows: Iterable[Row]) -> list[Row]:
    """The rows, whose items differ."""
    seen: dict[str, str] = {}
    found = []
    for where, row in rows:
        if row["item"] in seen:
            line = seen[row["item"]].rpartition(", ")[2]
            raise DataFileError(f"item {row['item']} is also on {line}", where=where)
        seen[row["item"]] = where
        found.append((where, row))
    return found


def _pragmatic(given: Row) -> PragmaticItem:
    where, row = given
    words = (row["expected"], row["within_category"], row["between_category"])
    if len(set(words)) < len(words):
        raise DataFileError("two completions are equal", where=where)
    if row["constraint"] not in _CONSTRAINTS:
        raise DataFileError(f"constraint is {shown(row['constraint'])}, not H or L", where=where)
    constraint = _CONSTRAINTS[row["constraint"]]
    return PragmaticItem(row["item"], row["context_s1"], row["context_s2"], *words, constraint)


def _negation(given: Row) -> NegationItem:
    where, row = given
    affirmative, negative = (_ARTICLE.sub("", row[name]) for name in ("context_aff", "context_neg"))
    needs = affirmative != row["context_aff"]
    if needs != (negative != row["context_neg"]):
        raise DataFileError("only one of the contexts ends with an article", where=where)
    if affirmative == negative:
        raise DataFileError("the two contexts are equal", where=where)
    if row["target_aff"] == row["target_neg"]:
        raise DataFileError("the two targets are equal", where=where)
    licensed = row.get(LICENSING)
    if licensed is not None and licensed not in _LICENSED:
        raise DataFileError(f"{LICENSING} is {shown(licensed)}, not Y or N", where=where)
    return NegationItem(
        row["item"], affirmative, negative, row["target_aff"], row["target_neg"], needs,
        None if licensed is None else _LICENSED[licensed],
    )  # fmt: skip


def _pairs(rows: Sequence[Row]) -> tuple[tuple[RoleSentence, RoleSentence], ...]:
    """The two orders of each pair, pairs in the order of the file."""
    found: dict[str, dict[str, RoleSentence]] = {}
    places: dict[str, str] = {}
    for where, row in rows:
        one = _role(where, row)
        found.setdefault(one.id, {})[one.order] = one
        places.setdefault(one.id, where)
    for id, orders in found.items():
        if len(orders) < 2:
            (there,) = orders
            other = "b" if there == "a" else "a"
            raise DataFileError(f"item {id}-{there} has no {id}-{other}", where=places[id])
        if orders["a"].context == orders["b"].context:
            raise DataFileError(f"{id}-a and {id}-b have equal contexts", where=places[id])
    return tuple((orders["a"], orders["b"]) for orders in found.values())


def _role(where: str, row: Mapping[str, str]) -> RoleSentence:
    id, dash, order = row["item"].rpartition("-")
    if not (id and dash and order in ("a", "b")):
        raise DataFileError(
            f"item {shown(row['item'])} is not a number with -a or -b", where=where
        )  # fmt: skip
    expected = tuple(word.strip() for word in row["expected"].split("|"))
    if not all(expected):
        raise DataFileError(f"expected {shown(row['expected'])} has an empty word", where=where)
    best, target, strict = (
        _probability(name, row[name], where) for name in ROLE_COLUMNS if "cloze" in name
    )
    return RoleSentence(
        id, cast(Order, order), row["context"], expected, best, row["target"], target, strict
    )


def _probability(name: str, text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise DataFileError(f"{name} is {shown(text)}, not a number from 0 to 1", where=where)
    return value
