"""Options that several commands share, and how they tell and print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Model = Annotated[
    str,
    typer.Argument(help="embedded, a folder written as a path (./m), or a hub id", metavar="MODEL"),
]
Task = Annotated[str, typer.Option("--task", help="task id, any case; see: subprobe list tasks")]
OptionalTask = Annotated[str | None, typer.Option("--task", help="task id, any case")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="local folder with the task's files")
]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="role=name for your own files: first=, second=, label="),
]
MaskIn = Annotated[Path | None, typer.Option("--mask", help="mask file; none = whole model")]
MaxLength = Annotated[
    int,
    typer.Option(help="subwords an example keeps; 0 = as the model was fine-tuned", min=0),
]
NoSpecials = Annotated[
    bool,
    typer.Option(
        "--allow-no-specials",
        help="go on where the tokenizer never adds the special tokens that it knows",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no narration, no progress bars")]


def progress_of(quiet: bool) -> Any:
    """Bars on the screen, or nothing."""
    from ..analysis.running.progress import Silent
    from ..analysis.screen.progress import Bars

    return Silent() if quiet else Bars()


def emit(rows: Any, out: Path | None, as_json: bool) -> None:
    """Send a frame of rows to `out`, or to stdout as JSON or as a table."""
    from ..analysis.screen.console import print_rows
    from ..data.tables import rows_frame, write_csv, write_parquet

    rows = rows_frame(rows)
    if out is not None:
        (write_parquet if out.suffix == ".parquet" else write_csv)(rows, out)
        typer.echo(f"{len(rows)} rows in {out}", err=True)
    if as_json:
        typer.echo(rows.to_json(orient="records"))
    elif out is None:
        print_rows(rows)
