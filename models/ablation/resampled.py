"""The ablation `resample`: a pruned unit has the activation that it has on another example.

Chan et al. (2022), "Causal Scrubbing", resample activations from other inputs, so that a unit keeps
a value that the model knows and loses only what it says about this input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...data.errors import ConfigError, InputError, UnknownNameError
from ...data.masking.masked_batches import task_batches
from ...data.seeds import check_seed
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts, TaskSpec
from ..masks.subnetwork import Subnetwork
from ..partners.donors import Donors, Table
from ..partners.drawing import MATCHES, Drawn
from ..partners.input_rows import InputRow, rows_of_batches

POOL = 1000
"""Number of examples of the training part among which partners are drawn."""

_BATCH = 64


def with_resample(
    mask: Subnetwork,
    tokenizer: Any,
    parts: TaskParts,
    *,
    max_length: int,
    seed: int = 0,
    match: str = "any",
    pool: int = POOL,
) -> Subnetwork:
    """The mask with the ablation `resample`; equal arguments give equal masks.

    The partners come from the training part. With a match of labels, the mask also holds the
    classes of all examples of the task, by a hash of their content.

    Args:
        mask: any mask of heads, MLPs and neurons.
        tokenizer: the model's tokenizer.
        parts: the examples of the task.
        max_length: maximum number of subwords of an input.
        seed: seed of the pool and of the draw of each partner.
        match: one of `drawing.MATCHES`.
        pool: maximum number of examples among which partners are drawn.

    Raises:
        UnknownNameError: if there is no such match.
        ConfigError: if labels are to match, but the task has none.
        InputError: if the pool has no second input, or none of the same class.
        MaskError: if the mask prunes single weights, or the pool is too large for a mask file.
    """
    made = resampled(
        tokenizer, parts, max_length=max_length, seed=seed, match=match, pool=pool
    ).arrays()
    return replace(mask, ablation="resample", constants=made, constants_of="")


def resampled(
    tokenizer: Any,
    parts: TaskParts,
    *,
    max_length: int,
    seed: int = 0,
    match: str = "any",
    pool: int = POOL,
) -> Drawn:
    """The pool and the rule of `with_resample`."""
    check_seed(seed)
    if match not in MATCHES:
        raise UnknownNameError("match of partners", match, MATCHES)
    by_label = "label" in match
    spec = parts.spec
    if by_label and (spec.regression or spec.masked):
        raise ConfigError(
            f"{spec.name} has no classes that partners could share",
            where="`match_donors`",
            remedy="use any or length",
        )
    chosen = _chosen(parts, pool, seed, by_label=by_label)
    options = {"max_length": max_length, "spec": spec, "tokenizer": tokenizer}
    known: dict[int, tuple[InputRow, int]] = {}
    for row, label in _labelled(chosen, **options):
        # of inputs with the same content, the first one decides
        known.setdefault(row.key, (row, label))
    if len(known) < 2:
        raise InputError(
            f"the training part of {spec.name} has fewer than 2 different inputs, and a partner "
            "must be another input",
            remedy="use more examples, or the ablation mean",
        )
    rows = [row for row, _ in known.values()]
    if not by_label:
        return Drawn(Donors.of(rows), seed, match)
    own = np.array([label for _, label in known.values()], dtype=np.int32)
    _check_classes(own, spec)
    classes: dict[int, int] = {}
    for part in (parts.train, parts.selection, parts.report):
        for row, label in _labelled(part, **options):
            classes.setdefault(row.key, label)
    return Drawn(Donors.of(rows), seed, match, own, Table.of(classes))


def _chosen(parts: TaskParts, pool: int, seed: int, *, by_label: bool) -> tuple[Example, ...]:
    """At most `pool` examples of the training part, with equally many of each class if asked."""
    order = np.random.default_rng(seed).permutation(len(parts.train))
    drawn = [parts.train[place] for place in order]
    if not by_label or parts.spec.choices:
        return tuple(drawn[:pool])
    of_class: dict[Any, list[Example]] = {}
    for example in drawn:
        of_class.setdefault(example.label, []).append(example)
    share = max(2, pool // max(1, len(of_class)))
    return tuple(one for label in sorted(of_class) for one in of_class[label][:share])


def _labelled(
    examples: Sequence[Example], *, tokenizer: Any, spec: TaskSpec, max_length: int
) -> list[tuple[InputRow, int]]:
    """Every input of the examples with its class; of an option, whether it is the right one."""
    batches = task_batches(tokenizer, examples, spec, batch_size=_BATCH, max_length=max_length)
    found: list[tuple[InputRow, int]] = []
    for example, rows in zip(examples, rows_of_batches(batches), strict=True):
        for option, row in enumerate(rows):
            label = option == example.label if spec.choices else example.label
            found.append((row, int(label or 0)))
    return found


def _check_classes(labels: Any, spec: TaskSpec) -> None:
    """Raise unless every class of the task has two inputs, so that each has a partner.

    Raises:
        InputError: if a class has fewer.
    """
    names = ("wrong option", "right option") if spec.choices else spec.labels
    for label, name in enumerate(names):
        count = int((labels == label).sum())
        if count < 2:
            raise InputError(
                f"the training part of {spec.name} has {count} different "
                f"{'input' if count == 1 else 'inputs'} of the class {name}, and a partner of the "
                "same class needs 2",
                remedy="use more examples, or match partners by any or length",
            )
