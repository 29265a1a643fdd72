"""Reading a run folder back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.errors import DataFileError
from ..data.tables import read_rows


def _part(folder: Path | str, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise DataFileError(
            f"holds no {name}",
            where=str(folder),
            remedy="name a folder that `subprobe run` has finished",
        )
    return path


def load_rows(folder: Path | str) -> pd.DataFrame:
    """Every tidy row of a finished run.

    Raises:
        DataFileError: if the folder is not a finished run.
    """
    return read_rows(_part(folder, "rows.parquet"))


def load_manifest(folder: Path | str) -> dict[str, Any]:
    """The manifest of a finished run."""
    manifest: dict[str, Any] = json.loads(_part(folder, "manifest.json").read_text("utf-8"))
    return manifest
