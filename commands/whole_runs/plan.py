"""The command that shows what a run will compute, and its cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...data.output.outputs import prepare_out
from ..flags import as_flags
from ..options import (
    AsJson,
    Device,
    Overwrite,
    Quiet,
    named,
    progress_of,
    reading,
    tell,
    writing,
)

if TYPE_CHECKING:
    from ...analysis.configuration.config import RunConfig

SIMULATED = 64
"""Number of workers that is simulated in addition to one and to the number in the options."""


def plan(
    file: Annotated[
        Path | None,
        named("TOML file, or the name of a shipped one (study); same as --config", "CONFIG"),
    ] = None,
    config: Annotated[
        Path | None,
        reading(
            "--config", "TOML file, or the name of a shipped one (study); see: subprobe config"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        reading(
            "--out",
            "run folder, whose finished cells are not planned again; without CONFIG, its own "
            "options are used",
        ),
    ] = None,
    add: Annotated[
        bool,
        typer.Option(
            "--add",
            help="add tasks, seeds, methods, probes or draws to the run in the folder; "
            "here only planned",
        ),
    ] = False,
    new: Annotated[
        bool,
        typer.Option(
            "--new",
            help="start a new run in a folder that contains another one; here only planned",
        ),
    ] = False,
    workers: Annotated[
        list[int] | None,
        typer.Option(
            "--workers",
            min=1,
            max=100_000,
            help="cells computed in parallel; simulated here; repeat for several; default: "
            "1, the number in the options, and 64",
        ),
    ] = None,
    measured: Annotated[
        list[Path] | None,
        reading("--measured", "folder of another run, from which times are estimated"),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="estimate times from single batches of the encoder on this machine"
        ),
    ] = False,
    graph: Annotated[
        Path | None, writing("also draw the cells and their inputs as SVG", "--graph")
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what a run will compute: cells by step, time, memory and disk space.

    Nothing is computed; options are checked as in `run`. Times are taken from finished cells of the
    run, from --measured, from --calibrate, or estimated from floating-point operations; the last
    column names the source.

    Example: subprobe plan --config study

    Example: subprobe plan --out runs/quickstart --workers 4 --graph cells.svg
    """
    from ...analysis.configuration.config import read_config
    from ...analysis.cost.inputs import planned
    from ...analysis.cost.outlook import outlook_of
    from ...analysis.cost.rates import usual_rates
    from ...analysis.running.earlier import Existing, settled
    from ...analysis.running.resources import threads_of
    from ...data.errors import ConfigError
    from ...data.files.atomic import write_text
    from ...data.output.ownership import RUN

    if file is not None and config is not None:
        raise ConfigError("two configurations are named", remedy="leave out one of them")
    if file is None and config is None and out is None:
        raise ConfigError(
            "a configuration or a run folder is needed", remedy="name a configuration, or `out`"
        )
    if add and new:
        raise ConfigError("--add and --new exclude each other", remedy="leave out one of them")
    if graph is not None:
        graph = prepare_out(graph, files=(".svg",), option="graph", overwrite=overwrite)
    chosen = file or config
    progress = progress_of(quiet)
    options = _recorded(out) if chosen is None else read_config(chosen)
    if out is not None and chosen is not None:
        existing: Existing = "add" if add else "new" if new else "refuse"
        out = prepare_out(out, folder=RUN, overwrite=overwrite)
        options = settled(options, out, existing, progress.say)
    run = planned(options, out, progress)
    threads, where = threads_of(options, out or Path()), device
    if device == "auto":
        where = options.device
    if calibrate:
        from ...analysis.cost.calibrate import calibrated

        with progress.stage("calibration") as advance:
            rates = calibrated(run.work, where, threads, advance)
    else:
        rates = usual_rates(where, threads)
    counts = workers or [1, *([options.workers] if options.workers else []), SIMULATED]
    found = outlook_of(run, rates, sorted(set(counts)), measured or ())
    if graph is not None:
        from ...analysis.figures.cell_graph import graph_svg

        write_text(graph, graph_svg(run.graph, found.states))
        tell([f"graph in {graph}"])
    if as_json:
        typer.echo(json.dumps(found.plain(), ensure_ascii=False))
    else:
        from ...analysis.screen.plan import print_plan

        print_plan(found, as_flags)


def _recorded(out: Path | None) -> RunConfig:
    """The options of the run in a folder."""
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.renamed import renamed
    from ...data.errors import ConfigError
    from ...data.output.run_record import run_configuration

    assert out is not None
    found = run_configuration(out)
    if found is None:
        raise ConfigError(
            "does not contain a run",
            where=str(out),
            remedy="name the folder of a run, or a configuration",
        )
    return parse_config(renamed(found), where=str(out))
