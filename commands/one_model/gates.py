"""The command about learned gates: under a penalty, or towards a size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.errors import ConfigError
from ...data.output.outputs import prepare_out
from ..flags import COMMAND_LINE, refuse
from ..options import (
    AsClasses,
    AsJson,
    Columns,
    DataDir,
    Device,
    DonorSeed,
    GroupDisjoint,
    Labels,
    Limit,
    MatchDonors,
    MaxLength,
    Model,
    NoSpecials,
    Overwrite,
    Quiet,
    Quotes,
    Seed,
    Task,
    UntrainedNull,
    batch_size_option,
    progress_of,
    writing,
)
from .task_model import open_for_task


def gates(
    model: Model,
    task: Task,
    out: Annotated[Path, writing("folder for the masks and sweep.csv")],
    penalty: Annotated[
        list[float] | None,
        typer.Option(
            "--penalty",
            help="cost of open gates in the loss; per gate, with one gate per head; "
            "repeat to sweep",
        ),
    ] = None,
    keep: Annotated[
        list[float] | None,
        typer.Option(
            "--keep",
            help="share of the units to keep; instead of a penalty; repeat to sweep",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            help="form of the gates, with --keep: hard-concrete or continuous-sparsification"
        ),
    ] = "hard-concrete",
    units: Annotated[
        str,
        typer.Option(
            help="units that are pruned; with --keep: heads-mlps, heads, mlps, neurons, "
            "heads-neurons or weights"
        ),
    ] = "heads-mlps",
    block: Annotated[
        str, typer.Option(help="weights that share a gate, as ROWSxCOLUMNS; with --units weights")
    ] = "1x1",
    criterion: Annotated[
        str,
        typer.Option(
            help="what the subnetwork must keep; with --keep: kl (divergence from the full model) "
            "or loss"
        ),
    ] = "kl",
    ramp: Annotated[
        float,
        typer.Option(help="share of the training during which the target of --keep rises"),
    ] = 0.5,
    ablation: Annotated[
        str,
        typer.Option(
            help="what replaces the output of a pruned unit: zero, mean, mean-by-position, "
            "resample, counterfactual or learned"
        ),
    ] = "zero",
    match_donors: MatchDonors = "",
    donor_seed: DonorSeed = None,
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="passes over the data; for each penalty (default: 2) or size (default: 6)"
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            help="peak learning rate; of the gates; default: 0.2 for a penalty, 0.1 for a size"
        ),
    ] = None,
    batch_size: Annotated[int, batch_size_option("8 (a batch shares one draw of the gates)")] = 0,
    limit: Limit = 0,
    seed: Seed = 0,
    train_encoder: Annotated[
        bool, typer.Option("--train-encoder", help="train the encoder with its gates, and save it")
    ] = False,
    null: UntrainedNull = "",
    draws: Annotated[
        int,
        typer.Option(
            help="number of draws; random masks of each mask's size, with --null; 29 give a "
            "p-value",
            min=0,
        ),
    ] = 5,
    overwrite: Overwrite = False,
    labels: Labels = None,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Learn which units to keep, by training gates under a penalty or towards a size.

    Example: subprobe gates ./finetuned/acc-1 --task acceptability --penalty 0.005 --out gates

    Example: subprobe gates ./finetuned/acc-1 --task acceptability --keep 0.5 --out half
    """
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.gates.replaced import Replaced
    from ...analysis.screen.records import print_records
    from ...analysis.single.ablated import check_draws
    from ...analysis.single.gate_scores import GATES, recipe_of
    from ...analysis.single.gate_sweep import sweep_gates, sweep_table
    from ...analysis.single.size_sweep import size_table, sweep_sizes
    from ...analysis.untrained_null.of_gates import (
        Learned,
        null_of_gates,
        of_penalties,
        of_sizes,
    )
    from ...analysis.untrained_null.of_search import Null
    from ...analysis.untrained_null.retrained import check_recorded
    from ...analysis.untrained_null.shown import shown
    from ...pruning.learned.learned_gates import L0Options
    from ...pruning.sized.size_options import SizeOptions

    if bool(penalty) == bool(keep):
        raise ConfigError(
            "one of `penalty` and `keep` is needed",
            where=COMMAND_LINE,
            remedy="give `penalty`, the cost of an open head, or `keep`, the share of units",
        )
    if penalty:
        refuse(("form", "units", "block", "criterion", "ramp"), "a penalty")
    control = Null.of(null, draws, seed, device)
    if control is None:
        refuse(("draws",), "gates without `null`")
    out = prepare_out(out, folder=GATES, overwrite=overwrite, reads=[model])
    given: dict[str, Any] = {"frozen": not train_encoder, "seed": seed}
    given |= {"batch_size": batch_size or L0Options.batch_size}
    given |= {} if epochs is None else {"epochs": epochs}
    given |= {} if learning_rate is None else {"learning_rate": learning_rate}
    by_penalty = L0Options(penalty=0.0, **given)
    towards = [
        SizeOptions(
            one, form=form, units=units, block=block, criterion=criterion, ramp=ramp, **given
        )
        for one in keep or ()
    ]
    check_draws(ablation, match_donors, donor_seed)
    replaced = Replaced(ablation, match_donors or "any", donor_seed or 0)
    replaced.check(units)
    progress = progress_of(quiet)
    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    loaded = open_for_task(
        model, choice, labels=labels, max_length=max_length, limit=limit, device=device,
        allow_no_specials=allow_no_specials, progress=progress, quiet=quiet,
    )  # fmt: skip
    recipe = recipe_of(loaded) if control is None else check_recorded(loaded)
    again: list[Learned]
    table: list[dict[str, Any]]
    if towards:
        sizes = sweep_sizes(
            loaded, keep or (), towards[0], out, progress, replaced=replaced, overwrite=overwrite
        )
        table = size_table(sizes, loaded.parts)
        again = of_sizes(sizes, towards[0], recipe, replaced)
    else:
        sweep = sweep_gates(
            loaded, penalty or (), by_penalty, out, progress, replaced=replaced,
            overwrite=overwrite,
        )  # fmt: skip
        table = sweep_table(sweep, loaded.parts)
        again = of_penalties(sweep, by_penalty, recipe, replaced)
    rows = None
    if control is not None:
        rows = null_of_gates(loaded, again, recipe, control, out, progress, overwrite=overwrite)
    if as_json:
        masks = [one.found.subnetwork.describe() for one in again]
        found = {"table": table, "masks": masks, "classes_by": loaded.classes_by}
        if rows is not None:
            found["null"] = json.loads(rows.to_json(orient="records"))
        typer.echo(json.dumps(found))
        return
    print_records(table, title=f"{loaded.parts.spec.name}, learned gates in {out}")
    if rows is not None:
        of = rows["variant"].str.split(";").str[0]
        for one in again:
            mine = rows[of.eq(one.about)]
            print_records(shown(mine), title=f"{one.about} and its untrained null")
