"""Random against group-disjoint splits, and the prediction of the group (Geva et al. 2019).

If examples of one annotator are in both parts of a random split, a model may score by recognising
the annotator. In a group-disjoint split no group is in both parts. Geva et al. (2019) compare the
two, add k examples of each held-out group to the training examples, give the annotator with each
text of a random split, and predict the annotator from the text. Here each example is predicted once
in each split, so that all differences are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ..statistics.clusters import Units, count_of, over_units, resampled, units_of
from ..statistics.corrections import adjust_rows
from ..statistics.paired import expanded_limits
from ..statistics.paired_tests import cluster_signs
from ..statistics.uncertainty import bootstrap_interval
from .classifiers import Classify, with_group
from .folds import Folds, folds_of_groups, ranks

PROBE = "groups"
"""Value of the column `probe` in rows about groups."""
RANDOM, DISJOINT = "random", "group-disjoint"
GIVEN = "random, group given"
"""A random split whose texts name their group."""
OF_GROUP = "predict the group"
RESAMPLES = 2000
EXAMPLE_COLUMNS = (
    "example_id", "group", "split", "k", "fold", "label", "prediction", "majority",
)  # fmt: skip
"""Columns of the table of examples, in file order."""

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Said:
    """The predictions of one split for the examples that it scores.

    Attributes:
        split: `random`, `group-disjoint`, `random, group given` or `predict the group`.
        k: number of examples of each held-out group that were added.
        places: the M scored examples.
        fold: of each [M].
        gold: class ids [M].
        predicted: class ids [M].
        majority: most frequent class of the training examples of each [M].
    """

    split: str
    k: int
    places: Classes
    fold: Classes
    gold: Classes
    predicted: Classes
    majority: Classes

    @property
    def variant(self) -> str:
        """The column `variant` of its rows."""
        return f"{self.split}, k={self.k}" if self.k else self.split

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether each prediction is right [M]."""
        return np.asarray(self.predicted == self.gold)


@dataclass(frozen=True)
class GroupSplits:
    """Everything that `subprobe groups` writes.

    Attributes:
        rows: tidy rows: accuracy of each split, and differences.
        examples: one line per split and scored example.
        notes: what is left out or cannot be said.
    """

    rows: pd.DataFrame
    examples: pd.DataFrame
    notes: tuple[str, ...] = ()

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {"groups": self.rows, "groups_examples": self.examples}


def measure_groups(
    spec: TaskSpec,
    examples: Sequence[Example],
    classify: Classify,
    *,
    folds: int = 5,
    added: Sequence[int] = (1,),
    largest: int = 20,
    seed: int = 1,
) -> GroupSplits:
    """Compare random with group-disjoint splits, and predict the group.

    Args:
        spec: the task, with classes.
        examples: the N examples, each with a group (`cluster`).
        classify: trains and predicts.
        folds: number of folds of groups.
        added: numbers k of examples of each held-out group that are added to the training examples.
        largest: number of groups, the largest ones with at least 2 examples, that are predicted.
        seed: same seed, same tables.

    Raises:
        ConfigError: if there are fewer groups than folds.
        DataFileError: if groups are too few or too small.
    """
    units = units_of([one.cluster for one in examples])
    cut = folds_of_groups(units, folds, added, seed)
    labels = np.array([int(one.label or 0) for one in examples])
    said = [_random(spec, examples, labels, cut, classify)]
    for k in dict.fromkeys((0, *sorted(added))):
        said.append(_disjoint(spec, examples, labels, cut, k, classify, seed))
    given = _random(spec, with_group(examples, units), labels, cut, classify)
    said.append(replace(given, split=GIVEN))
    notes = _notes(units, cut, added)
    group, note = _groups_predicted(spec, examples, units, classify, folds, largest, seed)
    rows = _rows(spec, [*said, *group], units)
    table = pd.concat(
        [_lines(spec, examples, units, one) for one in (*said, *group)], ignore_index=True
    )
    return GroupSplits(rows, table, (*notes, *note))


def _random(
    spec: TaskSpec, examples: Sequence[Example], labels: Classes, cut: Folds, classify: Classify
) -> Said:
    parts = []
    for number, held in enumerate(cut.random):
        train = np.setdiff1d(np.arange(len(examples)), held)
        parts.append(_fold(spec, examples, labels, train, held[cut.scored[held]], number, classify))
    return _joined(RANDOM, 0, parts)


def _disjoint(
    spec: TaskSpec, examples: Sequence[Example], labels: Classes, cut: Folds, k: int,
    classify: Classify, seed: int,
) -> Said:  # fmt: skip
    parts = []
    for number, held in enumerate(cut.disjoint):
        train = cut.training(number, k, seed)
        parts.append(_fold(spec, examples, labels, train, held[cut.scored[held]], number, classify))
    return _joined(DISJOINT, k, parts)


_Part = tuple[Classes, Classes, Classes, Classes, Classes]


def _fold(
    spec: TaskSpec, examples: Sequence[Example], labels: Classes, train: Classes, test: Classes,
    number: int, classify: Classify,
) -> _Part:  # fmt: skip
    """Places, fold, gold, predictions and majority class of the scored examples of a fold."""
    none = np.zeros(0, dtype=np.int64)
    if not len(test):
        return none, none, none, none, none
    predicted = classify(spec, [examples[i] for i in train], [examples[i] for i in test])
    majority = np.bincount(labels[train], minlength=spec.num_labels).argmax()
    return (
        test, np.full(len(test), number), labels[test], predicted,
        np.full(len(test), majority),
    )  # fmt: skip


def _joined(split: str, k: int, parts: Sequence[_Part]) -> Said:
    places, fold, gold, predicted, majority = (
        np.concatenate([part[i] for part in parts]).astype(np.int64) for i in range(5)
    )
    order = np.argsort(places, kind="stable")
    return Said(
        split, k, places[order], fold[order], gold[order], predicted[order], majority[order]
    )


def _groups_predicted(
    spec: TaskSpec, examples: Sequence[Example], units: Units, classify: Classify, folds: int,
    largest: int, seed: int,
) -> tuple[list[Said], list[str]]:  # fmt: skip
    """The group of each text as a class, in folds that divide every group; and what is left out."""
    size = np.bincount(units)
    several = np.flatnonzero(size > 1)
    # ties in the order in which groups come first
    chosen = several[np.argsort(-size[several], kind="stable")][:largest]
    if len(chosen) < 2:
        return [], ["the group is not predicted: fewer than 2 groups have several examples"]
    notes = []
    if len(chosen) < len(size):
        notes.append(f"the group is predicted among the {len(chosen)} largest of {len(size)}")
    places = np.flatnonzero(np.isin(units, chosen))
    own = units_of([str(units[i]) for i in places])
    names = tuple(
        examples[int(places[np.flatnonzero(own == g)[0]])].cluster for g in range(len(chosen))
    )
    mine = [replace(examples[int(i)], label=int(g)) for i, g in zip(places, own, strict=True)]
    fold = ranks(own, np.random.default_rng([seed, 2])) % folds
    of_groups = replace(spec, labels=names)
    parts = []
    for number in range(folds):
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        parts.append(_fold(of_groups, mine, own, train, test, number, classify))
    found = _joined(OF_GROUP, 0, parts)
    return [replace(found, places=places[found.places])], notes


def _notes(units: Units, cut: Folds, added: Sequence[int]) -> list[str]:
    size, most = np.bincount(units), max(added, default=0)
    notes = []
    if single := int((size == 1).sum()):
        notes.append(f"{single} of {len(size)} groups have one example")
    if most and (small := int((size <= most).sum())):
        notes.append(
            f"{small} of {len(size)} groups have at most {most} example{'s' * (most > 1)}, so they "
            f"are only trained on; {int(cut.scored.sum())} of {len(units)} examples are scored"
        )
    return notes


def _rows(spec: TaskSpec, said: Sequence[Said], units: Units) -> pd.DataFrame:
    records: list[dict[str, Any]] = []
    for one in said:
        own = units_of([str(units[i]) for i in one.places])
        limits = bootstrap_interval("accuracy", one.predicted, one.gold, units=own)
        tested = cluster_signs(one.right, one.majority == one.gold, own)
        records.append({
            **_about(spec), "variant": one.variant, "metric": "accuracy", "better": "higher",
            "target": "group" if one.split == OF_GROUP else "class",
            "value": float(one.right.mean()), "ci_low": limits.low, "ci_high": limits.high,
            "ci_method": limits.method, "n": len(one.gold), "n_clusters": count_of(own),
            "n_dropped": len(units) - len(one.gold), "baseline": "majority",
            "baseline_value": float((one.majority == one.gold).mean()),
            "p_value": tested.p_value, "flag": tested.flag or None,
        })  # fmt: skip
    known = {one.variant: one for one in said}
    for one in said:
        base = known[RANDOM if one.split == GIVEN else DISJOINT]
        if one.split != OF_GROUP and one is not base:
            records.append(_difference(spec, one, base, units))
    return rows_frame(adjust_rows(rows_frame(records)))


def _difference(spec: TaskSpec, one: Said, base: Said, units: Units) -> dict[str, Any]:
    """How much more accurate a split is than another, on the same examples."""
    assert (one.places == base.places).all()
    own = units_of([str(units[i]) for i in one.places])
    gaps = one.right.astype(np.float64) - base.right
    sums = over_units(np.column_stack([gaps, np.ones(len(gaps))]), own)
    drawn = resampled(sums, 0, RESAMPLES)
    low, high = expanded_limits(drawn[:, 0] / drawn[:, 1], len(sums))
    tested = cluster_signs(one.right, base.right, own)
    method = f"paired percentile bootstrap over {len(sums)} clusters ({RESAMPLES})"
    return {
        **_about(spec), "variant": f"{one.variant} minus {base.variant}",
        "metric": "accuracy_difference", "target": "class", "value": float(gaps.mean()),
        "ci_low": low, "ci_high": high,
        "ci_method": method if np.isfinite(low) else "no interval: nothing varies",
        "n": len(gaps), "n_clusters": len(sums), "n_dropped": len(units) - len(gaps),
        "baseline": "no difference", "baseline_value": 0.0, "p_value": tested.p_value,
        "flag": tested.flag or None,
    }  # fmt: skip


def _about(spec: TaskSpec) -> dict[str, Any]:
    return {"task": spec.name, "corpus": spec.name, "probe": PROBE, "unit": "model"}


def _lines(spec: TaskSpec, examples: Sequence[Example], units: Units, one: Said) -> pd.DataFrame:
    names = list(spec.labels)
    if one.split == OF_GROUP:
        names = [""] * (int(one.gold.max()) + 1)
        for place, gold in zip(one.places, one.gold, strict=True):
            names[int(gold)] = examples[place].cluster
    return pd.DataFrame(
        {
            "example_id": [examples[i].id for i in one.places],
            "group": [examples[i].cluster for i in one.places],
            "split": one.split,
            "k": one.k,
            "fold": one.fold,
            "label": [names[k] for k in one.gold],
            "prediction": [names[k] for k in one.predicted],
            "majority": [names[k] for k in one.majority],
        },
        columns=list(EXAMPLE_COLUMNS),
    )
