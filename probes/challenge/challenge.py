"""The probe of a second test set: accuracy by group, and compared with the task's own examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.challenge.own_set import challenge_columns, label_pairs, read_challenge
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task_parts import spread
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.undefined import with_undefined
from .entries import ACCURACY, CHALLENGE, DIFFERENCE, REPORTED
from .heuristic_rows import MAJORITY
from .predictions import evaluated, notes_of, task_of

Floats = npt.NDArray[np.float64]
OWN = "report/"
"""Start of the ids of the task's own examples in the items."""
_COUNTED = ("texts_read", "texts_wordless", "texts_unlocated", "texts_cut", "pieces_shared")
"""What probes of a task count of its examples; here, those without a word piece are scored."""


def run_challenge(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    file: str = "",
    columns: Sequence[str] = (),
    labels: Sequence[str] = (),
    limit: int = 0,
    batch_size: int = 64,
) -> ProbeResult:
    """Classify a second test set, and the task's own report split.

    `accuracy_difference` is the accuracy on the test set minus that on the report split; it is
    negative where the test set is harder.

    Args:
        context: a classifier of the task, and the mask.
        examples: examples of the report split.
        progress: called with (examples done, all).
        file: the test set.
        columns: texts ROLE=COLUMN; see `own_set.ROLES`.
        labels: texts LABEL=CLASS for labels that are not named like the classes.
        limit: maximum number of examples of the test set, evenly spaced; 0 = all.
        batch_size: examples per forward pass.

    Returns:
        rows over all examples and by group (`relation`); one item per example and metric.

    Raises:
        ConfigError: if columns or labels do not fit the task.
        DataFileError: for a file that cannot be read.
        InputError: if the model has no classes.
    """
    spec = task_of(context, CHALLENGE)
    read = read_challenge(
        file, challenge_columns(columns), spec.labels, label_pairs(labels), pair=spec.pair
    )
    asked = spread(read.examples, limit) if limit else read.examples
    every = len(asked) + len(examples)
    found = evaluated(context, spec, asked, batch_size=batch_size)
    if progress is not None:
        progress(len(asked), every)
    read_by = [found]
    sets = [Scored(asked, found.predictions == found.labels, "")]
    notes = {f"{CHALLENGE}_examples": len(asked), **notes_of(found, CHALLENGE)}
    notes |= {f"n_{what}": 0 for what in _COUNTED}
    if examples:
        own = evaluated(context, spec, examples, batch_size=batch_size)
        read_by.append(own)
        sets.append(Scored(examples, own.predictions == own.labels, OWN))
        notes |= {"n_texts_read": len(examples), "n_texts_cut": own.n_truncated}
        if progress is not None:
            progress(every, every)
    parts = list(_parts(sets))
    return ProbeResult(
        CHALLENGE,
        rows_frame(with_undefined(pd.DataFrame(_rows(parts, read.name)), *read_by)),
        lambda: items_frame(pd.concat(map(_items, parts), ignore_index=True)),
        notes=notes,
    )


@dataclass(frozen=True)
class Scored:
    """N examples, and whether each is right [N]; ids and clusters start with `prefix`."""

    examples: Sequence[Example]
    right: npt.NDArray[np.bool_]
    prefix: str

    def part(self, metric: str, group: str = "") -> Part:
        """Accuracy on a group, or on all examples."""
        at = [n for n, one in enumerate(self.examples) if not group or one.group == group]
        of = [self.examples[n] for n in at]
        largest = pd.Series([one.label for one in of]).value_counts().max()
        return Part(
            metric, group, [f"{self.prefix}{one.id}" for one in of],
            # sources of the two sets that have the same name are not the same
            [one.cluster and f"{self.prefix}{one.cluster}" for one in of],
            self.right[at].astype(np.float64), float(largest / len(of)),
        )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One row: the mean of `added` [n] over examples with these ids and clusters."""

    metric: str
    relation: str
    ids: Sequence[str]
    clusters: Sequence[str]
    added: Floats
    majority: float | None


def _parts(sets: Sequence[Scored]) -> Iterator[Part]:
    whole = sets[0].part(ACCURACY)
    yield whole
    groups = dict.fromkeys(one.group for one in sets[0].examples if one.group)
    for group in groups:
        yield sets[0].part(ACCURACY, group)
    if len(sets) > 1:
        own = sets[1].part(REPORTED)
        yield own
        n = len(whole.ids) + len(own.ids)
        # numbers whose mean is the difference between the two accuracies
        values = np.concatenate([whole.added * n / len(whole.ids), -own.added * n / len(own.ids)])
        ids, clusters = [*whole.ids, *own.ids], [*whole.clusters, *own.clusters]
        yield Part(DIFFERENCE, "", ids, clusters, values, None)


def _rows(parts: Sequence[Part], name: str) -> Iterator[dict[str, Any]]:
    for part in parts:
        clusters = zip(part.clusters, part.ids, strict=True)
        line: dict[str, Any] = {
            "probe": CHALLENGE, "unit": "model", "metric": part.metric,
            "relation": part.relation or None, "value": float(part.added.mean()),
            "n": len(part.ids), "n_dropped": 0,
            "n_clusters": len({c or f"\0{i}" for c, i in clusters}),
        }  # fmt: skip
        if part.metric != REPORTED:
            line |= {"corpus": name, "split": ""}
        if part.majority is not None:
            line |= {"baseline": MAJORITY, "baseline_value": part.majority}
        yield line


def _items(part: Part) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "probe": CHALLENGE, "item_id": list(part.ids), "sentence_id": list(part.ids),
            "cluster_id": [name or None for name in part.clusters],
            "relation": part.relation or None, "metric": part.metric, "numerator": part.added,
            "denominator": 1.0,
        }
    )  # fmt: skip
