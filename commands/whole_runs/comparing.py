"""The command that compares subnetworks, or runs, with each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.output.outputs import PAGES, prepare_out
from ..options import (
    AsJson,
    Correction,
    Overwrite,
    emit_tables,
    named,
    prepare_folder,
    prepare_table,
    progress_of,
    writing,
)


def compare(
    folders: Annotated[list[Path], named("run folders", "RUN...")],
    relation: Annotated[
        list[str] | None,
        typer.Option(
            "--relation",
            help="dependency relation in which good and random are compared; repeat for several",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="PROBE/METRIC",
            help="metric to report; good and random are compared in it; repeat for several",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        writing("folder for CSV tables; a CSV file with --relation or --metric"),
    ] = None,
    report: Annotated[Path | None, writing("also write one HTML page (.html)", "--report")] = None,
    correction: Correction = "holm",
    transfer: Annotated[
        bool,
        typer.Option(
            "--transfer",
            help="score the masks of each task on every other task; scores are kept in the run",
        ),
    ] = False,
    retrained: Annotated[
        bool,
        typer.Option(
            "--retrained",
            help="with --transfer: also fine-tune the pretrained encoder under each mask on every "
            "task",
        ),
    ] = False,
    probes: Annotated[
        bool, typer.Option(help="also compare the results of probes, not only scores")
    ] = True,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare the subnetworks of a run, or several runs, with each other.

    Example: subprobe compare runs/quickstart

    Example: subprobe compare runs/quickstart --relation nsubj --out nsubj.csv

    Example: subprobe compare runs/study --transfer --out transfer
    """
    _check_asked(folders, bool(relation or metric), transfer, retrained, report)
    if relation or metric:
        _of_relations(folders, relation or (), metric or (), correction, out, overwrite, as_json)
        return
    out = prepare_folder(out, "compare", overwrite)
    if report is not None:
        report = prepare_out(report, files=PAGES, overwrite=overwrite, option="report")
    shown = out is None and report is None and not as_json
    if transfer:
        tables = _of_transfer(folders[0], correction, retrained)
    elif len(folders) == 1:
        tables = _of_run(folders[0], correction, probes, summed=not shown)
    else:
        tables = _of_runs(folders, correction)
    emit_tables(tables, out, "compare", overwrite=overwrite, as_json=as_json)
    if report is not None:
        from ...analysis.report.comparison_page import write_page

        write_page(tables, [str(folder) for folder in folders], report)
        typer.echo(f"comparison in {report}", err=True)
    if shown:
        _show(tables, folders)


def _check_asked(
    folders: list[Path], relations: bool, transfer: bool, retrained: bool, report: Path | None
) -> None:
    """Refuse options that do not go together."""
    from ...data.errors import ConfigError

    if retrained and not transfer:
        raise ConfigError("--retrained belongs to --transfer", remedy="add --transfer")
    if transfer and relations:
        raise ConfigError(
            "--transfer compares scores on tasks, --relation and --metric compare probes",
            remedy="give one of them",
        )
    if report is not None and relations:
        raise ConfigError(
            "--report writes all comparisons, --relation and --metric choose some",
            remedy="leave out --report, or --relation and --metric",
        )
    if transfer and len(folders) > 1:
        raise ConfigError(
            f"--transfer compares the tasks of one run, got {len(folders)} runs",
            remedy="name one run folder",
        )


def _of_transfer(folder: Path, correction: str, retrained: bool) -> dict[str, Any]:
    """The transfer matrix of a run; scores that are missing are computed."""
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.transfer.computing import crossed
    from ...analysis.transfer.matrix import transfer_tables

    rows = load_rows(folder)
    found = crossed(folder, retrained=retrained, progress=progress_of(False))
    return transfer_tables(found, rows, correction=correction)


def _of_relations(
    folders: list[Path], relations: Sequence[str], metrics: Sequence[str], correction: str,
    out: Path | None, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare good with random in the named relations or metrics; print or write the answers."""
    from ...analysis.comparison.found_better import found_better
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.screen.compared.found_better import print_found_better
    from ...data.errors import ConfigError
    from ...data.output.tables import write_csv

    if len(folders) > 1:
        raise ConfigError(
            f"--relation and --metric compare within one run, got {len(folders)} runs",
            remedy="name one run folder",
        )
    out = prepare_table(out, overwrite, folders[0])
    found = found_better(
        load_rows(folders[0]), folders[0] / "cells", relations=relations, metrics=metrics,
        correction=correction,
    )  # fmt: skip
    if out is not None:
        write_csv(found, out)
        typer.echo(f"{len(found)} rows in {out}", err=True)
    if as_json:
        typer.echo(found.to_json(orient="records"))
    elif out is None:
        print_found_better(found)


def _of_run(folder: Path, correction: str, probes: bool, *, summed: bool) -> dict[str, Any]:
    """Compare, and choose where the comparisons are written in addition to every summary."""
    from ...analysis.calibration.of_folder import answered_tables
    from ...analysis.comparison.tables import comparison_tables
    from ...analysis.property_search.compared import compared_masks, is_search, read_search
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.summary.summaries import summaries

    if is_search(folder):
        return compared_masks(*read_search(folder), correction=correction)
    rows = load_rows(folder)
    found = comparison_tables(rows, folder / "cells", correction=correction, probes=probes)
    found |= answered_tables(rows, _manifest(folder), folder)
    return summaries(rows) | found if summed else found


def _of_runs(folders: list[Path], correction: str) -> dict[str, Any]:
    from ...analysis.comparison.between_runs import Run, between_runs, run_names
    from ...analysis.run_folder.reading import load_rows

    names = run_names(folders)
    runs = [
        Run(name, load_rows(folder), folder / "cells")
        for name, folder in zip(names, folders, strict=True)
    ]
    return between_runs(runs, correction=correction)


def _manifest(folder: Path) -> dict[str, Any]:
    from ...analysis.run_folder.reading import load_manifest

    return load_manifest(folder) if (folder / "manifest.json").exists() else {}


def _show(tables: dict[str, Any], folders: list[Path]) -> None:
    from ...analysis.property_search.compared import is_search
    from ...analysis.run_folder.reading import load_rows
    from ...analysis.screen.compared.comparison import print_answers, print_pairs, print_ranks
    from ...analysis.screen.compared.other_comparisons import (
        print_between,
        print_calibration,
        print_masks,
    )
    from ...analysis.screen.compared.transfer import print_transfer
    from ...analysis.screen.console import print_comparison
    from ...analysis.screen.records import print_heading
    from ...analysis.summary.ranks import good_against_random

    if "transfer" in tables:
        print_transfer(tables)
    elif len(folders) == 1 and is_search(folders[0]):
        print_masks(tables)
    elif len(folders) == 1:
        rows = load_rows(folders[0])
        ranks = good_against_random(rows)
        print_answers(tables, ranks)
        print_ranks(ranks)
        print_pairs(tables)
        print_calibration(tables)
        print_heading("Scores of each subnetwork, and findings of the run")
        print_comparison(rows, _manifest(folders[0]), folder=folders[0])
    else:
        print_between(tables)
