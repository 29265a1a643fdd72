"""The contract between a checkpoint's head and a task: every output means the class that it names.

Whatever order the head was trained in, a loaded model answers in the task's: the rows of its last
layer change places once, so that logits, losses, predictions and attributions all speak of the
same classes. The encoder is untouched, and so is its fingerprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ...data.errors import CheckpointError, ConfigError
from ...data.tasks.class_order import ClassOrder, Pairs, class_order, plain, unnamed
from ...data.tasks.task import TaskSpec
from ..folder.checkpoint_files import check_task, read_config, read_raw_config
from ..folder.sources import ModelSource, is_compact

HEAD = "ForSequenceClassification"
"""How transformers' classes with a head for whole texts end."""


def contract(
    source: ModelSource, spec: TaskSpec, pairs: Pairs = (), *, any_task: bool = False
) -> ClassOrder | None:
    """How the outputs of a checkpoint's head and the classes of a task belong together.

    Args:
        source: the checkpoint.
        spec: the task.
        pairs: what the user says of the names; then a model of another task may answer, too.
        any_task: whether it may in any case.

    Returns:
        The order of the classes, or None in regression and for a masked task.

    Raises:
        CheckpointError: if the checkpoint is of another task, has no head for texts, contradicts
            itself, or names other classes, with both lists.
        ConfigError: if `pairs` do not cover both lists.
    """
    if spec.masked and pairs:
        raise ConfigError(
            f"{spec.name} has no classes to map", where="`labels`", remedy="leave it out"
        )
    if not (pairs or any_task):
        check_task(source, spec)
    if spec.masked:
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


def check_head(source: ModelSource, config: Any, *, kept: bool) -> None:
    """Raise unless a checkpoint was saved with a head for whole texts, as far as it says so.

    Args:
        source: the checkpoint.
        config: its configuration.
        kept: whether it is to be trained on; decides the remedy.

    Raises:
        CheckpointError: naming the class that it was saved as.
    """
    saved = (config.architectures or [""])[0]
    if saved and not saved.endswith(HEAD):
        remedy = "fine-tune it first: subprobe finetune"
        if is_compact(source):
            remedy = "make a fine-tuned model smaller"
        elif kept:
            remedy = "leave out `recipe.head`, and a new head is made"
        raise CheckpointError(
            f"has no classifier of texts: it was saved as {saved}",
            where=source.name,
            remedy=remedy,
        )


def class_names(source: ModelSource) -> tuple[str, ...]:
    """The names of a head's outputs in their order; `LABEL_0`, ... where none are stored.

    Args:
        source: the checkpoint.

    Raises:
        CheckpointError: if `id2label` and `label2id` are no such tables, or contradict each other.
    """
    raw = read_raw_config(source)
    fields = ("id2label", "label2id")
    found = {name: _numbered(raw[name], source, name) for name in fields if raw.get(name)}
    if not found:
        return tuple(f"LABEL_{place}" for place in range(read_config(source).num_labels))
    # a library fills in placeholders where it was told the other table alone
    named = {field: names for field, names in found.items() if not unnamed(names)} or found
    first = next(iter(named.values()))
    agree = all([*map(plain, names)] == [*map(plain, first)] for names in named.values())
    if not agree or len({len(names) for names in found.values()}) > 1:
        said = (f"{field} names the classes {', '.join(names)}" for field, names in found.items())
        raise CheckpointError(
            " but ".join(said),
            where=source.name,
            remedy="find out which is right and correct config.json",
        )
    return first


def _numbered(table: Any, source: ModelSource, field: str) -> tuple[str, ...]:
    """The names of a table in the order of their numbers, which are 0 to K-1."""
    found: dict[int, str] = {}
    pairs = list(table.items()) if isinstance(table, dict) else []
    for key, value in pairs if field == "id2label" else [(v, k) for k, v in pairs]:
        if str(key).isdecimal() and len(str(key)) < 10 and isinstance(value, str | int | float):
            found[int(key)] = str(value)
    names = tuple(found[key] for key in sorted(found))
    if len(found) != len(pairs) or sorted(found) != list(range(len(pairs))) or not pairs:
        raise CheckpointError(
            f"{field} does not give each number from 0 on one name: {str(table)[:120]}",
            where=source.name,
            remedy="correct config.json",
        )
    if len(set(names)) < len(names):
        raise CheckpointError(
            f"{field} names a class twice: {', '.join(names)}",
            where=source.name,
            remedy="correct config.json",
        )
    return names


# -- the head in the task's order ------------------------------------------------------------------


def head_options(classes: Sequence[str], *, regression: bool) -> dict[str, Any]:
    """What a configuration says of a head with these classes."""
    kind = "regression" if regression else "single_label_classification"
    return {**named_classes(tuple(classes) or ("value",)), "problem_type": kind}


def named_classes(names: Sequence[str]) -> dict[str, Any]:
    """The two tables of a configuration that name its outputs."""
    return {
        "id2label": dict(enumerate(names)),
        "label2id": {name: place for place, name in enumerate(names)},
    }


def output_layer(model: Any, num_labels: int) -> tuple[str, nn.Linear]:
    """Path and layer of the head that gives the logits: the last one outside the encoder."""
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
    """Make the head of a loaded model answer in the order of a task, in place.

    Where several outputs mean one class, its logit is the log of the sum of their exponentials: its
    probability is the sum of theirs.

    Args:
        model: a classifier with the head that it was saved with.
        spec: the task.
        order: what `contract` gave.
    """
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
    """A linear layer some of whose outputs count as one class.

    Args:
        layer: the layer, D -> K.
        groups: for each class that is left, its outputs.
    """

    def __init__(self, layer: nn.Linear, groups: Sequence[Sequence[int]]):
        super().__init__()
        self.layer = layer
        self.groups = tuple(tuple(group) for group in groups)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits [..., classes left] of features [..., D]."""
        logits = self.layer(features)
        merged = [logits[..., list(group)].logsumexp(dim=-1) for group in self.groups]
        return torch.stack(merged, dim=-1)


def check_plain_head(model: Any, where: str) -> None:
    """Raise if a model's head counts several outputs as one class, which no checkpoint can say.

    Raises:
        CheckpointError: with what to do.
    """
    if any(isinstance(module, MergedClasses) for module in model.modules()):
        raise CheckpointError(
            "`labels` lets several classes of the model stand for one: such a head cannot be saved",
            where=where or None,
            remedy="fine-tune a model with the task's own classes",
        )
