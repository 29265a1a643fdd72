"""The whole experiment: every task and seed, every subnetwork, every probe, one folder."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..data.output.outputs import prepare_out
from ..data.output.ownership import RUN, Record
from .configuration.config import RunConfig
from .plan.whole_run import RunPlan, recorded_plan
from .run_folder.reading import Run, load_manifest, load_rows
from .running.earlier import Existing, settled
from .running.execute import assess
from .steps.progress import Progress, Silent
from .summary.headline import FILE as HEADLINE
from .verdict.material import answer_tables
from .verdict.verdict import verdict

if TYPE_CHECKING:
    from .figures.charts import Figure
    from .running.engine import EngineMaker


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        folder: the run folder.
        rows: every tidy row.
        manifest: options, versions, seeds, inputs and times.
        data: a summary of each task's data, with its first examples (`data_summary`).
        missing: cells that failed, or that depend on one that failed: name, why, log.
    """

    folder: Path
    rows: pd.DataFrame
    manifest: dict[str, Any]
    data: tuple[dict[str, Any], ...] = ()
    missing: tuple[dict[str, str], ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Every tidy row; a copy."""
        return self.rows.copy()

    def plot(self, name: str | None = None) -> Figure:
        """A figure of the report: see `Run.plot`."""
        return Run(self.folder, self.rows, self.manifest).plot(name)

    def summary(self) -> dict[str, Any]:
        """The result as plain values: the answer, the two score tables, the missing cells."""
        tables = answer_tables(self.rows, self.manifest, self.folder)
        scores = tables["summary_performance"]
        return {
            "folder": str(self.folder),
            "verdict": verdict(self.rows, self.manifest, tables),
            "headline": json.loads(tables[HEADLINE].to_json(orient="records")),
            "performance": json.loads(scores.to_json(orient="records")),
            "data": list(self.data),
            "missing": list(self.missing),
        }


def run_experiment(
    config: RunConfig,
    out: Path | str,
    progress: Progress | None = None,
    *,
    existing: Existing = "refuse",
    overwrite: bool = False,
    retries: int = 0,
    engine: EngineMaker | None = None,
) -> Finished:
    """Compute the missing cells of a run in the folder `out`, then write its tables and report.

    Args:
        config: the options.
        out: the run folder; finished cells in it are not computed again.
        progress: receives the progress of the run.
        existing: what to do if `out` holds a run with another configuration: `refuse`; `add` its
            tasks, seeds, methods, probes and draws to the new ones, so that the tables cover both;
            or `new`, which removes the results of the other run. Finished cells that both share are
            not computed again.
        overwrite: write although `out` holds files that subprobe did not write; they stay.
        retries: how often a failed cell is tried again.
        engine: makes the engine that computes cells elsewhere; None = this machine.

    Returns:
        The run; if cells failed, its tables are of the others, and `missing` lists them.

    Raises:
        InputError: before anything is computed, for unknown names, unreadable input, or a folder
            that cannot be written to or holds other files.
        SubprobeError: if nothing could be scored.
    """
    progress, started = progress or Silent(), time.time()
    out = prepare_out(out, folder=RUN, overwrite=overwrite)
    config = settled(config, out, existing, progress.say)
    plan = recorded_plan(config, out)
    if plan is not None and (finished := unchanged(plan)) is not None:
        progress.say(f"nothing to compute: all {len(plan.graph)} cells are finished")
        return finished
    # with the libraries of models: what is finished needs none of them
    from .conduct import conduct

    return conduct(config, out, progress, existing, started, retries=retries, maker=engine)


def unchanged(plan: RunPlan) -> Finished | None:
    """The run in its folder, if every cell is finished and the tables were made from them."""
    state = assess(plan.graph, plan.ids, plan.store)
    record = Record.of(plan.folder)
    if not state.whole:
        return None
    written = record.files.get(RUN, {})
    if not {"manifest.json", "rows.parquet", "report.html"} <= set(written):
        return None
    for name in written:
        path = plan.folder / name
        if path.is_symlink() or not path.is_file() or not record.lists(name, path):
            return None
    manifest = load_manifest(plan.folder)
    if manifest.get("outcome") != state.outcome(plan.configuration):
        return None
    data = tuple(one for one in manifest.get("data", ()) if isinstance(one, dict))
    return Finished(plan.folder, load_rows(plan.folder), manifest, data)
