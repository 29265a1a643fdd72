"""Time and page size of the report of a large run."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import subprobe
from subprobe.analysis.report.report import write_report
from subprobe.data.output.tables import read_rows, write_parquet

from .timing import Measure, measured, planted

ROWS = 200_000
SECONDS = 40.0
"""A guard, since seconds depend on the machine: 20 to 27 on two, of which a third goes into the 32
figures, a third into the cross-validated survival of heads, the rest into the other summaries."""


def large_run(count: int) -> tuple[Any, dict[str, Any]]:
    """Rows of a made-up run of BERT base's size with at least `count` rows, and its manifest.

    Tasks are added, each with five seeds, until there are enough rows.
    """
    support = str(Path(subprobe.__file__).parent / "tests" / "support")
    if support not in sys.path:
        sys.path.append(support)
    from run_rows import MadeRun, made_manifest

    one = len(MadeRun(("task1",), (1, 2, 3, 4, 5), layers=12).rows())
    tasks = [f"task{number + 1}" for number in range(-(-count // one))]
    return MadeRun(tasks, (1, 2, 3, 4, 5), layers=12).rows(), made_manifest((1, 2, 3, 4, 5))


def reports(count: int = ROWS, repeats: int = 3) -> list[Measure]:
    """Seconds from reading the rows to the finished page, and the page's megabytes."""
    rows, manifest = large_run(count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_parquet(rows, folder / "rows.parquet")
        page = folder / "report.html"

        def write() -> None:
            write_report(read_rows(folder / "rows.parquet"), manifest, page)

        times = [measured(write, slower=4) for _ in range(repeats)]
        # the fault: a page that carries every row
        size = (page.stat().st_size + (len(rows.to_json()) if planted() else 0)) / 1e6
    cpu, wall = ([time[i] for time in times] for i in (0, 1))
    title = f"report of {len(rows):,} rows"
    return [
        Measure(
            title, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), SECONDS, "s"
        ),
        Measure(f"page of {len(rows):,} rows", size, size, size, None, 8, "MB"),
    ]
