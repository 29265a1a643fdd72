"""Options that several commands share, and their output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.errors import ConfigError, UnknownNameError
from ..data.output.outputs import TABLES, prepare_out, user_path, user_text
from ..data.seeds import check_seed
from .flags import as_flags, wording

CORRECTIONS = ("holm", "fdr_bh")
DEVICES = ("auto", "cpu", "cuda")


def reading(option: str, text: str) -> Any:
    """An option with the path of an input; `~` is the home folder."""
    return typer.Option(option, parser=user_path, metavar="PATH", help=text)


def writing(text: str, option: str = "--out") -> Any:
    """An option with the path of an output; `prepare_out` checks it before any work."""
    return typer.Option(option, parser=user_path, metavar="PATH", help=text)


def named(text: str, metavar: str) -> Any:
    """An argument with the path of an input; `~` is the home folder."""
    return typer.Argument(parser=user_path, metavar=metavar, help=text)


def as_seed(option: typer.CallbackParam, value: int | None) -> int | None:
    """Refuse an invalid seed before anything is read: a callback of options."""
    return value if value is None else check_seed(value, option.opts[0])


def _as_correction(value: str) -> str:
    """Check the name of a correction: a callback of options."""
    if value == "bh":
        raise ConfigError("bh was renamed to fdr_bh", where="--correction")
    if value not in CORRECTIONS:
        raise UnknownNameError("correction", value, CORRECTIONS)
    return value


def _as_device(value: str) -> str:
    """Check the name of a device, which need not exist: a callback of options."""
    if value not in DEVICES:
        raise UnknownNameError("device", value, DEVICES)
    return value


def max_length_option(usual: str) -> Any:
    """`--max-length`, where 0 means the default."""
    said = f"maximum subwords per text; longer texts are cut and counted; 0 = {usual}"
    return typer.Option("--max-length", help=said, min=0)


def batch_size_option(usual: str) -> Any:
    """`--batch-size`, where 0 means the default."""
    said = f"examples per batch; 0 = {usual}"
    return typer.Option("--batch-size", help=said, min=0)


def limit_option(everything: str = "all") -> Any:
    """`--limit`, where 0 means all examples."""
    said = f"maximum number of examples per part of the task, or of sentences; 0 = {everything}"
    return typer.Option("--limit", help=said, min=0)


def corpus_option() -> Any:
    """`--corpus`: the sentences to read."""
    said = "natural, FILE.conllu (gold) or FILE.txt (one sentence per line)"
    return typer.Option("--corpus", parser=user_text, metavar="TEXT", help=said)


def part_option(option: str, text: str) -> Any:
    """A part of a corpus: a file, as in `--corpus`."""
    return typer.Option(option, parser=user_text, metavar="FILE", help=text)


def seed_option(what: str = "") -> Any:
    """`--seed`, with what it affects where that is not obvious."""
    said = f"seed of the random choices{what and f' ({what})'}; same seed, same result"
    return typer.Option("--seed", help=said, callback=as_seed)


def permutations_option(most: int, more: str = "") -> Any:
    """`--permutations`, and other numbers that are set with it."""
    said = f"permutations of each test{more and f'; {more}'}"
    return typer.Option("--permutations", help=said, min=99, max=most)


def mask_option(more: str) -> Any:
    """`--mask`, and how it is used."""
    return reading("--mask", f"mask file, head_mask.npy, or a folder of them; {more}")


Model = Annotated[
    str,
    typer.Argument(help="embedded, a folder written as a path (./m), or a hub id", metavar="MODEL"),
]
_TASK = "task id, upper or lower case; see: subprobe list tasks"
Task = Annotated[str, typer.Option("--task", help=_TASK)]
OptionalTask = Annotated[str | None, typer.Option("--task", help=_TASK)]
DataDir = Annotated[Path | None, reading("--data-dir", "local folder with the task's files")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="role=name of a column in your own files: first=, second=, label= (a class) or "
        "score= (a number), group= (source that examples share), rationale= (human rationales), "
        "counterfactual= and counterfactual_second= (texts of a paired input); for multiple "
        "choice context=, question=, options=, label= (right option), type=",
    ),
]
Quotes = Annotated[
    str,
    typer.Option(
        "--quotes",
        help="how quotes in your own .tsv files are read: auto, undone (removed), or literal",
    ),
]
OwnTask = Annotated[
    str,
    typer.Argument(help="task id, or a name for your own files with --column", metavar="TASK"),
]
EncoderEpochs = Annotated[
    int,
    typer.Option(
        "--epochs",
        help="passes over the data; only with --encoder; 0 = as recorded for the model",
        min=0,
    ),
]
AsClasses = Annotated[
    bool,
    typer.Option(
        "--as-classes", help="take every label as a class name, even numbers, '-', -1 and NA"
    ),
]
GroupDisjoint = Annotated[
    bool,
    typer.Option("--group-disjoint", help="remove from train the groups of splits that are scored"),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--labels",
        help="TASK_CLASS=MODEL_CLASS,... if the model and the task name classes differently",
    ),
]
MaskIn = Annotated[Path | None, mask_option("default: the full model")]
Mask = Annotated[Path, mask_option("for this model's heads, MLPs, neurons or weights")]
OtherWeights = Annotated[
    bool, typer.Option("--other-weights", help="accept a mask found on other weights")
]
Ablation = Annotated[
    str,
    typer.Option(
        "--ablation",
        help="what replaces the output of a pruned unit: zero, mean, mean-by-position, resample, "
        "counterfactual or learned; default: what the mask file says",
    ),
]
MatchDonors = Annotated[
    str,
    typer.Option(
        "--match-donors",
        help="examples from which --ablation resample draws: any, label (of the same class), "
        "length (the nearest), or label-length; default: any",
    ),
]
DonorSeed = Annotated[
    int | None,
    typer.Option("--donor-seed", help="seed of these draws; default: 0", callback=as_seed),
]
Corpus = Annotated[str, corpus_option()]
Limit = Annotated[int, limit_option()]
Seed = Annotated[int, seed_option()]
_SELECTION = "examples that masks are chosen on: held-out, or reported (as in the study)"
Selection = Annotated[str, typer.Option("--selection", help=_SELECTION)]
RecordedSelection = Annotated[
    str,
    typer.Option("--selection", help=f"{_SELECTION}; default: as the model was fine-tuned"),
]
Match = Annotated[
    str,
    typer.Option(
        "--match",
        help="what random masks have in common with the good one: its number of units in the whole "
        "model (model), or in each layer (layer)",
    ),
]
Correction = Annotated[
    str,
    typer.Option(
        "--correction",
        callback=_as_correction,
        help="correction of p-values for the number of tests: holm, or fdr_bh (Benjamini-Hochberg)",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="write even if other files exist; in a folder, a file with the name of a new one is "
        "kept as NAME.bak; a file named by an option is replaced",
    ),
]
MaxLength = Annotated[int, max_length_option("as the model was fine-tuned, else 128")]
BatchSize = Annotated[int, batch_size_option("64")]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        callback=_as_device,
        help="where the model runs: cpu, cuda, or auto (a GPU if there is one)",
    ),
]
NoSpecials = Annotated[
    bool,
    typer.Option(
        "--allow-no-specials",
        help="continue even if the tokenizer adds no special tokens",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON on stdout")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print no progress and no messages")]


def prepare_table(out: Path | None, overwrite: bool, *reads: Path | str | None) -> Path | None:
    """Check the one .csv or .parquet file that a command may write."""
    if out is None:
        return None
    return prepare_out(out, files=TABLES, overwrite=overwrite, reads=reads)


def prepare_folder(
    out: Path | None, writer: str, overwrite: bool, option: str = "out"
) -> Path | None:
    """Check the folder that a command may write."""
    if out is None:
        return None
    return prepare_out(out, folder=writer, overwrite=overwrite, option=option)


def emit_tables(
    tables: Any, out: Path | None, writer: str, *, overwrite: bool, as_json: bool
) -> None:
    """Write named tables as CSV files into a folder, and print them as JSON if requested."""
    from ..data.output.tables import write_tables

    if out is not None:
        write_tables(tables, out, writer, overwrite=overwrite)
        typer.echo(f"{len(tables)} tables in {out}", err=True)
    if as_json:
        records = {name: json.loads(t.to_json(orient="records")) for name, t in tables.items()}
        typer.echo(json.dumps(records, ensure_ascii=False))


UntrainedNull = Annotated[
    str,
    typer.Option(
        "--null",
        help="control: untrained repeats the training and the search in the encoder with random "
        "weights",
    ),
]


def progress_of(quiet: bool) -> Any:
    """Progress bars on the screen, or nothing."""
    from ..analysis.screen.progress import Bars
    from ..analysis.steps.progress import Silent

    return Silent() if quiet else Bars(wording())


def tell(lines: Iterable[str]) -> None:
    """Print lines on stderr."""
    for line in lines:
        typer.echo(as_flags(line), err=True)


def emit(rows: Any, out: Path | None, as_json: bool, *, scores: bool = False) -> None:
    """Send a frame of rows to `out`, or to stdout as JSON, as a table, or scores as sentences."""
    from ..analysis.screen.rows import print_rows, print_scores
    from ..data.output.tables import rows_frame, write_csv, write_parquet

    rows = rows_frame(rows)
    if out is not None:
        (write_parquet if out.suffix.lower() == ".parquet" else write_csv)(rows, out)
        typer.echo(f"{len(rows)} rows in {out}", err=True)
    if as_json:
        typer.echo(rows.to_json(orient="records"))
    elif out is None:
        (print_scores if scores else print_rows)(rows)
