"""The command that probes one model: probe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import TABLES, is_file_name, prepare_out, user_text
from ...data.seeds import LARGEST_NUMBER
from ..options import (
    Ablation,
    AsClasses,
    AsJson,
    Columns,
    Correction,
    DataDir,
    Device,
    DonorSeed,
    GroupDisjoint,
    Labels,
    MaskIn,
    MatchDonors,
    Model,
    NoSpecials,
    OptionalTask,
    Overwrite,
    Quiet,
    Quotes,
    as_seed,
    batch_size_option,
    corpus_option,
    emit,
    limit_option,
    max_length_option,
    part_option,
    progress_of,
    reading,
    writing,
)


def probe(
    model: Model,
    probe: Annotated[list[str], typer.Option("--probe", help="name; repeat for several")],
    mask: MaskIn = None,
    ablation: Ablation = "",
    match_donors: MatchDonors = "",
    donor_seed: DonorSeed = None,
    reference: Annotated[
        str | None,
        typer.Option(help="model that attention-change compares with; default: pretrained"),
    ] = None,
    corpus: Annotated[str | None, corpus_option()] = None,
    train: Annotated[
        str | None,
        part_option(
            "--train", "training file of probes of hidden states, or of masks of a property"
        ),
    ] = None,
    dev: Annotated[
        str | None,
        part_option("--dev", "file that decides when training stops; default: 10% of --train"),
    ] = None,
    test: Annotated[
        str | None,
        part_option(
            "--test", "file that they are scored on; with it, --corpus is the training file"
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        reading("--cache", "folder for hidden states; without it, they are removed after use"),
    ] = None,
    cache_limit: Annotated[
        float, typer.Option("--cache-limit", help="GiB of disk space for hidden states")
    ] = 20.0,
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
    group_disjoint: GroupDisjoint = False,
    limit: Annotated[int, limit_option("all sentences, 64 examples")] = 0,
    batch_size: Annotated[int, batch_size_option("32")] = 0,
    max_length: Annotated[int, max_length_option("128, for task examples as in fine-tuning")] = 0,
    pre_split: Annotated[
        bool,
        typer.Option(
            "--pre-split",
            help="tokenize each word separately, as published, instead of the raw text",
        ),
    ] = False,
    allow_no_specials: NoSpecials = False,
    head_selection: Annotated[
        str,
        typer.Option(
            help="sentences that heads are chosen on: held-out (one half; the other half is "
            "scored) or reported (all)"
        ),
    ] = "held-out",
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="PROBE.OPTION=VALUE, such as attention-trees.root=free; repeat for several; see: "
            "subprobe list probes --verbose"
        ),
    ] = None,
    correction: Correction = "holm",
    untrained: Annotated[
        int | None,
        typer.Option(
            help="probe the same architecture with random weights of this seed instead",
            callback=as_seed,
        ),
    ] = None,
    pipeline: Annotated[str, typer.Option(help="spaCy pipeline for plain text")] = "",
    reparse: Annotated[
        bool, typer.Option("--reparse", help="parse with spaCy even where gold annotation exists")
    ] = False,
    device: Device = "auto",
    out: Annotated[Path | None, writing("one .csv or .parquet file, or a folder")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test what one model, full or under a mask, knows about language.

    Probes of hidden states are trained on a generated treebank by default; a single --corpus is
    split into parts.

    Example: subprobe probe embedded --probe dependency-heads --corpus natural --out heads.csv
    """
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.single.single_probe import PROBE, probe_rows, write_probe_folder
    from ...data.tasks.class_order import parse_pairs
    from ...probes.options import parse_options

    if out is not None:
        out = prepare_out(
            out,
            files=TABLES,
            folder=PROBE,
            overwrite=overwrite,
            reads=[model, mask, corpus, train, dev, test],
        )
    given = {
        "names": probe,
        "train": train or "",
        "dev": dev or "",
        "test": test or "",
        "cache_limit": cache_limit,
        "tokens": tokens,
        "sentences": limit or LARGEST_NUMBER,
        "train_sentences": limit or LARGEST_NUMBER,
        "examples": limit or 64,
        "max_length": max_length,
        "pre_split": pre_split,
        "selection": head_selection,
        "correction": correction,
        "options": parse_options(option or ()),
        "pipeline": user_text(pipeline),
        "reparse": reparse,
    }
    options = parse_config({"probe": given}, where="command line").probe
    choice = (
        task_choice(
            task,
            data_dir,
            column,
            quotes=quotes,
            as_classes=as_classes,
            group_disjoint=group_disjoint,
        )
        if task
        else None
    )
    output = probe_rows(
        model,
        mask,
        options,
        corpus=corpus,
        task=choice,
        split=split,
        progress=progress_of(quiet),
        untrained=untrained,
        reference=reference,
        labels=parse_pairs(labels or ()),
        allow_no_specials=allow_no_specials,
        batch_size=batch_size,
        device=device,
        cache=cache,
        ablation=ablation,
        match_donors=match_donors,
        donor_seed=donor_seed,
    )
    if out is not None and not is_file_name(out):
        n_items = write_probe_folder(output, out, overwrite=overwrite)
        typer.echo(f"{len(output.rows)} rows and {n_items} items in {out}", err=True)
        out = None if as_json else out
    else:
        emit(output.rows, out, as_json)
