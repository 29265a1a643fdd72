"""The tables that a run writes besides its rows and summaries, read back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.tables import as_written
from ..calibration.of_folder import WRITTEN as ANSWERED
from ..curve.written import TABLES as CURVES
from ..hypotheses.of_run import NAME as HYPOTHESES
from ..same_score.written import TABLES as SAME_SCORE
from .written_columns import COMPARISONS

NAMES = (
    *COMPARISONS,
    "attribution_examples",
    "attribution_agreement",
    "adversarial_texts",
    "words",
    "probe_differences",
    *ANSWERED,
    HYPOTHESES,
    *CURVES,
    *SAME_SCORE,
)
"""Tables that a run writes only as CSV files, where it has numbers for them."""


def written_tables(folder: Path) -> Mapping[str, Path]:
    """Name -> file of each of these tables that lies in the run folder."""
    files = {name: folder / f"{name}.csv" for name in NAMES}
    return {name: file for name, file in files.items() if file.is_file()}


def read_written(path: Path) -> pd.DataFrame:
    """One of these tables; texts are as they were before they were made safe for spreadsheets.

    Raises:
        DataFileError: if the file is not a table.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (ValueError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"is not a CSV table ({error})", where=str(path), remedy="run the folder again"
        ) from None
    return as_written(table)
