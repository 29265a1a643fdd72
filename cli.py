"""The command line: every command by name, one error line, one exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

import typer

from . import __version__
from .commands import about
from .commands.ending import end_well
from .commands.flags import Command
from .commands.one_model import (
    artefacts,
    gates,
    groups,
    models,
    own_data,
    patterns,
    probes,
    prune,
    smaller,
    view,
)
from .commands.subnetworks import curve, hypotheses, mask, same_score
from .commands.whole_runs import (
    clean,
    comparing,
    export,
    glue,
    plan,
    runs,
    spread,
    stability,
    survival,
    verify,
)

app = typer.Typer(
    name="subprobe",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the good, random and bad subnetworks of a Transformer encoder and test what each "
    "knows about language.\n\nExample: subprobe run --out runs/quickstart",
)

COMMANDS: dict[str, Callable[..., None]] = {
    "run": runs.run,
    "plan": plan.plan,
    "data": own_data.data,
    "artefacts": artefacts.artefacts,
    "groups": groups.groups,
    "finetune": models.finetune,
    "prune": prune.prune,
    "gates": gates.gates,
    "sample": models.sample_mask,
    "curve": curve.curve,
    "evaluate": models.evaluate,
    "hypotheses": hypotheses.hypotheses,
    "probe": probes.probe,
    "view": view.view,
    "compact": smaller.compact,
    "bake": smaller.bake,
    "latency": smaller.latency,
    "compare": comparing.compare,
    "glue": glue.glue,
    "spread": spread.spread,
    "stability": stability.stability,
    "same-score": same_score.same_score,
    "survival": survival.survival,
    "report": runs.report,
    "export": export.export,
    "verify": verify.verify,
    "clean": clean.clean,
    "list": about.list_names,
    "config": about.config,
    "doctor": about.doctor,
}
"""Name on the command line -> function, in the order of the help."""

for _name, _command in COMMANDS.items():
    app.command(_name, cls=Command)(_command)
app.add_typer(patterns.app, name="patterns")
app.add_typer(mask.app, name="mask")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"subprobe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show where an error comes from")] = False,
) -> None:
    """Options before a command."""


@cache
def root_command() -> Any:
    """Every command with its options; reading them from annotations is slow."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line; an error is one line, and exit code 2 means an error of the user."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # pydantic would look for plugins in every installed package
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    words = sys.argv[1:]
    # a global option, in any position
    given = [word for word in words if word != "--debug"]
    end_well(lambda: root_command()(given), debug=len(given) < len(words))
