"""One model alone: what it knows, whole, under a mask, or with random weights."""

from __future__ import annotations

from pathlib import Path

from ...data.errors import ConfigError, InputError, UnknownNameError
from ...data.sentence import Example
from ...data.tables import items_frame, rows_frame, write_csv, write_parquet
from ...data.task import TaskSpec
from ...probes.options import check_options
from ...pruning.checkpoint import (
    load_classifier,
    load_encoder,
    load_tokenizer,
    load_untrained,
    read_meta,
)
from .cells import CellOutput
from .config import ProbeOptions
from .identity import identity
from .masks import load_mask, state_of
from .probing import (
    Corpus,
    annotated_examples,
    clusters_of,
    needs_corpus,
    probe_model,
    read_probe_corpus,
    spread,
)
from .progress import Progress
from .reference import COMPARING, load_reference
from .single import TaskChoice


def _task_examples(
    task: TaskChoice, split: str | None, options: ProbeOptions
) -> tuple[TaskSpec, tuple[Example, ...], str]:
    data = task.load()
    split = split or data.spec.report_split
    if split not in data.splits:
        raise UnknownNameError(f"{data.spec.name} split", split, data.splits)
    examples = spread(data.splits[split], options.attribution_examples)
    return data.spec, annotated_examples(examples, options.pipeline or None), split


def probe_rows(
    model: str,
    mask_path: Path | None,
    options: ProbeOptions,
    *,
    corpus: str | None,
    task: TaskChoice | None,
    split: str | None,
    progress: Progress,
    untrained: int | None = None,
    reference: str | None = None,
) -> CellOutput:
    """Run probes on one model over a corpus file, or over the sentences of a task's split.

    With `untrained`, on the model's architecture with random weights of that seed: a baseline.
    """
    check_options(options.options, options.names)
    if untrained is not None and mask_path is not None:
        raise ConfigError(
            "an untrained encoder has no subnetwork", remedy="leave out --mask or --untrained"
        )
    attributed = "attributions" in options.names
    if corpus is None and task is None:
        raise ConfigError("say what to read: --corpus FILE or --task T")
    if attributed and task is None:
        raise InputError(
            "attributions explain a task model's predictions on its own examples",
            where="--probe attributions",
            remedy="add --task T",
        )
    compares = bool(COMPARING & set(options.names))
    if reference is not None and not compares:
        raise ConfigError(
            "no probe that was asked for compares models",
            where="--reference",
            remedy=f"add --probe {', '.join(sorted(COMPARING))}",
        )
    meta = read_meta(model)
    tokenizer = load_tokenizer(model)
    other = load_reference(reference, meta, tokenizer) if compares else None
    spec: TaskSpec | None = None
    examples: tuple[Example, ...] = ()
    used = ""
    if task is not None:
        spec, examples, used = _task_examples(task, split, options)
    head = spec is not None and (attributed or bool(meta.get("task")))
    if untrained is not None:
        net = load_untrained(model, spec if head else None, seed=untrained)
    else:
        net = load_classifier(model, spec) if head and spec else load_encoder(model)
    mask = load_mask(mask_path, net, name=model)
    read: Corpus | None = None
    if needs_corpus(options):
        if corpus is not None:
            read = read_probe_corpus(options.model_copy(update={"corpus": corpus}))
        else:
            sentences = [s for e in examples for s in (e.first, e.second) if s is not None]
            name = f"{task.name}/{used}" if task else ""
            read = Corpus(name, tuple(sentences), clusters_of(examples))
    with progress.stage("probing") as advance:
        output = probe_model(
            net,
            tokenizer,
            mask,
            spec,
            read,
            examples if attributed else (),
            options,
            split=used,
            progress=advance,
            reference=other,
        )
    state = state_of(mask, meta) if meta.get("task") else "pretrained"
    about = identity(model, mask, state) | {"task": spec.name if spec else ""}
    if untrained is not None:
        about |= {"state": "untrained", "seed": untrained}
    rows = output.rows.assign(**about)
    return CellOutput(rows, output.items, output.arrays, output.notes)


def write_probe_folder(output: CellOutput, out: Path) -> None:
    """Write one CSV file for each probe, and the scored items as Parquet."""
    for name, rows in output.rows.groupby("probe", sort=False):
        write_csv(rows_frame(rows), out / f"{name}.csv")
    write_parquet(items_frame(output.items), out / "items.parquet")
