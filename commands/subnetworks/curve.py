"""The command about scores over the sizes of subnetworks: curve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..one_model.task_model import open_for_task
from ..options import (
    AsClasses,
    AsJson,
    BatchSize,
    Columns,
    Correction,
    DataDir,
    Device,
    DonorSeed,
    Labels,
    Limit,
    MatchDonors,
    MaxLength,
    NoSpecials,
    Overwrite,
    Quiet,
    Quotes,
    RecordedSelection,
    Seed,
    Task,
    emit_tables,
    prepare_folder,
    progress_of,
    writing,
)


def curve(
    models: Annotated[
        list[str],
        typer.Argument(
            help="a fine-tuned model, or the models of several seeds; folders written as paths",
            metavar="MODEL...",
        ),
    ],
    task: Task,
    units: Annotated[
        str,
        typer.Option(
            help="units that are pruned; joint (heads and MLPs), heads, mlps, neurons, or weights"
        ),
    ] = "joint",
    keep: Annotated[
        list[float] | None,
        typer.Option(
            "--keep",
            help="share of the units to keep; repeat for several; default: .05, .1, .2, ..., 1",
        ),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="kind of subnetwork; in addition to good: random, bad, or super (units that the "
            "good masks of all seeds keep); repeat for several; default: random and bad, and super "
            "if there are several models",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="number of draws; random and bad masks of each size", min=1)
    ] = 20,
    order: Annotated[
        str,
        typer.Option(
            help="nested (the most important units of one ranking), or search (one search for each "
            "size)"
        ),
    ] = "nested",
    importance: Annotated[
        str, typer.Option(help="how units are ranked; see: subprobe list importance")
    ] = "gate-example",
    normalise: Annotated[str, typer.Option(help="l2 (by layer) or none")] = "l2",
    ablation: Annotated[
        str,
        typer.Option(
            help="what replaces the output of a pruned unit: zero, mean, mean-by-position, "
            "resample, counterfactual or learned"
        ),
    ] = "zero",
    match_donors: MatchDonors = "",
    donor_seed: DonorSeed = None,
    score: Annotated[
        str,
        typer.Option("--score", help="metric that is the score; default: the task's primary one"),
    ] = "",
    points: Annotated[
        float,
        typer.Option(
            "--points",
            help="largest loss of a mask of effective size, in points (hundredths of the metric)",
            min=0,
        ),
    ] = 3.0,
    correction: Correction = "holm",
    seed: Seed = 0,
    selection: RecordedSelection = "",
    data_dir: DataDir = None,
    column: Columns = None,
    labels: Labels = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    limit: Limit = 0,
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    out: Annotated[Path | None, writing("folder for CSV tables and the figure")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score good, random and bad subnetworks of several sizes, with the areas under the curves.

    Example: subprobe curve ./finetuned/acc-1 --task acceptability --out curve

    Example: subprobe curve ./finetuned/acc-1 ./finetuned/acc-2 --task acceptability --units heads
    """
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.curve.draw import Asked, check_asked, draw_curve
    from ...analysis.curve.measure import curve_of
    from ...analysis.figures.masks.curve_figure import save_curve
    from ...analysis.screen.curve import print_curve
    from ...analysis.single.ablated import check_draws

    check_draws(ablation, match_donors, donor_seed)
    out = prepare_folder(out, "curve", overwrite)
    progress = progress_of(quiet)
    given = {
        "importance": importance,
        "normalise": normalise,
        "ablation": ablation,
        "match_donors": match_donors or "any",
        "donor_seed": donor_seed or 0,
        **({"batch_size": batch_size} if batch_size else {}),
        **({"selection": selection} if selection else {}),
    }
    usual = ("random", "bad", *(("super",) if _across(models, units) else ()))
    asked = Asked(
        units=units,
        shares=tuple(keep or ()),
        kinds=tuple(kind or usual),
        draws=draws,
        order=order,
        options=parse_config({"prune": given}, where="command line").prune,
        metric=score,
        batch_size=batch_size or 64,
        seed=seed,
    )
    check_asked(models, asked)
    choice = task_choice(task, data_dir, column, quotes=quotes, as_classes=as_classes)
    opened: set[str] = set()

    def load(name: str) -> Any:
        """Load a model; what is unusual about it is said once."""
        silent = quiet or name in opened
        opened.add(name)
        return open_for_task(
            name, choice, selection=selection, labels=labels, max_length=max_length, limit=limit,
            device=device, allow_no_specials=allow_no_specials, progress=progress_of(silent),
            quiet=silent,
        )  # fmt: skip

    panel = draw_curve(models, load, asked, progress)
    found = curve_of(panel, within=points, correction=correction)
    if out is not None:
        save_curve(found, out, overwrite=overwrite)
        typer.echo(f"4 tables and a figure in {out}", err=True)
    if as_json:
        emit_tables(found.tables(), None, "curve", overwrite=overwrite, as_json=True)
    elif out is None:
        print_curve(found)


def _across(models: list[str], units: str) -> bool:
    """Whether masks can be compared across seeds."""
    return len(models) > 1 and units in ("joint", "heads", "mlps")
