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

from ..data.atomic import check_folder
from ..data.tables import rows_frame, write_csv, write_parquet
from ..data.tasks import load_task
from ..probes.options import check_options
from ..pruning.checkpoint import load_encoder, resolve_model
from ..pruning.compact import check_removable
from ..pruning.fingerprint import weights_fingerprint
from ..pruning.subnetwork import Subnetwork
from .comparison.tables import comparison_tables
from .report.report import write_report
from .report.verdict import verdict
from .running.across import across_frames
from .running.cells import CellMissing
from .running.config import ProbeOptions, RunConfig
from .running.manifest import write_manifest
from .running.masks import mask_rows, save_mask
from .running.pattern_survivors import pattern_survivor_rows
from .running.probing import Corpus, needs_corpus, read_probe_corpus
from .running.progress import Progress, Silent
from .running.reference import COMPARING
from .running.seed_model import Setting, chosen_recipe
from .running.seed_run import SeedRun
from .running.selection import parts_for
from .running.survivors import survivor_rows
from .running.words import FILE as WORDS_FILE
from .running.words import word_frame
from .running.workers import compute_apart, worker_count
from .summary.degenerate import flag_degenerate
from .summary.summaries import performance_table, summaries

TABLES = {
    "performance": "performance",
    "masks": "mask",
    "attention": "attention-stats",
    "head_distances": "head-distances",
    "attention_change": "attention-change",
    "patterns": "attention-patterns",
    "pattern_survivors": "pattern-survivors",
    "dependencies": "dependency-heads",
    "norms": "norms",
    "effective_attention": "effective-attention",
    "identifiability": "token-identifiability",
    "hidden_attribution": "hidden-token-attribution",
    "rollout": "rollout",
    "flow": "flow",
    "alti": "alti",
    "value_zeroing": "value-zeroing",
    "trees": "attention-trees",
    "survivors": "survivors",
    "attributions": "attributions",
}
"""CSV file name -> probe whose rows it holds; `rows.csv` holds all of them."""


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        folder: where everything lies.
        rows: every tidy row.
        manifest: what ran, with which versions, and how long it took.
    """

    folder: Path
    rows: pd.DataFrame
    manifest: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """The answer for machines: headline, performance table, where things lie."""
        table = performance_table(self.rows)
        return {
            "folder": str(self.folder),
            "verdict": verdict(self.rows, self.manifest),
            "performance": json.loads(table.to_json(orient="records")),
        }


def run_experiment(config: RunConfig, out: Path, progress: Progress | None = None) -> Finished:
    """Run everything that `config` asks for, or what is missing of it, into the folder `out`.

    Args:
        config: the options.
        out: the run folder; finished cells in it are not computed again.
        progress: where the run reports to.

    Raises:
        InputError: before anything is computed, for unknown names and unreadable input.
    """
    progress = progress or Silent()
    check_folder(out)
    check_options(config.probe.options, config.probe.names)
    started = time.time()
    parts = [
        config.model_copy(update={"tasks": (task,), "seeds": (seed,)})
        for task in config.tasks
        for seed in config.seeds
    ]
    workers = worker_count(config.workers, len(parts))
    # reading everything here first refuses bad input before a process is started
    with progress.stage("reading tasks and sentences"):
        corpus = _corpus(config.probe)
        seeds = prepare(config, out, corpus, progress)
    frames = _stored_frames(seeds, config) if workers > 1 else None
    if frames is None:
        if workers > 1:
            compute_apart(compute_cells, parts, out, workers, progress)
        frames = [frame for run in seeds for frame in _frames(run, config, progress)]
    if config.controls.across_seeds:
        frames += across_frames(seeds, config)
    rows = flag_degenerate(rows_frame(pd.concat(frames, ignore_index=True)))
    manifest = write_manifest(out, config, seeds, corpus, started)
    words = word_frame(seeds, config)
    if len(words):
        write_csv(words, out / WORDS_FILE)
    tables = write_tables(rows, out)
    write_report(rows, manifest, out / "report.html", words=words, tables=tables)
    return Finished(out, rows, manifest)


def prepare(
    config: RunConfig, out: Path, corpus: Corpus | None, progress: Progress
) -> list[SeedRun]:
    """Read the encoder and the tasks of a run; its seeds in the order of their rows."""
    source = resolve_model(config.model)
    encoder = load_encoder(config.model)
    base = weights_fingerprint(encoder)
    if config.retrain.route == "compact":
        check_removable(encoder)
    seeds: list[SeedRun] = []
    for task in config.tasks:
        data = load_task(task, data_dir=config.data_dir or None, sizes=config.sizes())
        recipe = chosen_recipe(source, data.spec.name, config.recipe)
        setting = Setting(config, source, base, recipe, out, corpus)
        for seed in config.seeds:
            parts = parts_for(data, config.prune, seed=seed)
            seeds.append(SeedRun(setting, parts, seed, progress))
    return seeds


def compute_cells(config: RunConfig, out: Path, progress: Progress) -> None:
    """Compute every cell of a run that is missing, and nothing else."""
    for run in prepare(config, out, _corpus(config.probe), progress):
        for _ in _frames(run, config, progress):
            pass


def _stored_frames(seeds: list[SeedRun], config: RunConfig) -> list[pd.DataFrame] | None:
    """Every frame of rows if all cells are there already, else None."""
    try:
        with ExitStack() as stack:
            for run in seeds:
                stack.enter_context(run.store.reading())
            return [frame for run in seeds for frame in _frames(run, config, Silent())]
    except CellMissing:
        return None


def _corpus(options: ProbeOptions) -> Corpus | None:
    return read_probe_corpus(options) if needs_corpus(options) else None


def _frames(run: SeedRun, config: RunConfig, progress: Progress) -> Iterable[pd.DataFrame]:
    """Every frame of rows of one seed, cell by cell."""
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
        save_mask(mask, run.setting.folder, run.name)
        yield mask_rows(mask, run.identity(None, mask, "pruned"))
    if config.probe.names:
        yield from _probe_frames(run, first, config.probe)


def _probe_frames(
    run: SeedRun, masks: list[Subnetwork], options: ProbeOptions
) -> Iterable[pd.DataFrame]:
    full = run.probe(None)
    yield full.rows
    if COMPARING & set(options.names):
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


def write_tables(rows: pd.DataFrame, out: Path) -> dict[str, pd.DataFrame]:
    """Write `rows.parquet`, `rows.csv`, a CSV file for each kind of row, and the summaries.

    Returns:
        the summaries by name.
    """
    write_parquet(rows, out / "rows.parquet")
    write_csv(rows, out / "rows.csv")
    for name, probe in TABLES.items():
        chosen = rows[rows["probe"] == probe]
        if len(chosen):
            write_csv(chosen, out / f"{name}.csv")
    summed = summaries(rows)
    compared = comparison_tables(rows, out / "cells", probes=False)
    for name, table in {**summed, **compared}.items():
        write_csv(table, out / f"{name}.csv")
    assert set(rows["probe"].dropna()) <= set(TABLES.values()), "a probe without a table"
    return summed
