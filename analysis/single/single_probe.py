"""Probe a single model: full, under a mask, or with random weights."""

from __future__ import annotations

from pathlib import Path

from ...data.errors import ConfigError, InputError, UnknownNameError
from ...data.output.folders import atomic_folder
from ...data.output.item_parts import write_items
from ...data.output.tables import rows_frame, write_csv
from ...data.sentences.plain_text import NATURAL
from ...data.sentences.sentence import Example
from ...data.tasks.by_name import task_spec
from ...data.tasks.class_order import ClassOrder, Pairs
from ...data.tasks.task import TaskSpec
from ...data.tasks.task_parts import spread
from ...models.checkpoint.checkpoint import (
    load_encoder,
    load_tokenizer,
    load_untrained,
    meta_of,
    resolve_model,
)
from ...models.checkpoint.contract import contract, own_task
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.device import device_of
from ...models.language.loading import load_language_model, untrained_language_model
from ...models.language.task_models import load_task_model
from ...probes.forward.needs import sentences_of
from ...probes.registry import list_probes
from ..cell_output import CellOutput
from ..configuration.asked_probes import (
    check_fitting,
    classifying,
    comparing,
    explaining,
    learning,
    needs_corpus,
    of_corpus,
    of_language,
    of_task,
    options_of,
)
from ..configuration.config import ProbeOptions
from ..configuration.learning_files import learning_files
from ..configuration.task_choice import TaskChoice
from ..learning.parts import read_parts, write_learning
from ..profile.leaderboard import has_leaderboard, leaderboard
from ..steps.annotations import check_readable, recorded_length, say_left_out
from ..steps.data_summary import left_out_lines
from ..steps.masks import load_mask
from ..steps.probing import (
    Corpus,
    annotated_examples,
    clusters_of,
    read_probe_corpus,
)
from ..steps.progress import Progress
from ..steps.reference_model import load_reference
from .ablated import check_draws, recorded_parts, under_ablation
from .loaded import LoadedModel
from .loaded_probe import probe_loaded

PROBE = "probe"
"""What the record of a folder calls the tables of single probes."""


def _task_examples(
    task: TaskChoice, split: str | None, options: ProbeOptions, progress: Progress
) -> tuple[TaskSpec, tuple[Example, ...], str]:
    data = task.load()
    for line in left_out_lines(data):
        progress.say(line)
    split = split or data.spec.report_split
    if split not in data.splits:
        raise UnknownNameError(f"{data.spec.name} split", split, data.splits)
    examples = spread(data.splits[split], options.examples)
    return data.spec, annotated_examples(examples, options), split


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
    labels: Pairs = (),
    allow_no_specials: bool = False,
    batch_size: int = 0,
    device: str = "auto",
    cache: Path | None = None,
    ablation: str = "",
    match_donors: str = "",
    donor_seed: int | None = None,
) -> CellOutput:
    """Run probes on one model over a corpus file, or over the sentences of a task's split.

    Trained probes read the parts named in `options` and `corpus` (`learning_files`), and keep
    hidden states in the folder `cache`.

    With `ablation`, the mask gets this ablation, computed on the training part of the task; for
    `resample`, with partners drawn by `donor_seed` among those that `match_donors` allows. With
    `untrained`, the model's architecture with random weights of that seed is probed as a
    baseline.
    """
    place = device_of(device)
    for typed in options_of(options).values():
        typed.inputs()  # a bad file is refused before anything is computed
    options = options.model_copy(update={"corpus": corpus or NATURAL})
    learning_files(options)
    if untrained is not None and mask_path is not None:
        raise ConfigError(
            "a mask does not apply to an untrained encoder",
            remedy="leave out `mask` or `untrained`",
        )
    of_examples = of_task(options)
    read_in = options.test or corpus
    if read_in is None and task is None and (of_examples or needs_corpus(options)):
        raise ConfigError("no texts to probe", remedy="name a `corpus` or a `task`")
    if of_examples and task is None:
        raise InputError(
            "reads examples of the task that the model was fine-tuned on",
            where=f"`names` {of_examples[0]}",
            remedy="add `task`",
        )
    compares = bool(comparing(options.names))
    if reference is not None and not compares:
        raise ConfigError(
            "none of the chosen probes compares models",
            where="`reference`",
            remedy=f"add `names` {', '.join(comparing(one.name for one in list_probes()))}",
        )
    meta = meta_of(model)
    tokenizer = load_tokenizer(model)
    other = load_reference(reference, meta, tokenizer) if compares else None
    spec: TaskSpec | None = None
    examples: tuple[Example, ...] = ()
    used = ""
    if task is not None:
        if of_examples or split or task.columns or (needs_corpus(options) and not read_in):
            spec, examples, used = _task_examples(task, split, options, progress)
        else:
            spec = task_spec(task.name)  # no probe reads its examples
    elif classifying(options):
        spec = own_task(resolve_model(model), labels)
    check_fitting(options, spec)
    head = spec is not None and bool(explaining(options) or meta.get("task"))
    order: ClassOrder | None = None
    if of_language(options.names):
        net = (
            load_language_model(model)
            if untrained is None
            else untrained_language_model(model, seed=untrained)
        )
    elif untrained is not None:
        net = load_untrained(model, spec if head else None, seed=untrained)
    elif head and spec is not None:
        order = contract(resolve_model(model), spec, labels)
        if order is not None and order.said:
            progress.say(f"{model}: {order.said}")
        check_fitting(options, spec, order.by if order else "")
        net = load_task_model(model, spec, labels=labels)
    else:
        net = load_encoder(model)
    net = net.to(place)
    other = other and other.to(place)
    if labels and order is None:
        raise ConfigError(
            "none of the chosen probes uses the classes of the model",
            where="`labels`",
            remedy="leave it out, or add `names` attributions and `task`",
        )
    reads_pairs = spec is not None and spec.pair and bool(of_examples or classifying(options))
    checked = check_inputs(
        net, tokenizer, where=model, pairs=reads_pairs, allow_no_specials=allow_no_specials
    )
    if other is not None:
        check_inputs(
            other, tokenizer, where=reference or "reference", allow_no_specials=allow_no_specials
        )
    for line in checked.said:
        progress.say(line)
    mask = load_mask(mask_path, net, name=model, refreshed=bool(ablation), say=progress.say)
    if ablation:
        mask = under_ablation(
            mask, ablation, net, tokenizer, meta,
            None if task is None else recorded_parts(task.load(), meta), progress,
            max_length=recorded_length(meta) or options.max_length,
            match=match_donors, seed=donor_seed,
        )  # fmt: skip
    else:
        check_draws(ablation, match_donors, donor_seed)
    read: Corpus | None = None
    if needs_corpus(options):
        if read_in:
            read = read_probe_corpus(options, progress)
        else:
            # an empty text has no tree and no word to look at
            sentences = [s for example in examples for s in sentences_of(example) if s.words]
            name = f"{task.name}/{used}" if task else ""
            read = Corpus(name, tuple(sentences), clusters_of(examples))
            check_readable(read.examples, of_corpus(options))
            say_left_out(progress, read.name, read.examples, of_corpus(options))
    parts = read_parts(options, progress) if learning(options) else None
    if parts is not None:
        progress.say(f"{', '.join(learning(options))}: {parts.said}")
    check_readable(examples, of_examples)
    say_left_out(progress, spec.name if spec else "", examples, of_examples)
    loaded = LoadedModel(
        model,
        net,
        tokenizer,
        meta=meta,
        order=order,
        max_length=recorded_length(meta),
        flag=checked.flag,
    )
    output = probe_loaded(
        loaded,
        mask,
        options,
        corpus=read,
        examples=examples if of_examples else (),
        split=used,
        progress=progress,
        reference=other,
        spec=spec,
        batch_size=batch_size,
        parts=parts,
        cache=cache,
    )
    if parts is not None:
        about = {**output.notes["learning"], "ids": parts.ids}
        output = output.but(notes={**output.notes, "learning": about})
    for name in options.names:
        for what, note in output.notes.items():
            if what.startswith(f"{name} "):
                progress.say(f"{what}: {note}")
    if untrained is None:
        return output
    return output.but(rows=output.rows.assign(state="untrained", seed=untrained))


def write_probe_folder(output: CellOutput, out: Path, *, overwrite: bool = False) -> int:
    """Write one CSV file for each probe, and the scored items as Parquet (see `atomic_folder`).

    The scores of `holmes` are also written to `leaderboard.csv`, in the format of its leaderboard.
    For trained probes, `learning.json` records the parts, their sentences and each probe's notes.

    Returns:
        the number of items.
    """
    with atomic_folder(out, PROBE, overwrite=overwrite) as folder:
        for name, rows in output.rows.groupby("probe", sort=False):
            write_csv(rows_frame(rows), folder / f"{name}.csv")
        if has_leaderboard(output.rows):
            write_csv(leaderboard(output.rows), folder / "leaderboard.csv")
        if "learning" in output.notes:
            write_learning(folder, output.notes)
        return write_items(output.parts, folder / "items.parquet")
