"""The whole experiment: every task and seed, every subnetwork, every probe, one folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.output.folders import atomic_folder
from ..data.output.outputs import prepare_out
from ..data.output.ownership import RUN
from ..data.output.tables import rows_frame, write_csv, write_parquet
from ..models.masks.subnetwork import Subnetwork
from .comparison.tables import comparison_tables
from .configuration.asked_probes import comparing, options_of
from .configuration.config import ProbeOptions, RunConfig
from .figures.charts import Figure
from .findings.pattern_survivors import pattern_survivor_rows
from .findings.survivors import survivor_rows
from .report.report import write_report
from .run_folder.reading import Run
from .running.across import across_frames
from .running.attributed_words import FILE as WORDS_FILE
from .running.attributed_words import word_frame
from .running.cells import CellMissing
from .running.earlier import Existing, begin, remove_unused, settled
from .running.manifest import write_manifest
from .running.preparing import corpus_of, prepare, summaries_of, told_of_heads
from .running.seed_run import SeedRun
from .running.workers import compute_apart, worker_count
from .steps.data_summary import summary_lines, without_texts
from .steps.identity import flagged
from .steps.masks import mask_rows, save_mask
from .steps.progress import Progress, Silent
from .summary.degenerate import flag_degenerate
from .summary.summaries import performance_table, summaries
from .verdict.verdict import verdict


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        folder: where everything lies.
        rows: every tidy row.
        manifest: what ran, with which versions, and how long it took.
        data: what was read of each task, with its first examples (`data_summary`).
    """

    folder: Path
    rows: pd.DataFrame
    manifest: dict[str, Any]
    data: tuple[dict[str, Any], ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Every tidy row; a copy."""
        return self.rows.copy()

    def plot(self, name: str | None = None) -> Figure:
        """A figure of the report: see `Run.plot`."""
        return Run(self.folder, self.rows, self.manifest).plot(name)

    def summary(self) -> dict[str, Any]:
        """The answer for machines: headline, performance table, where things lie."""
        table = performance_table(self.rows)
        return {
            "folder": str(self.folder),
            "verdict": verdict(self.rows, self.manifest),
            "performance": json.loads(table.to_json(orient="records")),
            "data": list(self.data),
        }


def run_experiment(
    config: RunConfig,
    out: Path | str,
    progress: Progress | None = None,
    *,
    existing: Existing = "refuse",
    overwrite: bool = False,
) -> Finished:
    """Run everything that `config` asks for, or what is missing of it, into the folder `out`.

    Args:
        config: the options.
        out: the run folder; finished cells in it are not computed again.
        progress: where the run reports to.
        existing: what to do where `out` holds a run with another configuration: `refuse`; `add`
            the tasks, seeds, methods, probes and draws asked for to it, so that all tables are
            those of both; or `new`, which removes what the other run left. Finished cells that both
            share are not computed again.
        overwrite: write although `out` holds files that subprobe did not write; they stay.

    Raises:
        InputError: before anything is computed, for unknown names, unreadable input, a folder that
            cannot be written to or holds something else.
    """
    progress = progress or Silent()
    out = prepare_out(out, folder=RUN, overwrite=overwrite)
    config = settled(config, out, existing, progress.say)
    options_of(config.probe)
    started = time.time()
    parts = [
        config.model_copy(update={"tasks": (task,), "seeds": (seed,)})
        for task in config.tasks
        for seed in config.seeds
    ]
    workers = worker_count(config.workers, len(parts), config.device)
    # reading everything here first refuses bad input before a process is started
    with progress.stage("reading tasks and sentences"):
        corpus = corpus_of(config.probe, progress)
        seeds = prepare(config, out, corpus, progress, tell=True)
        read = summaries_of(seeds)
    begin(out, config, [run.name for run in seeds], existing)
    for line in told_of_heads(seeds):
        progress.say(line)
    for line in (line for summary in read for line in summary_lines(summary)):
        progress.say(line)
    # masks, tables and report come into the folder together; a file of the user's that was not
    # there when the folder was checked is set aside
    with atomic_folder(out, RUN, overwrite=True) as folder:
        frames = _stored_frames(seeds, config, folder) if workers > 1 else None
        if frames is None:
            if workers > 1:
                compute_apart(compute_cells, parts, out, workers, progress)
            frames = [frame for run in seeds for frame in _frames(run, config, progress, folder)]
        if config.controls.across_seeds:
            frames += across_frames(seeds, config, folder)
        rows = flag_degenerate(rows_frame(pd.concat(frames, ignore_index=True)))
        rows = flagged(rows, seeds[0].setting.flag)
        manifest = write_manifest(
            folder, config, seeds, corpus, started, [without_texts(one) for one in read]
        )
        words = word_frame(seeds, config)
        if len(words):
            write_csv(words, folder / WORDS_FILE)
        tables = write_tables(rows, folder, out / "cells")
        write_report(rows, manifest, folder / "report.html", words=words, tables=tables)
    if existing == "new":
        remove_unused(out / "cells", {name for run in seeds for name in run.store.used})
    return Finished(out, rows, manifest, tuple(read))


def compute_cells(config: RunConfig, out: Path, progress: Progress) -> None:
    """Compute every cell of a run that is missing, and nothing else."""
    for run in prepare(config, out, corpus_of(config.probe, Silent()), progress):
        for _ in _frames(run, config, progress, None):
            pass


def _stored_frames(
    seeds: list[SeedRun], config: RunConfig, folder: Path
) -> list[pd.DataFrame] | None:
    """Every frame of rows if all cells are there already, else None."""
    try:
        with ExitStack() as stack:
            for run in seeds:
                stack.enter_context(run.store.reading())
            return [frame for run in seeds for frame in _frames(run, config, Silent(), folder)]
    except CellMissing:
        return None


def _frames(
    run: SeedRun, config: RunConfig, progress: Progress, folder: Path | None
) -> Iterable[pd.DataFrame]:
    """Every frame of rows of one seed, cell by cell; its masks are saved in `folder`, if any."""
    yield run.score(None).rows
    for method in config.prune.methods:
        run.good(method)  # searched before, not inside, the stage that scores
    first, total = [], run.mask_count(config.controls.draws)
    with progress.stage(f"{run.name}: scoring subnetworks") as advance:
        # drawn one by one: all masks of single weights together would fill the memory
        for done, mask in enumerate(run.masks(config.controls.draws), start=1):
            yield run.score(mask).rows
            first += [mask] if mask.draw == 0 else []
            advance(done, total)
    again = run.masks(config.controls.retrained_draws) if config.controls.retrained_draws else ()
    for mask in again:
        yield run.retrain(mask).rows
        if mask.method == "imp" and mask.kind == "good":
            for other in run.other_starts():
                yield other.rows
    if config.controls.untrained:
        yield run.untrained().rows
    if config.controls.bag_of_words:
        yield run.words().rows
    for mask in first:
        if folder is not None:
            save_mask(mask, folder, run.name)
        yield mask_rows(mask, run.identity(None, mask, "pruned"))
    if config.probe.names:
        # drawn again: nothing holds the masks of all draws at once
        drawn = run.masks(min(config.probe.draws, config.controls.draws))
        yield from _probe_frames(run, drawn, config.probe)


def _probe_frames(
    run: SeedRun, masks: Iterable[Subnetwork], options: ProbeOptions
) -> Iterable[pd.DataFrame]:
    full = run.probe(None)
    yield full.rows
    if comparing(options.names):
        yield run.pretrained().rows
    for mask in masks:
        if "pruned" in options.states:
            yield run.probe(mask).rows
        yield pattern_survivor_rows(
            full, mask, run.identity(None, mask, "pruned"), subsets=options.subsets
        )
        yield survivor_rows(
            full,
            mask,
            run.identity(None, mask, "pruned"),
            subsets=options.subsets,
            reported=options.selection == "reported",
        )


def write_tables(rows: pd.DataFrame, out: Path, cells: Path) -> dict[str, pd.DataFrame]:
    """Write every row once, as `rows.parquet`, and as CSV what is computed from them.

    Args:
        rows: every tidy row of the run.
        out: where to.
        cells: where its cells lie.

    Returns:
        the summaries by name.
    """
    write_parquet(rows, out / "rows.parquet")
    summed = summaries(rows)
    compared = comparison_tables(rows, cells, probes=False)
    for name, table in {**summed, **compared}.items():
        write_csv(table, out / f"{name}.csv")
    return summed
