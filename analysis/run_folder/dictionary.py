"""The data dictionary of a run: table, column, type, unit, meaning, allowed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from ...data.output.tables import ITEM_TYPES, ROW_TYPES
from ...probes.registry import list_probes
from .answer_columns import ANSWERS, HEADLINE
from .answered_columns import ANSWERED
from .columns import (
    CELLS,
    DICTIONARY,
    ITEMS,
    MANIFEST,
    MASKS,
    OF_TABLE,
    SUMMARIES,
    TIDY,
    TYPES,
    Column,
)
from .own_tables.curve_columns import CURVES
from .profile_columns import DIFFERENCES, LEADERBOARD, OF_MODEL, PROFILE
from .ready_columns import ATTACKED, HEADS, WORDS
from .spread_columns import OVER_MASKS, OVER_SEEDS
from .table_lines import line_of
from .written_columns import AGREEMENT, COMPARED, HYPOTHESES

IDENTITY = ("model", "task", "seed", "draw", "method", "kind", "state", "mask_id")
"""Columns of the tidy row that are joined onto every item."""

ITEM_COLUMNS = ("cell_id", *IDENTITY, *(name for name in ITEM_TYPES if name != "cell_id"))
MASK_COLUMNS = (
    "model", "task", "method", "kind", "seed", "seed_order", "draw", "selection", "importance",
    "mask_id", "unit", "layer", "head", "neuron", "kept", "file",
)  # fmt: skip
SEPARATOR = " | "
_OWN = {
    "cells": CELLS,
    "manifest": MANIFEST,
    "dictionary": DICTIONARY,
    "profile": PROFILE,
    "probe_differences": DIFFERENCES,
    "heads": HEADS,
    "words": WORDS,
    "adversarial_texts": ATTACKED,
    "attribution_examples": {
        name: WORDS[name]
        for name in ("sentence", "position", "word", "attribution", "prediction", "gold")
    },
}
_OWN |= dict.fromkeys(
    ("comparisons", "tests", "seed_points", "over_seeds", "mixed_model", "comparison_notes"),
    COMPARED,
)
_OWN |= {"attribution_agreement": AGREEMENT, **ANSWERED, "calibration_differences": COMPARED}
_OWN |= OVER_SEEDS | OVER_MASKS
_OWN |= CURVES
_OWN |= dict.fromkeys(("hypotheses", "hypothesis_units", "hypothesis_scores"), HYPOTHESES)
_OWN |= {"summary_headline": HEADLINE, "answers": ANSWERS}
_ALL = {**SUMMARIES, **MASKS, **ITEMS, **TIDY}


def describe(table: str, column: str, dtype: object = None) -> Column:
    """What a column of a table means.

    Args:
        table: name of the table.
        column: name of the column.
        dtype: pandas type of its values, which decides for columns that nobody has described.
    """
    if table == "leaderboard":  # a model may be called like a column of another table
        return LEADERBOARD.get(column, OF_MODEL)
    own = _OWN.get(table, {})
    found = OF_TABLE.get((table, column)) or own.get(column) or _ALL.get(column)
    if found is None and table == "heads":
        found = _of_a_measure(column)
    return found or Column(_type_of(dtype), "")


def _of_a_measure(column: str) -> Column | None:
    """A column of `heads` that a probe of another package declares."""
    measures = (one for entry in list_probes() for one in entry.rows if one.column == column)
    return next((Column("number", f"{one.meaning}, mean over seeds") for one in measures), None)


def _type_of(dtype: object) -> str:
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(dtype) else "text"


def fixed_tables() -> dict[str, tuple[str, ...]]:
    """The tables whose columns are known without a run, in the order of the export."""
    return {
        "rows": tuple(ROW_TYPES),
        "items": ITEM_COLUMNS,
        "masks": MASK_COLUMNS,
        "cells": tuple(CELLS),
        "manifest": tuple(MANIFEST),
    }


def dictionary_frame(tables: Mapping[str, Iterable[tuple[str, object]]]) -> pd.DataFrame:
    """The dictionary: one line for each column of each table, its own columns last.

    Args:
        tables: name -> its columns with their pandas types.
    """
    every = {**tables, "dictionary": [(name, None) for name in DICTIONARY]}
    lines = [
        (table, name, described.type, described.unit, described.meaning,
         line_of(table), SEPARATOR.join(described.allowed))
        for table, columns in every.items()
        for name, dtype in columns
        for described in (describe(table, name, dtype),)
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=list(DICTIONARY)).astype("string")


def typed(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with the types of the dictionary; a text without characters is a missing value."""
    types = {name: TYPES[describe(table, name, frame[name].dtype).type] for name in frame}
    for name, kind in types.items():
        # the mean of a count over draws of different sizes is not whole
        real = kind == "Int64" and pd.api.types.is_float_dtype(frame[name].dtype)
        if real and (frame[name].dropna() % 1 != 0).any():
            types[name] = "Float64"
    found = frame.astype(types)
    for name, kind in types.items():
        blank = found[name].eq("").fillna(False) if kind == "string" else None
        if blank is not None and blank.any():
            found[name] = found[name].mask(blank, pd.NA)
    return found
