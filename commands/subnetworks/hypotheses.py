"""The command that tests whether a mask is sufficient, necessary and minimal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...data.seeds import LARGEST_NUMBER
from ..one_model.task_model import open_for_task
from ..options import (
    AsClasses,
    AsJson,
    BatchSize,
    Columns,
    Correction,
    DataDir,
    Device,
    Labels,
    Limit,
    Mask,
    MaxLength,
    Model,
    NoSpecials,
    OtherWeights,
    Overwrite,
    Quiet,
    Quotes,
    Seed,
    Task,
    emit_tables,
    permutations_option,
    prepare_folder,
    progress_of,
    writing,
)


def hypotheses(
    model: Model,
    mask: Mask,
    task: Task,
    hypothesis: Annotated[
        list[str] | None,
        typer.Option(
            "--hypothesis",
            help="sufficiency, necessity, equivalence, independence or minimality; repeat for "
            "several; default: all",
        ),
    ] = None,
    draws: Annotated[
        int,
        typer.Option(
            "--draws",
            min=1,
            max=100_000,
            help="number of draws; random masks for each test, and pruned units of each type "
            "that are put back",
        ),
    ] = 100,
    share: Annotated[
        float,
        typer.Option("--share", help="share of random masks or pruned units that must be beaten"),
    ] = 0.9,
    margin: Annotated[
        float,
        typer.Option(
            "--margin",
            help="equivalence: largest deviation of the share of wins from .5 that counts as equal",
        ),
    ] = 0.1,
    criterion: Annotated[
        str,
        typer.Option(
            "--criterion",
            help="what the subnetwork must keep: score, or kl (divergence from the full model)",
        ),
    ] = "score",
    match: Annotated[
        list[str] | None,
        typer.Option(
            "--match",
            help="what random masks have in common with the good one: its number of units in the "
            "whole model (model), or in each layer (layer); repeat for both; default: model",
        ),
    ] = None,
    within: Annotated[
        str,
        typer.Option(
            "--within",
            help="necessity: units that are knocked out at random: all (model), or those that the "
            "mask prunes (pruned)",
        ),
    ] = "model",
    permutations: Annotated[
        int,
        permutations_option(LARGEST_NUMBER, "for independence"),
    ] = 999,
    most_units: Annotated[
        int,
        typer.Option(
            "--most-units",
            min=0,
            max=LARGEST_NUMBER,
            help="maximum number of kept units of each type that are tested for minimality; of "
            "more, a random sample is tested; 0 = all",
        ),
    ] = 200,
    correction: Correction = "fdr_bh",
    data_dir: DataDir = None,
    column: Columns = None,
    labels: Labels = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    other_weights: OtherWeights = False,
    seed: Seed = 0,
    limit: Limit = 0,
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    out: Annotated[Path | None, writing("folder for CSV tables")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test whether a mask is sufficient, necessary, minimal, and equivalent to the full model.

    Example: subprobe hypotheses ./finetuned/acc-1 --mask good.safetensors --task acceptability
    """
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.hypotheses.asked import Asked
    from ...analysis.hypotheses.lines import HYPOTHESES
    from ...analysis.screen.hypotheses import print_hypotheses
    from ...analysis.single.mask_hypotheses import loaded_hypotheses
    from ...analysis.steps.masks import load_mask

    out = prepare_folder(out, "hypotheses", overwrite)
    asked = Asked(
        hypotheses=tuple(dict.fromkeys(hypothesis or HYPOTHESES)), draws=draws, share=share,
        margin=margin, criterion=criterion, match=tuple(dict.fromkeys(match or ["model"])),
        within=within, permutations=permutations, most_units=most_units, correction=correction,
        seed=seed,
    )  # fmt: skip
    progress = progress_of(quiet)
    choice = task_choice(task, data_dir, column, quotes=quotes, as_classes=as_classes)
    loaded = open_for_task(
        model, choice, labels=labels, max_length=max_length, limit=limit, device=device,
        allow_no_specials=allow_no_specials, progress=progress, quiet=quiet,
    )  # fmt: skip
    chosen = load_mask(
        mask, loaded.model, name=loaded.name, other_weights=other_weights, say=progress.say
    )
    assert chosen is not None
    found = loaded_hypotheses(loaded, chosen, asked, progress, batch_size=batch_size or 64)
    emit_tables(found.tables(), out, "hypotheses", overwrite=overwrite, as_json=as_json)
    if out is None and not as_json:
        print_hypotheses(found)
