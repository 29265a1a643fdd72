"""Options that several commands share, and how they tell and print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.output.outputs import TABLES, prepare_out, user_path
from ..data.seeds import check_seed


def reading(option: str, text: str) -> Any:
    """An option with the path of something that is read; `~` is the home folder."""
    return typer.Option(option, parser=user_path, metavar="PATH", help=text)


def writing(text: str, option: str = "--out") -> Any:
    """An option with a path that is written to; `prepare_out` checks it before any work."""
    return typer.Option(option, parser=user_path, metavar="PATH", help=text)


def named(text: str, metavar: str) -> Any:
    """An argument with the path of something that is read; `~` is the home folder."""
    return typer.Argument(parser=user_path, metavar=metavar, help=text)


Model = Annotated[
    str,
    typer.Argument(help="embedded, a folder written as a path (./m), or a hub id", metavar="MODEL"),
]
Task = Annotated[str, typer.Option("--task", help="task id, any case; see: subprobe list tasks")]
OptionalTask = Annotated[str | None, typer.Option("--task", help="task id, any case")]
DataDir = Annotated[Path | None, reading("--data-dir", "local folder with the task's files")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="role=name for your own files: first=, second=, label= (a class) or score= (a "
        "number), group= (what examples share)",
    ),
]
Quotes = Annotated[
    str, typer.Option("--quotes", help="of your own .tsv files: auto, undone, or literal")
]
AsClasses = Annotated[
    bool,
    typer.Option(
        "--as-classes", help="take every label as a class name, even numbers, '-', -1 and NA"
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels",
        help="TASK_CLASS=MODEL_CLASS,... if the model names its classes differently from the task",
    ),
]
MaskIn = Annotated[
    Path | None,
    reading("--mask", "mask file, or head_mask.npy, or a folder of them; none = whole model"),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="write even if other files are there: those in a folder stay, one in the way of a "
        "new file as NAME.bak; a file named by an option is replaced",
    ),
]
MaxLength = Annotated[
    int,
    typer.Option(help="subwords an example keeps; 0 = as the model was fine-tuned", min=0),
]
NoSpecials = Annotated[
    bool,
    typer.Option(
        "--allow-no-specials",
        help="continue even if the tokenizer never adds its special tokens",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no narration, no progress bars")]


def prepare_table(out: Path | None, overwrite: bool, *reads: Path | str | None) -> Path | None:
    """Check the one .csv or .parquet file that a command may write."""
    if out is None:
        return None
    return prepare_out(out, files=TABLES, overwrite=overwrite, reads=reads)


def prepare_folder(
    out: Path | None, writer: str, overwrite: bool, option: str = "--out"
) -> Path | None:
    """Check the folder that a command may write."""
    if out is None:
        return None
    return prepare_out(out, folder=writer, overwrite=overwrite, option=option)


def emit_tables(
    tables: Any, out: Path | None, writer: str, *, overwrite: bool, as_json: bool
) -> None:
    """Write named tables as CSV files into a folder, and print them as JSON, as asked for."""
    from ..data.output.tables import write_tables

    if out is not None:
        write_tables(tables, out, writer, overwrite=overwrite)
        typer.echo(f"{len(tables)} tables in {out}", err=True)
    if as_json:
        records = {name: json.loads(t.to_json(orient="records")) for name, t in tables.items()}
        typer.echo(json.dumps(records, ensure_ascii=False))


def as_seed(option: typer.CallbackParam, value: int | None) -> int | None:
    """Refuse a seed that no generator takes, before anything is read: a callback of options."""
    return value if value is None else check_seed(value, option.opts[0])


def progress_of(quiet: bool) -> Any:
    """Bars on the screen, or nothing."""
    from ..analysis.screen.progress import Bars
    from ..analysis.steps.progress import Silent

    return Silent() if quiet else Bars()


def tell(lines: Iterable[str]) -> None:
    """Say lines on stderr."""
    for line in lines:
        typer.echo(line, err=True)


def emit(rows: Any, out: Path | None, as_json: bool) -> None:
    """Send a frame of rows to `out`, or to stdout as JSON or as a table."""
    from ..analysis.screen.console import print_rows
    from ..data.output.tables import rows_frame, write_csv, write_parquet

    rows = rows_frame(rows)
    if out is not None:
        (write_parquet if out.suffix.lower() == ".parquet" else write_csv)(rows, out)
        typer.echo(f"{len(rows)} rows in {out}", err=True)
    if as_json:
        typer.echo(rows.to_json(orient="records"))
    elif out is None:
        print_rows(rows)
