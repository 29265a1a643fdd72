"""The commands about subprobe itself: list, config, doctor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .options import AsJson


def list_names(
    what: Annotated[
        str,
        typer.Argument(
            help="tasks, probes, models, importance, or relations: names of both schemes",
            metavar="tasks|probes|models|importance|relations",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """List what there is.

    Example: subprobe list tasks
    """
    from ..analysis.catalogue import catalogue
    from ..analysis.screen.console import print_records

    records = catalogue(what)
    typer.echo(json.dumps(records)) if as_json else print_records(records, title=what)


def config() -> None:
    """Write every option of `run` with its default, as TOML.

    Example: subprobe config > run.toml
    """
    from ..analysis.configuration.config import RunConfig
    from ..analysis.configuration.config_toml import config_toml

    typer.echo(config_toml(RunConfig()), nl=False)


def doctor(as_json: AsJson = False) -> None:
    """Check versions, cores, the embedded encoder and the spaCy pipeline.

    Example: subprobe doctor
    """
    from ..analysis.doctor import examine
    from ..analysis.screen.console import print_records

    checks = examine()
    typer.echo(json.dumps(checks)) if as_json else print_records(checks, title="doctor")
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)
