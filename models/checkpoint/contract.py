"""Match the outputs of a checkpoint's head with the classes of a task.

A loaded model gives its outputs in the order of the task, even if its head was trained in another
order: the rows of its last layer are permuted once, so that logits, losses, predictions and
attributions refer to the same classes. The encoder and its fingerprint do not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ...data.errors import CheckpointError, ConfigError
from ...data.tasks.class_order import ClassOrder, Pairs, class_order, plain, unnamed
from ...data.tasks.task import TaskSpec
from ..folder.checkpoint_files import check_task, read_config, read_meta, read_raw_config
from ..folder.sources import ModelSource, is_compact

HEAD = "ForSequenceClassification"
"""Name suffix of the transformers classes with a head for complete texts."""

CHOICE_HEAD = "ForMultipleChoice"
"""Name suffix of the transformers classes with a head that scores options."""


def contract(
    source: ModelSource, spec: TaskSpec, pairs: Pairs = (), *, any_task: bool = False
) -> ClassOrder | None:
    """The correspondence of the outputs of a checkpoint's head and the classes of a task.

    Args:
        source: the checkpoint.
        spec: the task.
        pairs: pairs of names that the user specifies; if given, a model of another task is
            accepted.
        any_task: accept a model of another task in any case.

    Returns:
        The order of the classes, or None in regression and for masked and multiple-choice tasks.

    Raises:
        CheckpointError: if the checkpoint belongs to another task, has no head for texts,
            contradicts itself, or names other classes; the message then lists both sets of names.
        ConfigError: if `pairs` do not cover both sets of names.
    """
    if (spec.masked or spec.choices) and pairs:
        raise ConfigError(
            f"{spec.name} has no classes to map", where="`labels`", remedy="leave it out"
        )
    if not (pairs or any_task):
        check_task(source, spec)
    if spec.masked:
        return None
    if spec.choices:
        check_choices(source, read_config(source), kept=any_task)
        return None
    names, config = class_names(source), read_config(source)
    check_head(source, config, kept=any_task)
    where = source.name
    if spec.regression:
        if len(names) != 1:
            raise CheckpointError(
                f"has {len(names)} classes ({', '.join(names)}), {spec.name} is a number",
                where=where,
                remedy="name the model and task that belong together",
            )
        return None
    if len(names) == 1 or config.problem_type in ("regression", "multi_label_classification"):
        kind = "a number" if len(names) == 1 else str(config.problem_type).replace("_", " ")
        raise CheckpointError(
            f"its head was made for {kind}, {spec.name} has one of the classes "
            f"{', '.join(spec.labels)}",
            where=where,
            remedy="name the model and task that belong together",
        )
    return class_order(spec.name, spec.labels, names, pairs, where=where)


def own_task(source: ModelSource, pairs: Pairs = ()) -> TaskSpec:
    """A task whose classes are those that a checkpoint's head names.

    Args:
        source: the checkpoint.
        pairs: pairs of names that the user specifies; the class of the task replaces that of the
            model.

    Raises:
        CheckpointError: if the head predicts a number, or `class_names` does.
    """
    names, recorded = class_names(source), _recorded(source)
    if len(names) < 2 or read_config(source).problem_type == "regression":
        raise CheckpointError(
            "its head predicts a number, not a class",
            where=source.name,
            remedy="name a classifier",
        )
    theirs = {plain(name) for name in names}
    if not all(plain(second) in theirs for _, second in pairs):
        pairs = tuple((second, first) for first, second in pairs)
    meaning = {plain(second): first for first, second in pairs}
    labels = tuple(dict.fromkeys(meaning.get(plain(name), name) for name in names))
    return TaskSpec(
        str(recorded.get("task") or ""), labels, "accuracy", ("accuracy",),
        pair=bool(recorded.get("pair", True)),
    )  # fmt: skip


def _recorded(source: ModelSource) -> dict[str, Any]:
    return read_meta(source.location) if source.kind == "folder" else {}


def check_head(source: ModelSource, config: Any, *, kept: bool) -> None:
    """Raise if a checkpoint states that it was saved without a head for complete texts.

    Args:
        source: the checkpoint.
        config: its configuration.
        kept: whether the head will be trained further; determines the remedy.

    Raises:
        CheckpointError: if it was saved as another class; the message names it.
    """
    _check_saved(source, config, HEAD, "classifier of texts", kept=kept)


def scores_options(model: Any) -> bool:
    """Whether a model has a multiple-choice head, so that its inputs are [B, K, S]."""
    return type(model).__name__.endswith(CHOICE_HEAD)


def check_choices(source: ModelSource, config: Any, *, kept: bool) -> None:
    """Raise if a checkpoint states that it was saved without a multiple-choice head.

    The arguments and the error are those of `check_head`.
    """
    _check_saved(source, config, CHOICE_HEAD, "multiple-choice head", kept=kept)


def _check_saved(source: ModelSource, config: Any, suffix: str, what: str, *, kept: bool) -> None:
    saved = (config.architectures or [""])[0]
    if saved and not saved.endswith(suffix):
        remedy = "fine-tune it first: subprobe finetune"
        if is_compact(source):
            remedy = "use a fine-tuned model to make the smaller one"
        elif kept:
            remedy = "leave out `recipe.head` to add a new head"
        raise CheckpointError(
            f"has no {what}: it was saved as {saved}",
            where=source.name,
            remedy=remedy,
        )


def class_names(source: ModelSource) -> tuple[str, ...]:
    """The names of a head's outputs, in order; `LABEL_0`, ... if none are stored.

    Args:
        source: the checkpoint.

    Raises:
        CheckpointError: if `id2label` or `label2id` is malformed, or they contradict each other.
    """
    raw = read_raw_config(source)
    fields = ("id2label", "label2id")
    found = {name: _numbered(raw[name], source, name) for name in fields if raw.get(name)}
    if not found:
        return tuple(f"LABEL_{place}" for place in range(read_config(source).num_labels))
    # transformers fills in placeholders if only the other table was given
    named = {field: names for field, names in found.items() if not unnamed(names)} or found
    first = next(iter(named.values()))
    agree = all([*map(plain, names)] == [*map(plain, first)] for names in named.values())
    if not agree or len({len(names) for names in found.values()}) > 1:
        said = (f"{field} names the classes {', '.join(names)}" for field, names in found.items())
        raise CheckpointError(
            " but ".join(said),
            where=source.name,
            remedy="correct the wrong table in config.json",
        )
    return first


def _numbered(table: Any, source: ModelSource, field: str) -> tuple[str, ...]:
    """The names of a table in the order of their ids, which are 0 to K-1."""
    found: dict[int, str] = {}
    pairs = list(table.items()) if isinstance(table, dict) else []
    for key, value in pairs if field == "id2label" else [(v, k) for k, v in pairs]:
        if str(key).isdecimal() and len(str(key)) < 10 and isinstance(value, str | int | float):
            found[int(key)] = str(value)
    names = tuple(found[key] for key in sorted(found))
    if len(found) != len(pairs) or sorted(found) != list(range(len(pairs))) or not pairs:
        raise CheckpointError(
            f"{field} does not assign one name to each id from 0: {str(table)[:120]}",
            where=source.name,
            remedy="correct config.json",
        )
    if len(set(names)) < len(names):
        raise CheckpointError(
            f"{field} contains duplicates: {', '.join(names)}",
            where=source.name,
            remedy="correct config.json",
        )
    return names


# -- the head in the order of the task -------------------------------------------------------------


def head_options(classes: Sequence[str], *, regression: bool) -> dict[str, Any]:
    """The fields of a configuration for a head with these classes."""
    kind = "regression" if regression else "single_label_classification"
    return {**named_classes(tuple(classes) or ("value",)), "problem_type": kind}


def named_classes(names: Sequence[str]) -> dict[str, Any]:
    """The two tables of a configuration that name its outputs."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: place for place, name in enumerate(names)},
    }


def output_layer(model: Any, num_labels: int) -> tuple[str, nn.Linear]:
    """Path and module of the layer that computes the logits: the last one outside the encoder."""
    inside = set(model.base_model.modules())
    layers = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and module not in inside
        and module.out_features == num_labels
    ]
    return layers[-1]


@torch.no_grad()
def put_in_order(model: Any, spec: TaskSpec, order: ClassOrder | None) -> None:
    """Permute the outputs of a loaded model's head into the order of a task, in place.

    A multiple-choice head, which has one output, is not changed.

    The logit of a class with several outputs is the logarithm of the sum of their exponentials, so
    that its probability is the sum of theirs.

    Args:
        model: a classifier with its saved head.
        spec: the task.
        order: the result of `contract`.
    """
    if spec.choices:
        return
    options = head_options(spec.labels, regression=spec.regression)
    if order is not None:
        path, layer = output_layer(model, len(order.names))
        if order.merges:
            model.set_submodule(path, MergedClasses(layer, order.outputs))
        else:
            rows = [group[0] for group in order.outputs]
            layer.weight.copy_(layer.weight[rows].clone())
            if layer.bias is not None:
                layer.bias.copy_(layer.bias[rows].clone())
    for name, value in options.items():
        setattr(model.config, name, value)
    model.num_labels = spec.num_labels


class MergedClasses(nn.Module):
    """A linear layer in which several outputs are merged into one class.

    Args:
        layer: the layer, D -> K.
        groups: the outputs of each resulting class.
    """

    def __init__(self, layer: nn.Linear, groups: Sequence[Sequence[int]]):
        super().__init__()
        self.layer = layer
        self.groups = tuple(tuple(group) for group in groups)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [..., resulting classes] of features [..., D]."""
        logits = self.layer(features)
        merged = [logits[..., list(group)].logsumexp(dim=-1) for group in self.groups]
        return torch.stack(merged, dim=-1)


def check_plain_head(model: Any, where: str) -> None:
    """Raise if a head merges several outputs into one class, which a checkpoint cannot represent.

    Raises:
        CheckpointError: if it does.
    """
    if any(isinstance(module, MergedClasses) for module in model.modules()):
        raise CheckpointError(
            "`labels` merges several classes of the model, and such a head cannot be saved",
            where=where or None,
            remedy="fine-tune a model with the classes of the task",
        )
