"""The commands about the classifier of attention patterns: export, train, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.output.outputs import prepare_out, user_text
from ..flags import Command
from ..options import (
    AsJson,
    Corpus,
    Device,
    Limit,
    MaskIn,
    Model,
    NoSpecials,
    Overwrite,
    Quiet,
    Seed,
    batch_size_option,
    emit,
    max_length_option,
    named,
    prepare_table,
    progress_of,
    writing,
)

TRAIN = "patterns train"
"""What the record of a folder calls a classifier and its report."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Label your own maps, train the pattern classifier on them, check it on a model.\n\n"
    "Example: subprobe patterns export embedded --corpus natural --out maps",
)

BatchSize = Annotated[int, batch_size_option("32")]
MaxLength = Annotated[int, max_length_option("128")]
Classifier = Annotated[
    str,
    typer.Option(parser=user_text, help="classifier file; default: the shipped one",
                 metavar="PATH"),
]  # fmt: skip


@app.command("export", cls=Command)
def export(
    model: Model,
    out: Annotated[Path, writing("folder for maps.safetensors and labels.csv")],
    mask: MaskIn = None,
    corpus: Corpus = "natural",
    limit: Limit = 0,
    maps: Annotated[
        int, typer.Option(help="maps of each kind (raw and norm-weighted)", min=1)
    ] = 200,
    seed: Seed = 0,
    patterns: Classifier = "",
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a sample of a model's maps with proposed labels, to be corrected by hand.

    Example: subprobe patterns export embedded --corpus natural --out maps
    """
    from ...analysis.patterns.labelled_maps import MAPS, export_maps
    from ...analysis.patterns.steps import maps_of
    from ...probes.patterns.network import classifier_of

    out = prepare_out(out, folder=MAPS, overwrite=overwrite, reads=[model])
    classifier = classifier_of(patterns)
    found, _ = maps_of(
        model, mask, corpus, limit, maps, seed, progress_of(quiet), batch_size=batch_size or 32,
        max_length=max_length, device=device, allow_no_specials=allow_no_specials,
    )  # fmt: skip
    export_maps(found, out, classifier, overwrite=overwrite)
    typer.echo(f"{len(found)} maps in {out}; correct the column pattern of labels.csv", err=True)


@app.command("train", cls=Command)
def train(
    folder: Annotated[
        Path, named("folder with labels.csv and maps.safetensors or maps.npz", "FOLDER")
    ],
    out: Annotated[Path, writing("folder for classifier and report")],
    start: Annotated[
        str,
        typer.Option(
            parser=user_text,
            metavar="PATH",
            help="classifier that training starts from; default: the shipped one",
        ),
    ] = "",
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="start from random weights instead")
    ] = False,
    epochs: Annotated[int, typer.Option(help="passes over the data", min=1)] = 60,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train the pattern classifier on labelled maps and score it on held-out maps.

    Example: subprobe patterns train maps --out my-patterns
    """
    from ...analysis.patterns.labelled_maps import retrain
    from ...analysis.screen.records import print_records
    from ...data.output.folders import atomic_folder
    from ...probes.patterns.synthetic import write_classifier

    out = prepare_out(out, folder=TRAIN, overwrite=overwrite, reads=[folder])
    fitted = retrain(folder, start=start, from_nothing=from_nothing, seed=seed, epochs=epochs)
    with atomic_folder(out, TRAIN, overwrite=overwrite) as written:
        write_classifier(fitted, written)
    if as_json:
        typer.echo(json.dumps(fitted.report))
    else:
        shown = [{"score": name, "held-out maps": value} for name, value in fitted.report.items()
                 if not isinstance(value, dict)]  # fmt: skip
        print_records(shown, title=f"classifier in {out}")


@app.command("check", cls=Command)
def check(
    model: Model,
    mask: MaskIn = None,
    corpus: Corpus = "natural",
    limit: Limit = 0,
    maps: Annotated[
        int, typer.Option(help="maps of each kind (raw and norm-weighted)", min=50)
    ] = 2000,
    seed: Seed = 0,
    patterns: Classifier = "",
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    out: Annotated[Path | None, writing("one .csv or .parquet file")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare the classifier with mass rules and synthetic maps on a model's own maps.

    Example: subprobe patterns check embedded --corpus natural
    """
    from ...analysis.patterns.check import check_patterns
    from ...analysis.patterns.steps import maps_of
    from ...analysis.steps.identity import flagged
    from ...probes.patterns.network import classifier_of

    out = prepare_table(out, overwrite, model, mask)
    classifier = classifier_of(patterns)
    found, flag = maps_of(
        model, mask, corpus, limit, maps, seed, progress_of(quiet), batch_size=batch_size or 32,
        max_length=max_length, device=device, allow_no_specials=allow_no_specials,
    )  # fmt: skip
    rows: Any = check_patterns(found, classifier, seed=seed)
    rows = flagged(rows.assign(model=model, corpus=Path(corpus).name), flag)
    emit(rows, out, as_json)
    if not quiet:
        typer.echo(f"calibrated: {classifier.meta.get('calibrated', 'unknown')}", err=True)
