"""The commands about the classifier of attention patterns: export, train, check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import AsJson, MaskIn, Model, NoSpecials, Quiet, emit, progress_of

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Label maps of your own, train the pattern classifier on them, check it on a model.\n\n"
    "Example: subprobe patterns export embedded --corpus natural --out maps",
)

Corpus = Annotated[str, typer.Option(help="natural, FILE.conllu or FILE.txt (a sentence a line)")]
Sentences = Annotated[int, typer.Option(help="at most so many of the corpus", min=1)]
Seed = Annotated[int, typer.Option(help="same seed, same result", min=0)]
Classifier = Annotated[str, typer.Option(help="classifier file; default: the shipped one")]


@app.command("export")
def export(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="folder for maps.safetensors and labels.csv")],
    mask: MaskIn = None,
    corpus: Corpus = "natural",
    sentences: Sentences = 1_000_000,
    maps: Annotated[int, typer.Option(help="of each kind, raw and norm-weighted", min=1)] = 200,
    seed: Seed = 0,
    patterns: Classifier = "",
    allow_no_specials: NoSpecials = False,
    quiet: Quiet = False,
) -> None:
    """Write a sample of a model's maps with proposed labels, to correct by hand.

    Example: subprobe patterns export embedded --corpus natural --out maps
    """
    from ..analysis.patterns.labelled_maps import export_maps
    from ..analysis.patterns.steps import maps_of
    from ..data.errors import ConfigError
    from ..probes.patterns.network import classifier_of

    if out.exists():
        raise ConfigError("exists already", where=str(out), remedy="name a new folder with --out")
    classifier = classifier_of(patterns)
    found, _ = maps_of(
        model, mask, corpus, sentences, maps, seed, progress_of(quiet),
        allow_no_specials=allow_no_specials,
    )  # fmt: skip
    export_maps(found, out, classifier)
    typer.echo(f"{len(found)} maps in {out}; correct the column pattern of labels.csv", err=True)


@app.command("train")
def train(
    folder: Annotated[
        Path, typer.Argument(help="folder with labels.csv and maps.safetensors or maps.npz")
    ],
    out: Annotated[Path, typer.Option("--out", help="folder for classifier and report")],
    start: Annotated[
        str, typer.Option(help="classifier to go on from; default: the shipped one")
    ] = "",
    from_nothing: Annotated[
        bool, typer.Option("--from-nothing", help="start from random weights instead")
    ] = False,
    epochs: Annotated[int, typer.Option(help="passes over the maps", min=1)] = 60,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train the pattern classifier on labelled maps; scores are of maps that it never saw.

    Example: subprobe patterns train maps --out my-patterns
    """
    from ..analysis.patterns.labelled_maps import retrain
    from ..analysis.screen.console import print_records
    from ..probes.patterns.synthetic import write_classifier

    fitted = retrain(folder, start=start, from_nothing=from_nothing, seed=seed, epochs=epochs)
    write_classifier(fitted, out)
    if as_json:
        typer.echo(json.dumps(fitted.report))
    else:
        shown = [{"score": name, "held-out maps": value} for name, value in fitted.report.items()
                 if not isinstance(value, dict)]  # fmt: skip
        print_records(shown, title=f"classifier in {out}")


@app.command("check")
def check(
    model: Model,
    mask: MaskIn = None,
    corpus: Corpus = "natural",
    sentences: Sentences = 1_000_000,
    maps: Annotated[int, typer.Option(help="of each kind, raw and norm-weighted", min=50)] = 2000,
    seed: Seed = 0,
    patterns: Classifier = "",
    allow_no_specials: NoSpecials = False,
    out: Annotated[Path | None, typer.Option("--out", help="one .csv or .parquet file")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Hold the classifier against mass rules and synthetic maps, on a model's own maps.

    Example: subprobe patterns check embedded --corpus natural
    """
    from ..analysis.patterns.check import check_patterns
    from ..analysis.patterns.steps import maps_of
    from ..analysis.running.identity import flagged
    from ..probes.patterns.network import classifier_of

    classifier = classifier_of(patterns)
    found, flag = maps_of(
        model, mask, corpus, sentences, maps, seed, progress_of(quiet),
        allow_no_specials=allow_no_specials,
    )  # fmt: skip
    rows: Any = check_patterns(found, classifier, seed=seed)
    rows = flagged(rows.assign(model=model, corpus=Path(corpus).name), flag)
    emit(rows, out, as_json)
    if not quiet:
        typer.echo(f"calibrated: {classifier.meta.get('calibrated', 'unknown')}", err=True)
