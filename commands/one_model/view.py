"""The command that shows one sentence: view."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import PAGES, prepare_out
from ..options import AsJson, Device, MaskIn, Model, NoSpecials, Overwrite, progress_of, writing


def view(
    model: Model,
    sentence: Annotated[str, typer.Argument(help="sentence", metavar="SENTENCE")],
    second: Annotated[str | None, typer.Option(help="second sentence of a pair")] = None,
    mask: MaskIn = None,
    attribution: Annotated[
        list[str] | None,
        typer.Option(
            help="also colour the words by their attribution for the predicted class, by this "
            "method (integrated-gradients, shapley-sampling, ...); repeat for several",
            metavar="METHOD",
        ),
    ] = None,
    max_length: Annotated[
        int,
        typer.Option(
            help="maximum subwords per text; 0 = refuse texts longer than the model's positions",
            min=0,
        ),
    ] = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    out: Annotated[Path | None, writing("HTML file")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Show what every head attends to in one sentence, as one HTML page that works offline.

    Example: subprobe view embedded "The cat sat on the mat." --out view.html
    """
    from ...data.errors import ConfigError

    if out is None and not as_json:
        raise ConfigError("no output is named", remedy="add --out view.html, or --json")

    if out is not None:
        out = prepare_out(out, files=PAGES, overwrite=overwrite)

    from ...analysis.report.head_page import heads_numbers, render_heads
    from ...analysis.single.sentence_maps import heads_of
    from ...data.files.atomic import write_text

    heads = heads_of(
        model, mask, sentence, second, methods=attribution or (), max_length=max_length,
        allow_no_specials=allow_no_specials, device=device, say=progress_of(False).say,
    )  # fmt: skip
    if out is not None:
        write_text(out, render_heads(heads))
        kept = f"{int(heads.alive.sum())} of {heads.alive.size} heads kept"
        typer.echo(f"{len(heads.tokens)} subwords, {kept}: {out}", err=True)
    if as_json:
        typer.echo(json.dumps(heads_numbers(heads)))
