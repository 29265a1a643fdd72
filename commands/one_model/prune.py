"""The command that finds a good subnetwork for a task, or a mask for a property of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.errors import ConfigError
from ...data.output.outputs import MASKS, prepare_out
from ...pruning.search.plan import CRITERIA
from ...pruning.sized.names import FORMS
from ..flags import refuse
from ..options import (
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
    MatchDonors,
    MaxLength,
    Model,
    NoSpecials,
    OptionalTask,
    Overwrite,
    Quiet,
    Quotes,
    RecordedSelection,
    Seed,
    UntrainedNull,
    corpus_option,
    part_option,
    progress_of,
    reading,
    writing,
)
from .property_mask import OF_CONTROLS, OF_PROPERTY, OF_SEARCHES, OF_TASK, prune_for_property
from .task_model import open_for_task

NULL = "untrained-null"
"""What the record of a folder calls the results of a search with its null."""


def prune(
    model: Model,
    out: Annotated[
        Path,
        writing(
            "mask file (.safetensors); for a property also a folder for all results; with --null "
            "always a folder"
        ),
    ],
    task: OptionalTask = None,
    criterion: Annotated[
        str,
        typer.Option(
            help="what the subnetwork must keep: score (of the task), loss, kl (outputs of the "
            "full model), or property=NAME of words, such as upos, xpos or deprel"
        ),
    ] = "score",
    data_dir: DataDir = None,
    column: Columns = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    group_disjoint: GroupDisjoint = False,
    method: Annotated[
        str,
        typer.Option(
            help="structured (heads and MLPs), structured-heads, structured-mlps, "
            "structured-neurons, magnitude (single weights), or gates learned towards "
            "--keep: hard-concrete, continuous-sparsification"
        ),
    ] = "structured",
    importance: Annotated[
        str, typer.Option(help="how units are ranked; see: subprobe list importance")
    ] = "gate-example",
    normalise: Annotated[str, typer.Option(help="l2 (by layer) or none")] = "l2",
    rule: Annotated[
        str,
        typer.Option(
            help="gain (share of the gain over the majority baseline), study, or absolute"
        ),
    ] = "gain",
    threshold: Annotated[float, typer.Option(help="share (or metric) that must be kept")] = 0.9,
    keep: Annotated[
        float, typer.Option(help="share of the units to keep; whatever the score")
    ] = 0.0,
    min_heads: Annotated[int, typer.Option(help="minimum number of heads per layer")] = 0,
    folds: Annotated[
        int, typer.Option(help="folds of the cross-validation that chooses the size; 0 = none")
    ] = 0,
    selection: RecordedSelection = "",
    scores: Annotated[str, typer.Option(help="scores of units: default, or study")] = "default",
    ablation: Annotated[
        str,
        typer.Option(
            help="what replaces the output of a pruned unit: zero, mean, mean-by-position, "
            "resample, counterfactual or learned"
        ),
    ] = "zero",
    match_donors: MatchDonors = "",
    donor_seed: DonorSeed = None,
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
        str | None, part_option("--test", "file that they are scored on; default: --dev")
    ] = None,
    units: Annotated[
        str,
        typer.Option(
            help="units that are pruned; for a property: weights, heads-neurons, heads-mlps, "
            "heads, neurons"
        ),
    ] = "weights",
    penalty: Annotated[
        list[float] | None,
        typer.Option(
            "--penalty",
            help="cost of open gates in the loss; for a property: of all gates together; "
            "repeat to sweep; default: 1",
        ),
    ] = None,
    epochs: Annotated[
        int,
        typer.Option(help="passes over the data; for a property; 0 = as recorded for the model"),
    ] = 0,
    mask_rate: Annotated[
        float,
        typer.Option(help="learning rate of gates, for a property; 0 = as recorded for the model"),
    ] = 0.0,
    readout_rate: Annotated[
        float,
        typer.Option(help="learning rate of the read-out, for a property; 0 = as recorded"),
    ] = 0.0,
    dropout: Annotated[
        bool, typer.Option("--dropout/--no-dropout", help="dropout while gates are learnt")
    ] = True,
    draws: Annotated[
        int,
        typer.Option(
            help="number of draws; random masks of each mask's size, for a property, and with "
            "--null; 29 give a p-value",
            min=0,
        ),
    ] = 5,
    rank: Annotated[
        list[int] | None,
        typer.Option(
            "--rank", help="rank of an MLP probe that masks are compared with; default: 1, 5, 25"
        ),
    ] = None,
    reset: Annotated[
        str,
        typer.Option(
            help="random weights of the control: encoder (embeddings are kept), all, or none (no "
            "control)"
        ),
    ] = "encoder",
    against: Annotated[
        list[Path] | None,
        reading(
            "--against",
            "mask whose overlap with the property's mask is measured; repeat for several",
        ),
    ] = None,
    other: Annotated[
        str,
        typer.Option(
            help="second property=NAME, on which the masks of a property and their complements are "
            "scored as well"
        ),
    ] = "",
    null: UntrainedNull = "",
    seed: Seed = 0,
    limit: Limit = 0,
    batch_size: BatchSize = 0,
    overwrite: Overwrite = False,
    labels: Labels = None,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the good subnetwork of a fine-tuned model, or a mask for a property of words.

    Example: subprobe prune ./finetuned/acc-1 --task acceptability --out good.safetensors

    Example: subprobe prune embedded --criterion property=upos --corpus treebank.conllu --out upos
    """
    progress = progress_of(quiet)
    if criterion not in CRITERIA:
        refuse(OF_TASK, f"`criterion` {criterion}")
        prune_for_property(
            model, criterion, out, other=other, null=null,
            files={"corpus": corpus, "train": train, "dev": dev, "test": test},
            penalties=penalty or [1.0],
            options={
                "units": units, "epochs": epochs, "mask_rate": mask_rate, "seed": seed,
                "readout_rate": readout_rate, "dropout": dropout, "batch_size": batch_size,
            },
            controls={"draws": draws, "ranks": tuple(rank or ()), "reset": reset, "seed": seed},
            against=against or [],
            opening={
                "max_length": max_length, "allow_no_specials": allow_no_specials, "device": device,
            },
            limit=limit, overwrite=overwrite, as_json=as_json, progress=progress,
        )  # fmt: skip
        return
    refuse(OF_PROPERTY if null else (*OF_PROPERTY, *OF_CONTROLS), "a task")
    if method in FORMS:
        refuse(OF_SEARCHES, f"`method` {method}")
    if task is None:
        raise ConfigError(
            "a task or a property is needed",
            where="`task`",
            remedy="name a `task`, or a `criterion` such as property=upos",
        )
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.screen.console import print_mask
    from ...analysis.single.ablated import check_draws
    from ...analysis.single.training import prune_to_mask

    check_draws(ablation, match_donors, donor_seed)
    control = None
    if null:
        from ...analysis.untrained_null.of_search import Null

        control = Null.of(null, draws, seed, device)
        out = prepare_out(out, folder=NULL, overwrite=overwrite, reads=[model])
    else:
        out = prepare_out(out, files=MASKS, overwrite=overwrite)
    given = {
        "methods": [method],
        "importance": importance,
        "normalise": normalise,
        "rule": rule,
        "threshold": threshold,
        "keep": keep,
        "min_heads": min_heads,
        "criterion": "score" if method in FORMS else criterion,
        **({"gates": {"criterion": criterion}} if method in FORMS and criterion != "score" else {}),
        "scores": scores,
        "ablation": ablation,
        "match_donors": match_donors or "any",
        "donor_seed": donor_seed or 0,
        **({"batch_size": batch_size} if batch_size else {}),
        **({"selection": selection} if selection else {}),
        **({"selection": "cross-validation", "folds": folds} if folds else {}),
    }
    options = parse_config({"prune": given}, where="command line").prune
    choice = task_choice(
        task, data_dir, column, quotes=quotes, as_classes=as_classes, group_disjoint=group_disjoint
    )
    loaded = open_for_task(
        model, choice, selection="" if folds else selection, labels=labels, max_length=max_length,
        limit=limit, device=device, allow_no_specials=allow_no_specials, progress=progress,
        quiet=quiet,
    )  # fmt: skip
    if control is not None:
        _with_null(loaded, options, control, out, progress, overwrite=overwrite, as_json=as_json)
        return
    good = prune_to_mask(loaded, options, out, progress)
    if as_json:
        typer.echo(json.dumps({**good.describe(), "classes_by": loaded.classes_by}))
    else:
        print_mask(good, out)


def _with_null(
    loaded: Any,
    options: Any,
    null: Any,
    out: Path,
    progress: Any,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Search in both encoders; write and print the results."""
    from ...analysis.screen.records import print_records
    from ...analysis.untrained_null.of_search import search_both
    from ...analysis.untrained_null.shown import shown

    found = search_both(loaded, options, null, progress)
    found.write(out, overwrite=overwrite)
    if as_json:
        rows = json.loads(found.rows.to_json(orient="records"))
        masks = {name: mask.describe() for name, mask in found.masks.items()}
        typer.echo(json.dumps({"rows": rows, "masks": masks, "classes_by": loaded.classes_by}))
    else:
        print_records(shown(found.rows), title=f"the mask and its untrained null, in {out}")
