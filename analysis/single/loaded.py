"""A loaded model, checked against its task and tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.errors import InputError
from ...data.masking.masked_batches import task_batches
from ...data.seeds import order_column, seed_of
from ...data.sentences.sentence import Example
from ...data.tasks.class_order import ClassOrder, Pairs
from ...data.tasks.task import TaskData, TaskParts, TaskSpec
from ...data.tasks.task_parts import examples_digest, limited, split_parts
from ...models.checkpoint.checkpoint import (
    load_encoder,
    load_tokenizer,
    meta_of,
    resolve_model,
)
from ...models.checkpoint.contract import contract
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.anatomy import Anatomy, anatomy_of
from ...models.encoder.device import device_of
from ...models.folder.text_lengths import USUAL_LENGTH, fitting_length
from ...models.language.task_models import load_task_model
from ..configuration.task_choice import TaskChoice
from ..steps.annotations import readable, recorded_length
from ..steps.data_summary import left_out_lines
from ..steps.progress import Progress, Silent, Warned
from ..steps.said import read_said


@dataclass(frozen=True, repr=False, eq=False)
class LoadedModel:
    """A model in memory, with the task that it was fine-tuned on, if any.

    Attributes:
        name: the name that the user gave.
        model: a transformers encoder; with a task, the classifier or regressor.
        tokenizer: its tokenizer, checked against it.
        task: the parts of the task that it was trained with; None for an encoder without a task.
        meta: the record stored with the weights.
        order: how its classes were matched to the task's; None in regression.
        told: messages for the user: rows that were left out, or a training part that differs from
            the recorded one.
        max_length: maximum length of an example in subwords: the requested one, else the one of
            fine-tuning, else 128 or the model's number of positions.
        flag: flag of its rows that is due to its tokenizer.
        unlimited: the training part before a limit on the number of examples, to train the model
            again as it was trained; empty without a task.
    """

    name: str
    model: Any
    tokenizer: Any
    task: TaskParts | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    order: ClassOrder | None = None
    told: tuple[str, ...] = ()
    max_length: int = USUAL_LENGTH
    flag: str = ""
    unlimited: tuple[Example, ...] = ()

    def __repr__(self) -> str:
        of = self.anatomy
        size = f"{of.family}, {of.num_layers} layers of {of.num_heads} heads"
        task = f", task {self.task.spec.name}" if self.task else ""
        return f"LoadedModel({self.name}: {size}{task})"

    @property
    def anatomy(self) -> Anatomy:
        """The location of its heads and MLPs."""
        return anatomy_of(self.model)

    @property
    def spec(self) -> TaskSpec | None:
        """The task's labels and metrics; None for an encoder without a task."""
        return self.task.spec if self.task else None

    @property
    def parts(self) -> TaskParts:
        """The examples of the task, by the role that they play.

        Raises:
            InputError: if the model was loaded without a task.
        """
        if self.task is None:
            raise InputError(
                "was loaded without a task, so no examples can be scored",
                where=self.name,
                remedy="load it with the task that it was fine-tuned on",
            )
        return self.task

    @property
    def classes_by(self) -> str:
        """How its classes were matched to the task's: see `ClassOrder.by`; empty in regression."""
        return self.order.by if self.order else ""

    def tell(self, examples: Sequence[Example], what: str, progress: Progress) -> None:
        """Report how many examples are truncated, or have a text without a word piece."""
        encoded = task_batches(
            self.tokenizer,
            examples,
            self.parts.spec,
            batch_size=len(examples),
            max_length=self.max_length,
        )
        for line in read_said(encoded, len(examples), self.max_length, what):
            progress.say(line)

    @property
    def seeds(self) -> tuple[int, int]:
        """The (init, order) seeds it was fine-tuned with, else 0."""
        return int(self.meta.get("seed_init", 0)), int(self.meta.get("seed_order", 0))

    @property
    def seed_columns(self) -> dict[str, int | None]:
        """The same as the columns of a row, as in runs with crossed seeds."""
        return {"seed": seed_of(*self.seeds), "seed_order": order_column(*self.seeds)}


def load_for_task(
    model: str,
    task: TaskChoice | TaskData,
    *,
    selection: str = "",
    labels: Pairs = (),
    max_length: int = 0,
    limit: int = 0,
    device: str = "auto",
    allow_no_specials: bool = False,
    progress: Progress | None = None,
) -> LoadedModel:
    """Load a fine-tuned model; its task is split as it was when the model was trained.

    Args:
        model: its folder, or a hub id.
        task: the task that it was fine-tuned on, by name or already loaded.
        selection: `held-out` or `reported`; empty takes what the folder records, else `held-out`.
        labels: class of the task -> class of the model, if their names do not match.
        max_length: maximum length of an example in subwords; 0 = as in fine-tuning.
        limit: maximum number of examples of each part of the task, evenly spaced; 0 = all.
        device: where the model runs, see `device_of`.
        allow_no_specials: continue if the tokenizer never adds the special tokens that it knows.
        progress: receives messages if classes were not matched by name, and warnings about
            tokenizer or length.

    Raises:
        CheckpointError: if the tokenizer does not fit the model, see `check_inputs`, or its classes
            are not the task's, see `contract`.
        ConfigError: if `max_length` exceeds the model's positions, or the device does not exist.
    """
    place = device_of(device)
    progress = progress or Silent()
    meta = meta_of(model)
    data = task if isinstance(task, TaskData) else task.load()
    told = left_out_lines(data)
    order = contract(resolve_model(model), data.spec, labels)
    if order is not None and order.said:
        progress.say(f"{model}: {order.said}")
    net, tokenizer = load_task_model(model, data.spec, labels=labels), load_tokenizer(model)
    net = net.to(place)
    found = check_inputs(
        net, tokenizer, where=model, pairs=data.spec.pair, allow_no_specials=allow_no_specials
    )
    positions = anatomy_of(net).max_tokens
    length, said = fitting_length(positions, max_length, recorded_length(meta))
    for line in (*found.said, said):
        if line:
            progress.say(line)
    if found.flag:
        data = readable(data, tokenizer, progress)
    recorded = "reported" if meta.get("selection", "") == "reported" else "held-out"
    chosen = selection or recorded
    split = int(meta.get("seed_split", meta.get("seed_init", 0)))
    parts = split_parts(data, selection=chosen, seed=split)
    trained = meta.get("train_digest", "")
    if trained and chosen == recorded and trained != examples_digest(parts.train):
        told.append(
            f"{model} was fine-tuned on a different training part than the one defined by the "
            "current files and options: it may have seen examples that are held out now "
            f"({parts.selection_name})"
        )
    return LoadedModel(
        model, net, tokenizer, limited(parts, limit), meta, order, tuple(told), length, found.flag,
        tuple(parts.train),
    )  # fmt: skip


def load_model(
    name: str,
    task: str | TaskData | None = None,
    *,
    data_dir: Path | str | None = None,
    columns: Mapping[str, str] | None = None,
    selection: str = "",
    labels: Mapping[str, str] | None = None,
    max_length: int = 0,
    allow_no_specials: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> LoadedModel:
    """Load an encoder, or a model fine-tuned on a task, with its tokenizer.

    Args:
        name: `embedded`, a folder *written as a path* (`./model`), or a hub id.
        task: the task that it was fine-tuned on: an embedded or GLUE task by name, any name with
            `columns`, or what `load_task` gave; None loads the encoder without a task head.
        data_dir: local folder of a GLUE task or of your own files.
        columns: role -> column of your own files, such as `{"first": "text", "label": "side"}`.
        selection: the examples on which masks are chosen, `held-out` or `reported`; empty takes
            what the model's folder records, else `held-out`.
        labels: class of the task -> class of the model, if their names do not match.
        max_length: maximum length of an example in subwords; 0 = as in fine-tuning, else 128.
        allow_no_specials: continue if the tokenizer never adds the special tokens that it knows.
        device: `auto` (a GPU if there is one), `cpu` or `cuda`.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Raises:
        CheckpointError: if the model cannot be loaded faithfully, or its classes are not the
            task's.
        ConfigError: for incompatible options, or a device that does not exist.
        DataFileError: naming the file, row or column at fault.
        UnknownNameError: if there is no such task or family.
    """
    progress = progress or Warned()
    if task is None:
        return _encoder(name, max_length, allow_no_specials, device, progress)
    folder = None if data_dir is None else str(data_dir)
    loaded = load_for_task(
        name,
        task if isinstance(task, TaskData) else TaskChoice(task, folder, columns),
        selection=selection,
        labels=tuple((labels or {}).items()),
        max_length=max_length,
        allow_no_specials=allow_no_specials,
        device=device,
        progress=progress,
    )
    for line in loaded.told:
        progress.say(line)
    return loaded


def _encoder(
    name: str, max_length: int, allow_no_specials: bool, device: str, progress: Progress
) -> LoadedModel:
    net, tokenizer, meta = load_encoder(name), load_tokenizer(name), meta_of(name)
    net = net.to(device_of(device))
    found = check_inputs(net, tokenizer, where=name, allow_no_specials=allow_no_specials)
    length, said = fitting_length(anatomy_of(net).max_tokens, max_length)
    for line in (*found.said, said):
        if line:
            progress.say(line)
    return LoadedModel(name, net, tokenizer, meta=meta, max_length=length, flag=found.flag)
