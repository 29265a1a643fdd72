"""The command about masks of one model and size that score alike: same-score."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...data.errors import ConfigError
from ...data.output.outputs import user_path
from ..flags import refuse
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
    MaxLength,
    NoSpecials,
    OptionalTask,
    Overwrite,
    Quiet,
    Quotes,
    RecordedSelection,
    Seed,
    corpus_option,
    part_option,
    permutations_option,
    prepare_folder,
    progress_of,
    writing,
)

_OF_MODEL = (
    "task", "masks", "resampling", "keep", "method", "importance", "probe", "option", "corpus",
    "train", "test", "core_draws", "data_dir", "column", "labels", "quotes", "as_classes",
    "selection", "limit", "batch_size", "max_length", "allow_no_specials", "device",
)  # fmt: skip
"""Options that a file of published scores cannot use."""


def same_score(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="embedded, a folder written as a path (./m), or a hub id; or a .json file with "
            "published scores of masks",
        ),
    ],
    mask_files: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=user_path, metavar="[MASK]...", help="mask files of one size; or use --masks"
        ),
    ] = None,
    task: OptionalTask = None,
    masks: Annotated[
        int, typer.Option("--masks", help="number of masks to search for; 0 = none", min=0)
    ] = 0,
    resampling: Annotated[
        str,
        typer.Option(
            help="sample of the selection examples on which each mask is searched for: "
            "bootstrap, or half; learned gates differ by their seeds instead"
        ),
    ] = "bootstrap",
    keep: Annotated[
        float,
        typer.Option(
            help="share of the units to keep; whatever the score; 0 = the size of one search by "
            "the 90% rule"
        ),
    ] = 0.0,
    method: Annotated[
        str,
        typer.Option(
            help="structured (heads and MLPs), structured-heads, structured-mlps, "
            "structured-neurons, or learned gates: hard-concrete, continuous-sparsification; for "
            "--masks"
        ),
    ] = "structured",
    importance: Annotated[
        str, typer.Option(help="how units are ranked; see: subprobe list importance")
    ] = "gate-example",
    probe: Annotated[
        list[str] | None,
        typer.Option(
            "--probe",
            help="name; what is compared with the score, such as heuristics or challenge; repeat "
            "for several",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            help="PROBE.OPTION=VALUE, such as attention-trees.root=free; repeat for several; see: "
            "subprobe list probes --verbose"
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            help="metric to report; repeat for several; default: the headline of each --probe",
        ),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            "--score",
            help="metric that is the score; in a .json file; default: its first one",
        ),
    ] = "",
    corpus: Annotated[str | None, corpus_option()] = None,
    train: Annotated[
        str | None,
        part_option(
            "--train", "training file of probes of hidden states, or of masks of a property"
        ),
    ] = None,
    test: Annotated[str | None, part_option("--test", "file that they are scored on")] = None,
    core_draws: Annotated[
        int,
        typer.Option(
            "--core-draws",
            help="random sets of units that the core of the masks is compared with; 59 are the "
            "least for three corrected tests",
            min=0,
        ),
    ] = 59,
    permutations: Annotated[int, permutations_option(1_000_000)] = 2000,
    correction: Correction = "holm",
    seed: Seed = 0,
    data_dir: DataDir = None,
    column: Columns = None,
    labels: Labels = None,
    quotes: Quotes = "auto",
    as_classes: AsClasses = False,
    selection: RecordedSelection = "",
    limit: Limit = 0,
    batch_size: BatchSize = 0,
    max_length: MaxLength = 0,
    allow_no_specials: NoSpecials = False,
    device: Device = "auto",
    out: Annotated[
        Path | None, writing("folder for CSV tables, a figure and the masks that are made")
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Test whether masks of one model with equal scores also behave alike.

    Example: subprobe same-score ./finetuned/acc-1 --task acceptability --masks 12 --out alike

    Example: subprobe same-score mnli-sp50.json --metric accuracy_non_entailed
    """
    from ...analysis.same_score.measure import measure_points
    from ...analysis.screen.same_score import print_same_score

    out = prepare_folder(out, "same-score", overwrite)
    made: dict[str, Any] = {}
    if model.lower().endswith(".json"):
        from ...analysis.same_score.published import read_published, shown_metrics

        refuse(_OF_MODEL, "a file of published scores")
        if mask_files:
            raise ConfigError("a file of published scores has no masks", where=str(mask_files[0]))
        points = read_published(user_path(model), score)
        points = shown_metrics(points, metric or (), where=model)
        found = measure_points(points, draws=permutations, correction=correction, seed=seed)
    else:
        refuse(("score",), "a model")
        found, made = _compared(
            model, mask_files or [], task, masks,
            search={
                "methods": [method], "importance": importance, "keep": keep,
                **({"selection": selection} if selection else {}),
                **({"batch_size": batch_size} if batch_size else {}),
            },
            resampling=resampling,
            probing={
                "names": probe or [], "options": option or [], "corpus": corpus, "train": train,
                "test": test, "metrics": tuple(metric or ()),
            },
            asked={
                "draws": core_draws, "permutations": permutations, "correction": correction,
                "seed": seed,
            },
            choice={
                "data_dir": data_dir, "columns": column, "quotes": quotes,
                "as_classes": as_classes,
            },
            opening={
                "labels": labels, "max_length": max_length, "limit": limit, "device": device,
                "allow_no_specials": allow_no_specials, "selection": selection,
                "progress": progress_of(quiet), "quiet": quiet,
            },
        )  # fmt: skip
    if out is not None:
        from ...analysis.figures.masks.same_score_figure import emit_found

        emit_found(found, made, out, overwrite=overwrite)
        typer.echo(f"{len(found.tables())} tables in {out}", err=True)
    if as_json:
        typer.echo(found.to_json())
    elif out is None:
        print_same_score(found)


def _compared(
    model: str, files: list[Path], task: str | None, count: int, *, search: dict[str, Any],
    resampling: str, probing: dict[str, Any], asked: dict[str, Any], choice: dict[str, Any],
    opening: dict[str, Any],
) -> Any:  # fmt: skip
    """The masks of one model, read or made, compared; and those that were made."""
    from ...analysis.configuration.config import parse_config
    from ...analysis.configuration.task_choice import task_choice
    from ...analysis.interactive.ready_probes import ready_probes
    from ...analysis.same_score.compare import Asked, compare_masks
    from ...analysis.same_score.making import check_making, make_masks
    from ...analysis.same_score.masks import read_masks
    from ...analysis.same_score.scoring import Measuring
    from ...data.seeds import LARGEST_NUMBER
    from ...data.sentences.plain_text import NATURAL
    from ...probes.options import parse_options

    if task is None:
        raise ConfigError("no task to score masks on", where="`task`", remedy="name a `task`")
    if bool(files) == bool(count):
        raise ConfigError(
            "masks are either read from files or searched for",
            where="`masks`",
            remedy="name mask files, or a number of `masks`",
        )
    progress, limit = opening["progress"], opening["limit"]
    options = parse_config({"prune": search}, where="command line").prune
    if not files:
        check_making(options, count, resampling)
    given = {
        "names": probing["names"], "options": parse_options(probing["options"]),
        "corpus": probing["corpus"] or NATURAL, "train": probing["train"] or "",
        "test": probing["test"] or "", "sentences": limit or LARGEST_NUMBER,
        "train_sentences": limit or LARGEST_NUMBER, "examples": limit or LARGEST_NUMBER,
        "correction": asked["correction"], "max_length": opening["max_length"],
    }  # fmt: skip
    probes = parse_config({"probe": given}, where="command line").probe
    data = task_choice(
        task, choice["data_dir"], choice["columns"], quotes=choice["quotes"],
        as_classes=choice["as_classes"],
    )  # fmt: skip
    loaded = open_for_task(model, data, **opening)
    ready = []
    if probing["names"]:
        corpus = probing["test"] or probing["corpus"] or NATURAL
        ready.append(ready_probes(loaded, probes, corpus, progress=progress))
    made: Any = {}
    measuring = Measuring(loaded, tuple(ready), probing["metrics"])
    if files:
        masks = read_masks(files, loaded, progress)
    else:
        measuring.full(progress)  # a metric that does not exist is refused before the searches
        masks = made = make_masks(
            loaded, options, count, progress, resampling=resampling, seed=asked["seed"]
        )
    return compare_masks(measuring, masks, Asked(**asked), progress), made
