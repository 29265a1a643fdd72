"""The commands about whole runs: run, report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, DataDir, Quiet, progress_of


def run(
    out: Annotated[Path, typer.Option("--out", help="run folder; an unfinished one is continued")],
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file; see: subprobe config")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="overrides the file")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="overrides the file; repeat for several")
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option("--seed", help="overrides the file; repeat for several")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole experiment: fine-tune, prune, control, retrain, probe, report.

    Example: subprobe run --task acceptability --seed 1 --seed 2 --out runs/quickstart
    """
    from ..analysis.experiment import run_experiment
    from ..analysis.running.config import parse_config, read_config
    from ..analysis.screen.console import print_comparison, print_lines

    options = read_config(config)
    given = {"model": model, "tasks": task, "seeds": seed, "data_dir": data_dir and str(data_dir)}
    overrides = {name: value for name, value in given.items() if value}
    if overrides:
        options = parse_config({**options.model_dump(), **overrides}, where="command line")
    finished = run_experiment(options, out, progress_of(quiet))
    if as_json:
        typer.echo(json.dumps(finished.summary(), ensure_ascii=False))
    else:
        print_comparison(finished.rows, finished.manifest)
        print_lines([f"report: {out / 'report.html'}, tables and masks: {out}"])


def report(
    folder: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file; default: RUN/report.html")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(help="also write every figure as SVG, PDF and PNG into this folder"),
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(help="also write every summary as a LaTeX table into this folder")
    ] = None,
) -> None:
    """Write the report of a run again, from its tables.

    Example: subprobe report runs/quickstart --out report.html
    """
    from ..analysis.report.attribution_examples import read_word_frame
    from ..analysis.report.figures import save_figures
    from ..analysis.report.latex import save_latex
    from ..analysis.report.report import write_report
    from ..analysis.run_folder import load_manifest, load_rows

    rows = load_rows(folder)
    target = out or folder / "report.html"
    words = read_word_frame(folder)
    write_report(rows, load_manifest(folder), target, words=words, folder=folder)
    typer.echo(f"report in {target}", err=True)
    if figures is not None:
        written = save_figures(rows, figures)
        typer.echo(f"{len(written)} figures in {figures}", err=True)
    if tables is not None:
        typer.echo(f"{len(save_latex(rows, tables))} LaTeX tables in {tables}", err=True)
