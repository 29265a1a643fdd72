"""The commands about whole runs: run, report."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.output.outputs import PAGES, prepare_out
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Device,
    GroupDisjoint,
    NoSpecials,
    Overwrite,
    Quiet,
    Quotes,
    batch_size_option,
    limit_option,
    max_length_option,
    named,
    prepare_folder,
    progress_of,
    reading,
    writing,
)

PARTIAL = 3
"""Exit code of a run in which cells failed."""

FIGURES, LATEX = "report figures", "report tables"
"""What the record of a folder calls figures and LaTeX tables."""


def run(
    out: Annotated[Path, writing("run folder; an unfinished one is continued")],
    config: Annotated[
        Path | None,
        reading(
            "--config", "TOML file, or the name of a shipped one (study); see: subprobe config"
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="embedded, a folder written as a path (./m), or a hub id; overrides the file",
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task", help="task id, upper or lower case; overrides the file; repeat for several"
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(
            "--seed", help="seed of the random choices; overrides the file; repeat for several"
        ),
    ] = None,
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    add: Annotated[
        bool,
        typer.Option(
            "--add", help="add tasks, seeds, methods, probes or draws to the run in the folder"
        ),
    ] = False,
    new: Annotated[
        bool, typer.Option("--new", help="start a new run in a folder that contains another one")
    ] = False,
    keep_models: Annotated[
        bool | None,
        typer.Option(
            "--keep-models/--drop-models",
            help="keep retrained models, so that new probes need no training, or remove each "
            "after its last use; overrides the file",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        reading(
            "--cache",
            "folder for hidden states; without it, they are removed after the run",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, help="cells computed in parallel; overrides the file"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS|FILE",
            help="compute on the workers of this Dask scheduler (docs/cluster.md)",
        ),
    ] = None,
    retry: Annotated[
        int,
        typer.Option("--retry", min=0, help="number of times that a failed cell is tried again"),
    ] = 0,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic", help="on a GPU: use only deterministic algorithms, which are slower"
        ),
    ] = False,
    overwrite: Overwrite = False,
    limit: Annotated[int, limit_option("as the file says")] = 0,
    batch_size: Annotated[int, batch_size_option("as the file says")] = 0,
    max_length: Annotated[int, max_length_option("as the file says")] = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole experiment: fine-tune, prune, control, retrain, probe, report.

    The same command continues a stopped run. Exit code 3: some cells failed; the tables and the
    report cover the others.

    Example: subprobe run --task acceptability --seed 1 --seed 2 --out runs/quickstart

    Example: subprobe run --config stance.toml --out runs/stance

    Example: subprobe run --config study --out runs/study
    """
    from ...analysis.configuration.config import parse_config, read_config
    from ...analysis.configuration.task_choice import column_roles
    from ...analysis.experiment import run_experiment
    from ...analysis.running.cluster.connection import computing_on
    from ...analysis.running.earlier import Existing
    from ...analysis.screen.console import print_comparison
    from ...analysis.screen.records import print_lines
    from ...data.errors import ConfigError

    if add and new:
        raise ConfigError("--add and --new exclude each other", remedy="leave out one of them")
    existing: Existing = "add" if add else "new" if new else "refuse"
    options = read_config(config)
    given = {
        "model": model,
        "tasks": task,
        "seeds": seed,
        "data_dir": data_dir and str(data_dir),
        "columns": column_roles(column),
        "quotes": "" if quotes == "auto" else quotes,
        "as_classes": as_classes,
        "group_disjoint": group_disjoint,
        "allow_no_specials": allow_no_specials,
        "device": "" if device == "auto" else device,
        "workers": workers,
        "deterministic": deterministic,
        "examples": limit and (limit,) * 3,
    }
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value}
    trained = {"batch_size": batch_size, "max_length": max_length}
    if any(trained.values()):
        changed = {name: value for name, value in trained.items() if value}
        overrides["recipe"] = {**options.recipe.model_dump(), **changed}
    if keep_models is not None:
        overrides["retrain"] = {**options.retrain.model_dump(), "keep": keep_models}
    if cache is not None:
        overrides["probe"] = {**options.probe.model_dump(), "cache": str(cache)}
    if overrides:
        options = parse_config({**options.model_dump(), **overrides}, where="command line")
    progress = progress_of(quiet)
    with computing_on(scheduler) if scheduler else nullcontext() as engine:
        finished = run_experiment(
            options, out, progress,
            existing=existing, overwrite=overwrite, retries=retry, engine=engine,
        )  # fmt: skip
    folder = finished.folder
    if as_json:
        typer.echo(json.dumps(finished.summary(), ensure_ascii=False))
    else:
        print_comparison(finished.rows, finished.manifest, folder=folder)
        print_lines([f"report: {folder / 'report.html'}, tables and masks: {folder}"])
    if finished.missing:
        failed = [one for one in finished.missing if one["log"]]
        lines = [
            f"PARTIAL: {len(finished.missing)} of the run's cells are missing; "
            f"{len(failed)} failed, and the others depend on them",
            *(f"  {one['cell']}: {one['why']} ({folder / one['log']})" for one in failed),
            "run the same command again to compute what is missing",
        ]
        typer.echo("\n".join(lines), err=True)
        raise typer.Exit(PARTIAL)


def report(
    folder: Annotated[Path, named("a run folder", "RUN")],
    out: Annotated[Path | None, writing("HTML file; default: RUN/report.html")] = None,
    figures: Annotated[
        Path | None,
        writing("also write every figure as SVG, PDF and PNG into this folder", "--figures"),
    ] = None,
    tables: Annotated[
        Path | None,
        writing("also write every summary as a LaTeX table into this folder", "--tables"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Rewrite the report of a run, its headline table and its answers from the tables of the run.

    Example: subprobe report runs/quickstart --out report.html
    """
    from ...analysis.figures.figures import save_figures
    from ...analysis.report.attribution_examples import read_word_frame
    from ...analysis.report.latex import save_latex
    from ...analysis.report.report import report_tables, write_report
    from ...analysis.run_folder.reading import load_manifest, load_rows
    from ...analysis.verdict.answers_table import write_answers
    from ...data.output.folders import atomic_folder
    from ...data.output.ownership import RUN

    target = prepare_out(out or folder / "report.html", files=PAGES, again=RUN, overwrite=overwrite)
    figures = prepare_folder(figures, FIGURES, overwrite, "figures")
    tables = prepare_folder(tables, LATEX, overwrite, "tables")
    rows = load_rows(folder)
    words = read_word_frame(folder)
    manifest = load_manifest(folder)
    read = report_tables(rows, manifest, folder)
    if target.resolve().parent == folder.resolve():
        # a run of an earlier version has neither; a page elsewhere does not change the run
        with atomic_folder(folder, RUN, overwrite=True, adds=True) as written:
            write_answers(rows, manifest, written, read)
    write_report(rows, manifest, target, words=words, folder=folder, tables=read)
    typer.echo(f"report in {target}", err=True)
    if figures is not None:
        with atomic_folder(figures, FIGURES, overwrite=overwrite) as written:
            count = len(save_figures(rows, written, read))
        typer.echo(f"{count} figures in {figures}", err=True)
    if tables is not None:
        with atomic_folder(tables, LATEX, overwrite=overwrite) as written:
            count = len(save_latex(rows, written, tables=read, cells=folder / "cells"))
        typer.echo(f"{count} LaTeX tables in {tables}", err=True)
