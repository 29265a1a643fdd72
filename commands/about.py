"""The commands about subprobe itself: list, config, doctor."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ..data.errors import ConfigError
from .options import AsJson


def list_names(
    what: Annotated[
        str,
        typer.Argument(
            help="tasks, probes, models, importance, or relations (names in both schemes)",
            metavar="tasks|probes|models|importance|relations",
        ),
    ],
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="also list every option of each probe, with its values"
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the available tasks, probes, models, importance measures or relations.

    Example: subprobe list tasks
    """
    from ..analysis.catalogue import catalogue, probe_options
    from ..analysis.screen.records import print_records

    if verbose and what != "probes":
        raise ConfigError(f"{what} have no options to list", where="--verbose")
    options = probe_options() if verbose else []
    records = catalogue(what)
    if as_json:
        typer.echo(json.dumps({what: records, "options": options} if verbose else records))
        return
    print_records(records, title=what)
    if verbose:
        print_records(options, title="options of probes")


def config(
    name: Annotated[
        str | None,
        typer.Argument(help="name of a shipped configuration; default: the default options"),
    ] = None,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="list the configurations that come with subprobe")
    ] = False,
) -> None:
    """Write every option of `run` as TOML: the defaults, or a shipped configuration.

    Example: subprobe config > run.toml

    Example: subprobe config study > replication.toml
    """
    from ..analysis.configuration.config import read_config
    from ..analysis.configuration.config_toml import config_toml
    from ..analysis.configuration.shipped import described, shipped_file

    if shipped:
        from ..analysis.screen.records import print_records

        print_records(described(), keep=("config", "what"))
        return
    typer.echo(config_toml(read_config(name and shipped_file(name))), nl=False)


def doctor(as_json: AsJson = False) -> None:
    """Check versions, cores, the embedded encoder and the spaCy pipeline.

    Example: subprobe doctor
    """
    from ..analysis.doctor import examine
    from ..analysis.screen.records import print_records

    checks = examine()
    typer.echo(json.dumps(checks)) if as_json else print_records(checks, title="doctor")
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)
