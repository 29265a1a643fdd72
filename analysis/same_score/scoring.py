"""Score every mask, and the full model, on the task and by probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from ...data.output.tables import items_frame, rows_frame
from ...models.masks.subnetwork import Subnetwork
from ...probes.challenge.entries import HEURISTICS
from ..single.loaded import LoadedModel
from ..single.training import evaluate_loaded
from ..spread.panel import PERFORMANCE, runs_of
from ..statistics.row_units import is_right_or_wrong
from ..steps.identity import flagged
from ..steps.progress import Progress, Silent
from .columns import SAMPLE
from .masks import Masks
from .points import FULL, Points

_INTERVAL = ("ci_low", "ci_high", "ci_method")
COPIED = (
    "probe", "metric", "relation", "better", "primary", "value", *_INTERVAL, *SAMPLE, "flag",
)  # fmt: skip
"""The columns that the metrics of a mask have in common with its points."""
_SHARES = ("accuracy", "f1")


class Probed(Protocol):
    """Probes of one model whose texts were read."""

    def under(self, mask: Subnetwork | None) -> Any:
        """Their output on the full model or under a mask, as the attribute `output`."""


@dataclass(frozen=True)
class Measuring:
    """What is measured of each mask.

    Attributes:
        loaded: the model and its task, whose score comes first.
        probes: probes whose texts were read.
        metrics: names of the metrics; none = the headline of each probe.
    """

    loaded: LoadedModel
    probes: Sequence[Probed] = ()
    metrics: tuple[str, ...] = ()
    _full: list[tuple[pd.DataFrame, pd.DataFrame]] = field(default_factory=list, repr=False)

    def full(self, progress: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows and items of the full model, measured once.

        Raises:
            UnknownNameError: for a metric that no row has.
        """
        if not self._full:
            found = self.of(None, progress)
            metric_values([found[0]], self.metrics)
            self._full.append(found)
        return self._full[0]

    def of(
        self, mask: Subnetwork | None, progress: Progress | None = None
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows and items of one mask, or of the full model; texts are remarked on to `progress`."""
        found = evaluate_loaded(self.loaded, mask, progress or Silent())
        rows, items = [rows_frame(found.rows)], [items_frame(found.items)]
        for one in self.probes:
            output = one.under(mask).output
            rows.append(rows_frame(output.rows))
            items.append(items_frame(output.items))
        made = flagged(pd.concat(rows, ignore_index=True), str(self.loaded.meta.get("flag") or ""))
        return made, pd.concat(items, ignore_index=True)


def metric_values(rows: Sequence[pd.DataFrame], metrics: Sequence[str] = ()) -> pd.DataFrame:
    """The metrics of some masks: one line for each mask, by its place, and metric.

    Args:
        rows: the tidy rows of each mask.
        metrics: names of the metrics; none = the headline of each probe.

    Raises:
        UnknownNameError: for a metric that no row has.
    """
    # masks take the place of seeds; kind and method do not tell them apart
    placed = [
        one.assign(seed=place, draw=0, kind="good", method="structured", state="pruned")
        for place, one in enumerate(rows)
    ]
    known = pd.concat(placed, ignore_index=True)
    runs = runs_of(known, metrics)
    columns = [name for name in COPIED if name not in ("n_clusters", *_INTERVAL)]
    found = runs[["seed", *columns]].rename(columns={"seed": "place"})
    known = known.assign(relation=known["relation"].fillna(""), place=known["seed"])
    known = known.drop_duplicates(["place", "probe", "metric", "relation"])
    found["place"] = found["place"].astype("Int64")
    key = ["place", "probe", "metric", "relation"]
    return found.merge(known[[*key, *_INTERVAL, "n_clusters"]], how="left", on=key)


@dataclass(frozen=True)
class Scored:
    """The rows and items of every mask and of the full model.

    Attributes:
        rows: tidy rows; `draw` is the number of a mask, 0 the full model.
        items: name of each mask, `full` for the full model -> items.
        points: the metrics that are compared.
    """

    rows: pd.DataFrame
    items: dict[str, pd.DataFrame]
    points: Points


def score_masks(measuring: Measuring, masks: Masks, progress: Progress) -> Scored:
    """Score the full model and each mask on the reported examples, and run the probes.

    Args:
        measuring: what is measured.
        masks: the masks, numbered.
        progress: receives the progress, and what is said about the texts.

    Raises:
        UnknownNameError: for a metric that no row has.
    """
    rows: list[pd.DataFrame] = []
    items: dict[str, pd.DataFrame] = {}
    named: dict[str, Subnetwork | None] = {FULL: None, **masks}
    with progress.stage(f"scoring {len(masks)} masks") as advance:
        for done, (name, mask) in enumerate(named.items()):
            # what is said about texts is the same for every mask
            one, items[name] = measuring.full(progress) if mask is None else measuring.of(mask)
            rows.append(one)
            advance(done, len(masks))
    return scored_of(rows, items, named, measuring.metrics)


def scored_of(
    rows: Sequence[pd.DataFrame],
    items: dict[str, pd.DataFrame],
    named: Mapping[str, Subnetwork | None],
    metrics: Sequence[str] = (),
) -> Scored:
    """The points of masks from their rows.

    Args:
        rows: tidy rows of each, in the order of `named`.
        items: name -> items.
        named: name -> mask; None is the full model.
        metrics: names of the metrics; none = the headline of each probe.

    Raises:
        UnknownNameError: for a metric that no row has.
    """
    values = metric_values(rows, metrics)
    names = list(named)
    records = []
    for line in values.to_dict("records"):
        name = names[line["place"]]
        mask = named[name]
        about = {
            "mask": name, "kind": mask.kind if mask else FULL,
            "mask_id": mask.mask_id if mask else None,
            "sparsity": mask.sparsity(mask.size_of) if mask else 0.0,
        }  # fmt: skip
        records.append(about | {key: line[key] for key in COPIED})
    joined = pd.concat(list(rows), ignore_index=True)
    return Scored(joined, items, Points.of(records, _shares(values)))


def _shares(values: pd.DataFrame) -> set[tuple[str, str]]:
    return {
        (probe, metric)
        for probe, metric in zip(values["probe"], values["metric"], strict=True)
        if is_right_or_wrong(probe, metric)
        or (probe == PERFORMANCE and metric in _SHARES)
        or (probe == HEURISTICS and metric.startswith("accuracy"))
    }
