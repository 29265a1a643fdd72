"""The command that removes what nothing needs from a run folder: clean."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ...data.errors import one_line
from ..options import AsJson, named


def clean(
    folder: Annotated[Path, named("a run folder", "RUN")],
    yes: Annotated[bool, typer.Option("--yes", help="remove what is listed")] = False,
    as_json: AsJson = False,
) -> None:
    """List what nothing in a run folder needs any more, and remove it with --yes.

    That is: cells that the folder's configuration does not reach, damaged files that were set
    aside, logs of cells that are finished now, models that everything has read, and what killed
    processes left. What subprobe did not write stays, and so does what a living process uses.

    Example: subprobe clean runs/quickstart --yes
    """
    from ...analysis.upkeep.clean import leftovers, remove

    found = leftovers(folder)
    if yes:
        remove(folder, found)
    size = sum(one.bytes for one in found)
    if as_json:
        held = {"removed": yes, "bytes": size, "files": [asdict(one) for one in found]}
        typer.echo(json.dumps(held, ensure_ascii=False))
        return
    for one in found:
        typer.echo(f"{one_line(one.path)}: {one.why} ({one.bytes / 1e6:,.2f} MB)")
    ending = "removed" if yes else "in all; --yes removes them"
    lines = f"{len(found)} files and folders, {size / 1e6:,.2f} MB {ending}"
    typer.echo(lines if found else "there is nothing to remove", err=True)
