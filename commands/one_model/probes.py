"""The commands that look into one model: probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.errors import ConfigError
from ...data.output.outputs import TABLES, is_file_name, prepare_out, user_text
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Labels,
    MaskIn,
    Model,
    NoSpecials,
    OptionalTask,
    Overwrite,
    Quiet,
    Quotes,
    as_seed,
    emit,
    progress_of,
    writing,
)


def probe(
    model: Model,
    probe: Annotated[list[str], typer.Option("--probe", help="name; repeat for several")],
    mask: MaskIn = None,
    reference: Annotated[
        str | None,
        typer.Option(help="model that attention-change compares with; default: pretrained"),
    ] = None,
    corpus: Annotated[
        str | None,
        typer.Option(help="natural, FILE.conllu (gold) or FILE.txt (a sentence a line)"),
    ] = None,
    tokens: Annotated[
        str, typer.Option(help="words of a .conllu corpus: syntactic (do, n't) or surface (don't)")
    ] = "syntactic",
    task: OptionalTask = None,
    split: Annotated[str | None, typer.Option(help="split of --task")] = None,
    data_dir: DataDir = None,
    column: Columns = None,
    labels: Labels = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    sentences: Annotated[int, typer.Option(help="at most so many of the corpus")] = 1_000_000,
    examples: Annotated[int, typer.Option(help="at most so many of the task")] = 64,
    max_length: Annotated[
        int,
        typer.Option(help="subwords a text keeps; 0 = 128, examples as fine-tuned", min=0),
    ] = 0,
    pre_split: Annotated[
        bool,
        typer.Option(
            "--pre-split",
            help="tokenize each word separately, as published, instead of the raw text",
        ),
    ] = False,
    allow_no_specials: NoSpecials = False,
    selection: Annotated[
        str,
        typer.Option(help="held-out: choose heads on one half, score on the other; or reported"),
    ] = "held-out",
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="PROBE.OPTION=VALUE, such as attention-trees.root=free; repeatable; see: "
            "subprobe list probes --verbose"
        ),
    ] = None,
    correction: Annotated[
        str, typer.Option(help="of p-values over heads x relations x directions: holm or fdr_bh")
    ] = "holm",
    untrained: Annotated[
        int | None,
        typer.Option(
            help="probe the same architecture with random weights of this seed instead",
            callback=as_seed,
        ),
    ] = None,
    pipeline: Annotated[str, typer.Option(help="spaCy pipeline for plain text")] = "",
    reparse: Annotated[
        bool, typer.Option("--reparse", help="parse with spaCy even where there is gold annotation")
    ] = False,
    patterns: Annotated[str | None, typer.Option("--patterns", hidden=True)] = None,
    out: Annotated[Path | None, writing("one .csv or .parquet file, or a folder")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test what one model, whole or under a mask, knows about language.

    Example: subprobe probe embedded --probe dependency-heads --corpus natural --out heads.csv
    """
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.single.single_probe import PROBE, probe_rows, write_probe_folder
    from ...data.tasks.class_order import parse_pairs
    from ...probes.options import parse_options

    if patterns is not None:
        raise ConfigError(
            "has another name now",
            where="--patterns",
            remedy="use --option attention-patterns.weights=FILE",
        )
    if out is not None:
        out = prepare_out(
            out, files=TABLES, folder=PROBE, overwrite=overwrite, reads=[model, mask, corpus]
        )
    given = {
        "names": probe,
        "tokens": tokens,
        "sentences": sentences,
        "examples": examples,
        "max_length": max_length,
        "pre_split": pre_split,
        "selection": selection,
        "correction": correction,
        "options": parse_options(option or ()),
        "pipeline": user_text(pipeline),
        "reparse": reparse,
    }
    options = parse_config({"probe": given}, where="command line").probe
    choice = (
        task_choice(task, data_dir, column, quotes=quotes, as_classes=as_classes) if task else None
    )
    output = probe_rows(
        model,
        mask,
        options,
        corpus=corpus and user_text(corpus),
        task=choice,
        split=split,
        progress=progress_of(quiet),
        untrained=untrained,
        reference=reference,
        labels=parse_pairs(labels or ()),
        allow_no_specials=allow_no_specials,
    )
    if out is not None and not is_file_name(out):
        write_probe_folder(output, out, overwrite=overwrite)
        typer.echo(f"{len(output.rows)} rows and {len(output.items)} items in {out}", err=True)
        out = None if as_json else out
    else:
        emit(output.rows, out, as_json)
