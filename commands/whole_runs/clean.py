"""The command that removes unneeded files from a run folder: clean."""

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
    yes: Annotated[bool, typer.Option("--yes", help="remove the listed files")] = False,
    as_json: AsJson = False,
) -> None:
    """List files in a run folder that are no longer needed, and remove them with --yes.

    These are cells outside the folder's configuration, damaged files that were set aside, logs of
    cells that are finished now, models that no step will read again, and files of killed processes.
    Files that subprobe did not write, and files in use, are kept.

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
    counted = "1 file or folder" if len(found) == 1 else f"{len(found)} files and folders"
    lines = f"{counted}, {size / 1e6:,.2f} MB {ending}"
    typer.echo(lines if found else "nothing to remove", err=True)
