"""The commands: parse, call, print. Everything heavy is imported inside a command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from . import __version__
from .data.errors import SubprobeError

app = typer.Typer(
    name="subprobe",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find the good, random and bad subnetworks of a Transformer encoder and test what each "
    "still knows about language.\n\nExample: subprobe run --out runs/quickstart",
)

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
AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no narration, no progress bars")]


def _progress(quiet: bool) -> Any:
    from .analysis.progress import Bars, Silent

    return Silent() if quiet else Bars()


def _emit(rows: Any, out: Path | None, as_json: bool) -> None:
    """Send a frame of rows to `out`, or to stdout as JSON or as a table."""
    from .analysis.console import print_rows
    from .data.tables import rows_frame, write_csv, write_parquet

    rows = rows_frame(rows)
    if out is not None:
        (write_parquet if out.suffix == ".parquet" else write_csv)(rows, out)
        typer.echo(f"{len(rows)} rows in {out}", err=True)
    if as_json:
        typer.echo(rows.to_json(orient="records"))
    elif out is None:
        print_rows(rows)


@app.command()
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
    from .analysis.config import parse_config, read_config
    from .analysis.console import print_comparison, print_lines
    from .analysis.experiment import run_experiment

    options = read_config(config)
    given = {"model": model, "tasks": task, "seeds": seed, "data_dir": data_dir and str(data_dir)}
    overrides = {name: value for name, value in given.items() if value}
    if overrides:
        options = parse_config({**options.model_dump(), **overrides}, where="command line")
    finished = run_experiment(options, out, _progress(quiet))
    if as_json:
        typer.echo(json.dumps(finished.summary(), ensure_ascii=False))
    else:
        print_comparison(finished.rows)
        print_lines([f"report: {out / 'report.html'}, tables and masks: {out}"])


@app.command()
def finetune(
    out: Annotated[Path, typer.Option("--out", help="folder for the fine-tuned model")],
    task: Task,
    model: Annotated[
        str, typer.Option("--model", help="embedded, ./folder or hub id")
    ] = "embedded",
    data_dir: DataDir = None,
    column: Columns = None,
    seed: Annotated[int, typer.Option(help="initialises the task head")] = 1,
    order_seed: Annotated[
        int | None, typer.Option(help="orders the examples and drops out; default: --seed")
    ] = None,
    selection: Annotated[
        str, typer.Option(help="held-out sets examples aside for choosing masks; or reported")
    ] = "held-out",
    learning_rate: Annotated[float, typer.Option(help="0 = recorded for the model")] = 0.0,
    epochs: Annotated[float, typer.Option(help="0 = recorded for the model")] = 0.0,
    batch_size: Annotated[int, typer.Option(help="0 = recorded for the model")] = 0,
    max_length: Annotated[int, typer.Option(help="subwords kept; 0 = recorded")] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune an encoder on a task.

    Example: subprobe finetune --task acceptability --seed 1 --out ./models/acc-1
    """
    from .analysis.config import parse_config
    from .analysis.single import fine_tune_to_folder, task_choice

    recipe = {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "max_length": max_length,
    }
    options = parse_config(
        {"recipe": recipe, "prune": {"selection": selection}}, where="command line"
    )
    meta = fine_tune_to_folder(
        model,
        task_choice(task, data_dir, column),
        out,
        seed=seed,
        order_seed=seed if order_seed is None else order_seed,
        selection=selection,
        options=options.recipe,
        progress=_progress(quiet),
    )
    typer.echo(json.dumps(meta) if as_json else f"fine-tuned model in {out}", err=not as_json)


@app.command()
def prune(
    model: Model,
    task: Task,
    out: Annotated[Path, typer.Option("--out", help="mask file (.safetensors)")],
    data_dir: DataDir = None,
    column: Columns = None,
    rule: Annotated[str, typer.Option(help="gain (over the majority) or study")] = "gain",
    threshold: Annotated[float, typer.Option(help="share that must be kept")] = 0.9,
    scores: Annotated[str, typer.Option(help="default or study")] = "default",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the good subnetwork of a fine-tuned model.

    Example: subprobe prune ./models/acc-1 --task acceptability --out good.safetensors
    """
    from .analysis.config import parse_config
    from .analysis.console import print_mask
    from .analysis.single import load_for_task, prune_to_mask, task_choice

    given = {"rule": rule, "threshold": threshold, "scores": scores}
    options = parse_config({"prune": given}, where="command line").prune
    loaded = load_for_task(model, task_choice(task, data_dir, column))
    good = prune_to_mask(loaded, options, out, _progress(quiet))
    typer.echo(json.dumps(good.describe())) if as_json else print_mask(good, out)


@app.command()
def sample(
    mask: Annotated[Path, typer.Argument(help="a good mask (.safetensors)", metavar="MASK")],
    kind: Annotated[str, typer.Option("--kind", help="random or bad")],
    out: Annotated[Path, typer.Option("--out", help="mask file (.safetensors)")],
    seed: Annotated[int, typer.Option(help="same seed, same bytes")] = 0,
    draw: Annotated[int, typer.Option(help="number of the draw")] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw a random or bad subnetwork of exactly a good one's size.

    Example: subprobe sample good.safetensors --kind bad --seed 1 --out bad.safetensors
    """
    from .analysis.console import print_mask
    from .pruning.controls import sample_control
    from .pruning.subnetwork import Subnetwork

    drawn = sample_control(kind, Subnetwork.load(mask), seed=seed, draw=draw)
    drawn.save(out)
    typer.echo(json.dumps(drawn.describe())) if as_json else print_mask(drawn, out)


@app.command()
def evaluate(
    model: Model,
    task: Task,
    mask: MaskIn = None,
    data_dir: DataDir = None,
    column: Columns = None,
    other_weights: Annotated[
        bool, typer.Option("--other-weights", help="accept a mask found on other weights")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", help="CSV or Parquet file")] = None,
    as_json: AsJson = False,
) -> None:
    """Score a fine-tuned model, whole or under a mask.

    Example: subprobe evaluate ./models/acc-1 --mask good.safetensors --task acceptability
    """
    from .analysis.single import evaluate_rows, load_for_task, load_mask, task_choice

    loaded = load_for_task(model, task_choice(task, data_dir, column))
    chosen = load_mask(mask, loaded.model, other_weights=other_weights)
    _emit(evaluate_rows(loaded, chosen), out, as_json)


@app.command()
def probe(
    model: Model,
    probe: Annotated[list[str], typer.Option("--probe", help="name; repeat for several")],
    mask: MaskIn = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="natural, FILE.conllu (gold) or FILE.txt (a sentence a line)"),
    ] = None,
    task: OptionalTask = None,
    split: Annotated[str | None, typer.Option(help="split of --task")] = None,
    data_dir: DataDir = None,
    column: Columns = None,
    sentences: Annotated[int, typer.Option(help="at most so many of the corpus")] = 1_000_000,
    examples: Annotated[int, typer.Option(help="at most so many of the task")] = 64,
    max_length: Annotated[int, typer.Option(help="subwords a sentence keeps")] = 128,
    selection: Annotated[
        str,
        typer.Option(help="held-out: choose heads on one half, score on the other; or reported"),
    ] = "held-out",
    pipeline: Annotated[str, typer.Option(help="spaCy pipeline for plain text")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="one .csv or .parquet file, or a folder")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test what one model, whole or under a mask, knows about language.

    Example: subprobe probe embedded --probe dependency-heads --corpus natural --out heads.csv
    """
    from .analysis.config import parse_config
    from .analysis.single import probe_rows, task_choice, write_probe_folder

    given = {
        "names": probe,
        "sentences": sentences,
        "attribution_examples": examples,
        "max_length": max_length,
        "selection": selection,
        "pipeline": pipeline,
    }
    options = parse_config({"probe": given}, where="command line").probe
    choice = task_choice(task, data_dir, column) if task else None
    output = probe_rows(
        model, mask, options, corpus=corpus, task=choice, split=split, progress=_progress(quiet)
    )
    if out is not None and out.suffix not in {".csv", ".parquet"}:
        write_probe_folder(output, out)
        typer.echo(f"{len(output.rows)} rows and {len(output.items)} items in {out}", err=True)
        out = None if as_json else out
    else:
        _emit(output.rows, out, as_json)


@app.command()
def compare(
    folder: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    out: Annotated[Path | None, typer.Option("--out", help="folder for CSV tables")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold the subnetworks of a run against each other.

    Example: subprobe compare runs/quickstart
    """
    from .analysis.compare import summaries
    from .analysis.console import print_comparison
    from .analysis.run_folder import load_rows
    from .data.tables import write_csv

    rows = load_rows(folder)
    tables = summaries(rows)
    if out is not None:
        for name, table in tables.items():
            write_csv(table, out / f"{name}.csv")
        typer.echo(f"{len(tables)} tables in {out}", err=True)
    if as_json:
        records = {name: json.loads(t.to_json(orient="records")) for name, t in tables.items()}
        typer.echo(json.dumps(records, ensure_ascii=False))
    elif out is None:
        print_comparison(rows)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="a run folder", metavar="RUN")],
    out: Annotated[
        Path | None, typer.Option("--out", help="HTML file; default: RUN/report.html")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="also write every figure as SVG and PNG into this folder")
    ] = None,
) -> None:
    """Write the report of a run again, from its tables.

    Example: subprobe report runs/quickstart --out report.html
    """
    from .analysis.figures import save_figures
    from .analysis.report import write_report
    from .analysis.run_folder import load_manifest, load_rows

    rows = load_rows(folder)
    target = out or folder / "report.html"
    write_report(rows, load_manifest(folder), target)
    typer.echo(f"report in {target}", err=True)
    if figures is not None:
        written = save_figures(rows, figures)
        typer.echo(f"{len(written)} figures in {figures}", err=True)


@app.command("list")
def list_names(
    what: Annotated[
        str, typer.Argument(help="tasks, probes or models", metavar="tasks|probes|models")
    ],
    as_json: AsJson = False,
) -> None:
    """List what there is.

    Example: subprobe list tasks
    """
    from .analysis.catalogue import catalogue
    from .analysis.console import print_records

    records = catalogue(what)
    typer.echo(json.dumps(records)) if as_json else print_records(records, title=what)


@app.command()
def config() -> None:
    """Write every option of `run` with its default, as TOML.

    Example: subprobe config > run.toml
    """
    from .analysis.config import RunConfig, config_toml

    typer.echo(config_toml(RunConfig()), nl=False)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check versions, cores, the embedded encoder and the spaCy pipeline.

    Example: subprobe doctor
    """
    from .analysis.console import print_records
    from .analysis.doctor import examine

    checks = examine()
    typer.echo(json.dumps(checks)) if as_json else print_records(checks, title="doctor")
    if not all(check["ok"] for check in checks):
        raise typer.Exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"subprobe {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Options before a command."""


def main() -> None:
    """Run the command line; what a user can mend ends with one line and exit code 2."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        app()
    except SubprobeError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("stopped; run the same command again to go on", err=True)
        sys.exit(130)
