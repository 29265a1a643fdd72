"""Assign a task's examples to training, selection of masks and reporting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..errors import ConfigError, DataFileError, UnknownNameError
from ..files.atomic import digest
from ..sentences.sentence import Example
from .task import UNREADABLE, Reading, TaskData, TaskParts

Sampled = TypeVar("Sampled")

_HELD_OUT = 0.1
"""Share of train on which masks are selected if no other labelled split is available."""

_FEW = 10
"""Minimum number of clusters per composition of labels; below it, a tenth rounds to none."""


def split_parts(data: TaskData, *, selection: str = "held-out", seed: int) -> TaskParts:
    """Assign the examples to training, selection of masks, and reporting.

    A task with a labelled test split selects on validation and reports on test. Otherwise a tenth
    of train, stratified by label and drawn with the seed, is held out for selection, and validation
    is reported. Examples with equal texts or in the same cluster stay together. Clusters that
    splits of the task share are not separated here (see `group_disjoint`).

    Args:
        data: the task.
        selection: `held-out`; or `reported`, the protocol of Prasanna et al. (2020): masks are
            selected on the reported examples, and all of train is used for training.
        seed: seed of the draw.

    Raises:
        UnknownNameError: if `selection` has another value.
        DataFileError: if a part of train must be held out, but train is a single cluster.
    """
    if selection not in ("held-out", "reported"):
        raise UnknownNameError("selection", selection, ("held-out", "reported"))
    name = data.spec.report_split
    train, report = data.splits["train"], data.splits[name]
    lost = data.readings[name].left_out.get(UNREADABLE, 0) if name in data.readings else 0
    if selection == "reported":
        return TaskParts(data.spec, train, report, report, "reported", name, lost)
    if name == "test":
        validation = data.splits["validation"]
        return TaskParts(data.spec, train, validation, report, "validation", name, lost)
    held = _held_out(train, seed, regression=data.spec.regression)
    return TaskParts(
        data.spec,
        tuple(example for i, example in enumerate(train) if i not in held),
        tuple(example for i, example in enumerate(train) if i in held),
        report,
        "train-10%",
        name,
        lost,
    )


IN_HELD_OUT_GROUP = "in a group of a split that is scored"
"""The reason in `Reading.left_out` for examples that `group_disjoint` removes."""


def group_disjoint(data: TaskData) -> TaskData:
    """The task with no group in both its training examples and a split that is scored.

    Groups of the reported split are removed from all others, and groups of any other split from
    train, so that models are trained on, masks are selected on and scores are reported for
    different groups (Geva et al. 2019). Readings count the removed examples.

    Raises:
        ConfigError: if no example has a group.
        DataFileError: if a split keeps no example.
    """
    spec = data.spec
    if not any(one.cluster for split in data.splits.values() for one in split):
        raise ConfigError(
            f"the examples of {spec.name} have no groups",
            where="`group_disjoint`",
            remedy="name the column of the source that examples share: group=...",
        )
    order = [spec.report_split, *(n for n in data.splits if n not in (spec.report_split, "train"))]
    seen: set[str] = set()
    splits, readings = dict(data.splits), dict(data.readings)
    for name in (*order, "train"):
        kept = tuple(one for one in splits[name] if not one.cluster or one.cluster not in seen)
        lost = len(splits[name]) - len(kept)
        if not kept:
            raise DataFileError(
                f"every group of {name} is also in another split, so no example is left",
                where=data.source or spec.name,
                remedy="split the files by group, or leave out `group_disjoint`",
            )
        if lost:
            known = readings.get(name, Reading((), len(splits[name]), {}))
            left_out = {**known.left_out, IN_HELD_OUT_GROUP: lost}
            readings[name] = replace(known, left_out=left_out)
        splits[name] = kept
        seen |= {one.cluster for one in kept if one.cluster}
    return replace(data, splits=splits, readings=readings)


def spread(examples: tuple[Sampled, ...], count: int) -> tuple[Sampled, ...]:
    """At most `count` examples at equal distances, so that a sorted set is sampled evenly."""
    if count >= len(examples):
        return examples
    places = np.linspace(0, len(examples) - 1, count).round().astype(int)
    return tuple(examples[i] for i in places)


def capped(data: TaskData, sizes: Mapping[str, int] | None) -> TaskData:
    """Reduce each split to a maximum number of examples, taken at equal distances.

    Raises:
        UnknownNameError: if a split does not exist.
    """
    if not sizes:
        return data
    for split in sizes:
        if split not in data.splits:
            raise UnknownNameError(f"{data.spec.name} split", split, data.splits)
    splits = dict(data.splits)
    for split, count in sizes.items():
        splits[split] = spread(splits[split], count)
    return replace(data, splits=splits)


def limited(parts: TaskParts, limit: int) -> TaskParts:
    """Limit each role to at most `limit` examples; 0 = all."""
    if not limit:
        return parts
    return replace(
        parts,
        train=spread(parts.train, limit),
        selection=spread(parts.selection, limit),
        report=spread(parts.report, limit),
    )


def _held_out(train: tuple[Example, ...], seed: int, *, regression: bool) -> set[int]:
    """Positions of a tenth of the distinct texts of each label, with all their repetitions.

    If examples have clusters, positions of a tenth of the examples in complete clusters, stratified
    by composition of labels; rare compositions form one stratum.

    Raises:
        DataFileError: if train is a single cluster.
    """
    groups = _bound_groups(train)
    clustered = any(example.cluster for example in train)
    strata: dict[Any, list[list[int]]] = {}
    for group in groups:
        labels = tuple(sorted(train[place].label or 0 for place in group))
        label = () if regression else labels if clustered else train[group[0]].label
        strata.setdefault(label, []).append(group)
    generator = np.random.default_rng(seed)
    if clustered:
        return _whole_clusters(strata, generator)
    held: set[int] = set()
    for label in sorted(strata):
        found = strata[label]
        count = round(_HELD_OUT * len(found)) or int(len(found) > 1)
        for chosen in generator.permutation(len(found))[:count]:
            held.update(found[chosen])
    return held


def _bound_groups(examples: tuple[Example, ...]) -> list[list[int]]:
    """Groups of positions of examples with an equal text or the same cluster, in order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes: dict[Any, int] = {}
    edges = []
    for place, example in enumerate(examples):
        for key in (example.texts(), example.cluster):
            if key:
                edges.append((place, len(examples) + nodes.setdefault(key, len(nodes))))
    size = len(examples) + len(nodes)
    rows, columns = np.array(edges).T
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    groups: dict[int, list[int]] = {}
    for place in range(len(examples)):
        groups.setdefault(int(component[place]), []).append(place)
    return list(groups.values())


def _whole_clusters(
    strata: dict[tuple[Any, ...], list[list[int]]], generator: np.random.Generator
) -> set[int]:
    """Positions of about a tenth of the examples of each stratum, without dividing a cluster."""
    rare = [key for key, groups in strata.items() if len(groups) < _FEW]
    pooled: list[list[int]] = [group for key in rare for group in strata.pop(key)]
    held: set[int] = set()
    for groups in (pooled, *(strata[key] for key in sorted(strata))):
        wanted, taken = round(_HELD_OUT * sum(map(len, groups))), 0
        for chosen in generator.permutation(len(groups)):
            if taken + len(groups[chosen]) <= wanted:
                held.update(groups[chosen])
                taken += len(groups[chosen])
    everything = [*pooled]
    for groups in strata.values():
        everything += groups
    if not held:
        if len(everything) < 2:
            raise DataFileError(
                "all training examples belong to one group, so none can be held out for "
                "selecting masks",
                remedy="name another column as group=..., add a test split, or use `selection` "
                "reported",
            )
        held.update(everything[int(np.argmin([len(group) for group in everything]))])
    return held


def folds_of(examples: Sequence[Example], count: int, seed: int) -> list[tuple[Any, Any]]:
    """Positions for ranking and for scoring in each fold; a cluster is never divided between folds.

    Raises:
        ConfigError: if there are fewer examples or clusters than folds.
    """
    from sklearn.model_selection import GroupKFold, KFold

    clustered = any(example.cluster for example in examples)
    sources = [example.cluster or f"alone {place}" for place, example in enumerate(examples)]
    most, what = len(set(sources)), "groups" if clustered else "examples"
    if count > most:
        raise ConfigError(
            f"must be at most {most}, the number of {what}, got {count}",
            where="folds",
            remedy=f"use at most {most}",
        )
    places = np.arange(len(examples))
    if clustered:
        by_group = GroupKFold(count, shuffle=True, random_state=seed)
        return list(by_group.split(places, groups=sources))
    return list(KFold(count, shuffle=True, random_state=seed).split(places))


def examples_digest(examples: tuple[Example, ...]) -> str:
    """A hash of the ids, texts, labels, clusters and optional properties of the examples."""
    return digest(
        [[example.id, *example.texts(), example.label, *_further(example)] for example in examples]
    )


def _further(example: Example) -> list[Any]:
    """The optional properties of an example that are set: cluster, rationale, options, pair.

    Several counterfactuals are those of a generated example, which follow from its id.
    """
    rationale = [] if example.rationale is None else [{"rationale": example.rationale}]
    options = [{"options": example.options}] if example.options else []
    pair = [{"counterfactual": one} for one in example.counterfactuals]
    paired = pair if len(pair) == 1 else []
    return [*filter(None, [example.cluster]), *rationale, *options, *paired]
