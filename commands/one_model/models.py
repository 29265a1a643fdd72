"""The commands about one model and its masks: finetune, sample, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ...data.output.outputs import MASKS, prepare_out
from ..options import (
    Ablation,
    AsClasses,
    AsJson,
    BatchSize,
    Columns,
    DataDir,
    Device,
    DonorSeed,
    GroupDisjoint,
    Labels,
    Limit,
    MaskIn,
    Match,
    MatchDonors,
    MaxLength,
    Model,
    NoSpecials,
    OtherWeights,
    Overwrite,
    Quiet,
    Quotes,
    Seed,
    Selection,
    Task,
    as_seed,
    batch_size_option,
    emit,
    mask_option,
    max_length_option,
    named,
    prepare_table,
    progress_of,
    seed_option,
    writing,
)
from .task_model import open_for_task


def finetune(
    model: Model,
    task: Task,
    out: Annotated[Path, writing("folder for the fine-tuned model")],
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    seed: Annotated[
        int, seed_option("initial task head, and order if --order-seed is not given")
    ] = 1,
    order_seed: Annotated[
        int | None,
        typer.Option(help="order of examples and dropout; default: --seed", callback=as_seed),
    ] = None,
    selection: Selection = "held-out",
    learning_rate: Annotated[
        float, typer.Option(help="peak learning rate; 0 = as recorded for the model")
    ] = 0.0,
    epochs: Annotated[
        float, typer.Option(help="passes over the data; 0 = as recorded for the model")
    ] = 0.0,
    batch_size: Annotated[int, batch_size_option("recorded for the model")] = 0,
    max_length: Annotated[int, max_length_option("recorded for the model")] = 0,
    limit: Limit = 0,
    precision: Annotated[
        str, typer.Option(help="float32, bfloat16, auto or (GPU) float16; default: recorded")
    ] = "",
    micro_batch: Annotated[
        int, typer.Option(help="examples per step in memory at the same time; 0 = all")
    ] = 0,
    memory_gb: Annotated[
        float,
        typer.Option(
            help="GB that training may take; the micro-batch is halved to fit; 0 = no limit"
        ),
    ] = 0.0,
    patience: Annotated[
        int,
        typer.Option(
            help="selection scores without a new best after which training stops; 0 = never"
        ),
    ] = 0,
    evaluate_every: Annotated[
        int,
        typer.Option(
            help="steps between selection scores; 0 = one epoch with --patience, else none"
        ),
    ] = 0,
    checkpoint_steps: Annotated[
        int,
        typer.Option(
            help="steps between saved states that a stopped training continues from; 0 = none"
        ),
    ] = 0,
    checkpoint_minutes: Annotated[
        float, typer.Option(help="minutes between saved states; 0 = none")
    ] = 5.0,
    mask: Annotated[
        Path | None, mask_option("the subnetwork is retrained from the pretrained weights")
    ] = None,
    route: Annotated[
        str,
        typer.Option(
            help="how a mask is trained: masked, or compact (faster; heads and MLPs only)"
        ),
    ] = "masked",
    refresh_means: Annotated[
        bool,
        typer.Option(
            "--refresh-means",
            help="compute the constants of the mask anew on the weights that training starts from",
        ),
    ] = False,
    overwrite: Overwrite = False,
    keep_head: Annotated[
        bool,
        typer.Option(
            "--keep-head", help="continue with the model's own task head instead of a new one"
        ),
    ] = False,
    labels: Labels = None,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fine-tune an encoder on a task, full or under a mask.

    Example: subprobe finetune embedded --task acceptability --seed 1 --out ./finetuned/acc-1

    Example: subprobe finetune embedded --task acceptability --mask good.safetensors --out ./good-1
    """
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.single.training import fine_tune_to_folder
    from ...analysis.steps.masks import read_mask
    from ...data.tasks.class_order import parse_pairs
    from ...models.folder.sources import MODEL

    out = prepare_out(out, folder=MODEL, overwrite=overwrite, reads=[model, mask, data_dir])
    progress = progress_of(quiet)
    recipe = {
        "learning_rate": learning_rate,
        "epochs": epochs,
        "batch_size": batch_size,
        "max_length": max_length,
        "precision": precision,
        "micro_batch": micro_batch,
        "memory_gb": memory_gb,
        "patience": patience,
        "evaluate_every": evaluate_every,
        "checkpoint_steps": checkpoint_steps,
        "checkpoint_minutes": checkpoint_minutes,
        **({"head": "kept"} if keep_head else {}),
    }
    options = parse_config(
        {"recipe": recipe, "prune": {"selection": selection}, "retrain": {"route": route}},
        where="command line",
    )
    meta = fine_tune_to_folder(
        model,
        task_choice(
            task,
            data_dir,
            column,
            quotes=quotes,
            as_classes=as_classes,
            group_disjoint=group_disjoint,
        ),
        out,
        seed=seed,
        order_seed=seed if order_seed is None else order_seed,
        selection=selection,
        options=options.recipe,
        progress=progress,
        mask=read_mask(mask, model, progress.say) if mask else None,
        route=route,
        refresh_means=refresh_means,
        overwrite=overwrite,
        labels=parse_pairs(labels or ()),
        allow_no_specials=allow_no_specials,
        limit=limit,
        device=device,
    )
    typer.echo(json.dumps(meta) if as_json else f"fine-tuned model in {out}", err=not as_json)


def sample_mask(
    masks: Annotated[
        list[Path],
        named("a good mask, or the good masks of several seeds", "MASK..."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="kind of subnetwork: random, bad, complement (all units that the mask prunes) or "
            "random-complement (all but a random mask's units); for several seeds: super, anti, "
            "middle",
        ),
    ],
    out: Annotated[Path, writing("mask file (.safetensors)")],
    match: Match = "model",
    seed: Seed = 0,
    draw: Annotated[int, typer.Option(help="number of the draw")] = 0,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Draw a random or bad subnetwork of the good one's size, its complement, or one across seeds.

    Example: subprobe sample good.safetensors --kind bad --seed 1 --out bad.safetensors

    Example: subprobe sample good.safetensors --kind random --match layer --out random.safetensors
    """
    from ...analysis.screen.console import print_mask
    from ...models.masks.subnetwork import Subnetwork
    from ...pruning.sampling import sample

    out = prepare_out(out, files=MASKS, overwrite=overwrite, reads=masks)
    goods = [Subnetwork.load(mask) for mask in masks]
    drawn = sample(kind, goods, seed=seed, draw=draw, match=match)
    drawn.save(out)
    typer.echo(json.dumps(drawn.describe())) if as_json else print_mask(drawn, out)


def evaluate(
    model: Model,
    task: Task,
    mask: MaskIn = None,
    data_dir: DataDir = None,
    column: Columns = None,
    labels: Labels = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    other_weights: OtherWeights = False,
    ablation: Ablation = "",
    match_donors: MatchDonors = "",
    donor_seed: DonorSeed = None,
    limit: Limit = 0,
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    by_label: Annotated[
        bool, typer.Option("--by-label", help="also precision, recall and F1 of each class")
    ] = False,
    calibration: Annotated[
        bool,
        typer.Option(
            "--calibration", help="also calibration errors, Brier score and the reliability curve"
        ),
    ] = False,
    bins: Annotated[
        int, typer.Option("--bins", min=2, max=1000, help="bins of confidence in --calibration")
    ] = 15,
    out: Annotated[Path | None, writing("CSV or Parquet file")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score a fine-tuned model, full or under a mask.

    Example: subprobe evaluate ./finetuned/acc-1 --mask good.safetensors --task acceptability

    Example: subprobe evaluate ./finetuned/acc-1 --task acceptability --by-label --calibration
    """
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.single.ablated import check_draws, under_ablation
    from ...analysis.single.further_rows import further_rows
    from ...analysis.single.training import evaluate_rows
    from ...analysis.steps.masks import load_mask

    out = prepare_table(out, overwrite, model, mask)
    check_draws(ablation, match_donors, donor_seed)
    progress = progress_of(quiet)
    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    loaded = open_for_task(
        model, choice, labels=labels, max_length=max_length, limit=limit, device=device,
        allow_no_specials=allow_no_specials, progress=progress, quiet=quiet,
    )  # fmt: skip
    more = further_rows(loaded.parts.spec, by_label=by_label, calibration=calibration, bins=bins)
    chosen = load_mask(
        mask, loaded.model, name=loaded.name, other_weights=other_weights,
        refreshed=bool(ablation), say=progress.say,
    )  # fmt: skip
    if ablation:
        chosen = under_ablation(
            chosen, ablation, loaded.model, loaded.tokenizer, loaded.meta, loaded.parts, progress,
            max_length=loaded.max_length, batch_size=batch_size or 64, match=match_donors,
            seed=donor_seed,
        )  # fmt: skip
    rows = evaluate_rows(loaded, chosen, progress, batch_size=batch_size or 64, more=more)
    emit(rows, out, as_json, scores=True)
