"""A whole run as tidy tables: rows, items, masks, summaries, cells, manifest, dictionary."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...data.errors import UnknownNameError
from ...data.files.atomic import atomic_path
from ...data.files.parquet_files import WRITING
from ...data.output.folders import atomic_folder, check_folder
from ...data.output.tables import inert
from ..profile.leaderboard import has_leaderboard, leaderboard
from ..profile.profile import has_profile, profile_table
from ..summary.headline import FILE as HEADLINE
from ..summary.summaries import SUMMARIES
from ..verdict.answers_table import FILE as ANSWERS
from ..verdict.answers_table import answers_table
from ..verdict.material import answer_tables
from ..verdict.verdict import verdicts
from .cell_table import cell_table
from .dictionary import dictionary_frame, typed
from .reading import Run
from .written_tables import written_tables

ANSWER_TABLES = (HEADLINE, ANSWERS)
FORMATS = ("csv", "parquet")


def export_run(
    run: Run, out: Path, *, form: str = "csv", tables: Sequence[str] = (), overwrite: bool = False
) -> dict[str, int]:
    """Write the tables of a run, one at a time and items cell by cell: memory stays small.

    Args:
        run: a finished run.
        out: the folder of the tables; it is made if it is not there.
        form: `csv` or `parquet`.
        tables: only these; none = all. The name of a probe is the table of its rows alone. The
            dictionary describes those that are written.
        overwrite: write although the folder holds files that subprobe did not write; they stay.

    Returns:
        Table -> its number of lines, with the dictionary, which is always CSV, so that anything
        can read it. All tables come into the folder together, once they are whole.

    Raises:
        UnknownNameError: for another format or table.
        ConfigError: if `out` is a file, a run folder, or holds files that subprobe did not write.
        DataFileError: for a run that is not finished or has lost files.
    """
    if form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    writer = f"export {form}"
    check_folder(out, writer, overwrite=overwrite)
    every = _makers(run)
    makers = {**_of_probes(run), **every} if tables else every
    unknown = [name for name in tables if name not in makers]
    if unknown:
        raise UnknownNameError("table", unknown[0], makers)
    chosen = [name for name in makers if not tables or name in tables]
    counts: dict[str, int] = {}
    described: dict[str, list[tuple[str, object]]] = {}
    with atomic_folder(out, writer, overwrite=overwrite) as folder:
        for name in chosen:
            target = folder / f"{name}.{form}"
            counts[name], described[name] = _WRITERS[form](makers[name](), target)
        dictionary = dictionary_frame(described)
        counts["dictionary"], _ = write_csv_parts([dictionary], folder / "dictionary.csv")
    return counts


def _makers(run: Run) -> dict[str, Callable[[], Iterable[pd.DataFrame]]]:
    """Table -> what makes its parts, each with all columns and their types; at least one part."""
    makers: dict[str, Callable[[], Iterable[pd.DataFrame]]] = {
        "rows": lambda: [typed("rows", run.rows)],
        "items": run.item_parts,
        "masks": run.mask_parts,
    }
    for name, made in SUMMARIES.items():
        makers[name] = lambda name=name, made=made: [typed(name, made(run.rows))]  # type: ignore[misc]
    if has_profile(run.rows):
        makers["profile"] = lambda: [
            typed("profile", profile_table(run.rows, run.folder / "cells"))
        ]
    if has_leaderboard(run.rows):
        makers["leaderboard"] = lambda: [typed("leaderboard", leaderboard(run.rows))]
    for name in ANSWER_TABLES:
        makers[name] = lambda name=name: [typed(name, answer_table(run, name))]  # type: ignore[misc]
    for name in written_tables(run.folder):
        makers[name] = lambda name=name: [run.tables[name]]  # type: ignore[misc]
    return {
        **makers,
        "cells": lambda: [cell_table(run.folder, run.manifest)],
        "manifest": lambda: [run.manifest_table],
    }


def _of_probes(run: Run) -> dict[str, Callable[[], Iterable[pd.DataFrame]]]:
    """Probe -> what makes the table of its rows, which are among `rows`."""
    rows = typed("rows", run.rows)
    return {
        str(name): lambda own=own: [own]  # type: ignore[misc]
        for name, own in rows.groupby("probe", sort=False)
    }


def answer_table(run: Run, name: str) -> pd.DataFrame:
    """The headline table of a run, or the sentences of its answers."""
    tables = answer_tables(run.rows, run.manifest, run.folder)
    if name == HEADLINE:
        return tables[HEADLINE]
    return answers_table(verdicts(run.rows, tables, run.manifest))


Written = tuple[int, list[tuple[str, object]]]
"""Number of lines, and the columns with their types."""


def write_csv_parts(parts: Iterable[pd.DataFrame], target: Path) -> Written:
    """Write frames of the same columns as one CSV file, whole or not at all.

    UTF-8, one header, a newline alone at the end of a line, missing values empty, booleans `TRUE`
    and `FALSE`, numbers with all their digits; a text that a spreadsheet would run as a formula
    gets a leading apostrophe.
    """
    count = 0
    columns: list[tuple[str, object]] = []
    with (
        atomic_path(target) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        for part in parts:
            columns = columns or list(part.dtypes.items())
            flags = [name for name in part if pd.api.types.is_bool_dtype(part[name].dtype)]
            words = {name: part[name].map({True: "TRUE", False: "FALSE"}) for name in flags}
            safe = inert(part.assign(**words))
            safe.to_csv(
                file, index=False, header=not file.tell(), lineterminator="\n",
                quoting=csv.QUOTE_MINIMAL,
            )  # fmt: skip
            count += len(part)
    return count, columns


def write_parquet_parts(parts: Iterable[pd.DataFrame], target: Path) -> Written:
    """Write frames of the same columns and types as one Parquet file, whole or not at all."""
    count = 0
    columns: list[tuple[str, object]] = []
    writer: pq.ParquetWriter | None = None
    with atomic_path(target) as temporary:
        try:
            for part in parts:
                table = pa.Table.from_pandas(part, preserve_index=False)
                if writer is None:
                    columns = list(part.dtypes.items())
                    writer = pq.ParquetWriter(temporary, table.schema, **WRITING)
                writer.write_table(table)
                count += len(part)
        finally:
            if writer is not None:
                writer.close()
    return count, columns


_WRITERS: dict[str, Callable[[Iterable[pd.DataFrame], Path], Written]] = {
    "csv": write_csv_parts,
    "parquet": write_parquet_parts,
}
