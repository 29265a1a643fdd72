"""The scores of several masks of one model: one line for each mask and metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from ...data.errors import UnknownNameError
from ..flags import flags_of
from ..spread.columns import framed
from .columns import METRIC, POINTS, SAMPLE

FULL = "full"


@dataclass(frozen=True)
class Points:
    """The scores of M masks of one model, at one or several sizes.

    Attributes:
        table: the columns `POINTS`; lines of kind `full` are those of the full model. `primary`
            marks the score, beside which all other metrics are measured.
        shares: (probe, metric) of metrics that are shares, from 0 to 1.
    """

    table: pd.DataFrame
    shares: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(
        cls, records: Iterable[dict[str, Any]], shares: Iterable[tuple[str, str]] = ()
    ) -> Points:
        """From plain records; lines without a value are left out."""
        table = framed(records, POINTS)
        return cls(table[table["value"].notna()].reset_index(drop=True), frozenset(shares))

    @property
    def sizes(self) -> list[str]:
        """The nominal sizes of masks, as they come; one empty text for masks of one size."""
        masks = self.table[self.table["kind"].ne(FULL)]
        return list(dict.fromkeys(masks["size"].fillna("")))

    def chosen(self, metrics: Sequence[str], *, where: str) -> Points:
        """The score, and of the other metrics those with these names; none = all.

        Raises:
            UnknownNameError: for a metric that no line has.
        """
        if not metrics:
            return self
        known = list(dict.fromkeys(self.table["metric"]))
        for name in metrics:
            if name not in known:
                raise UnknownNameError(f"metric of {where}", name, known)
        kept = self.table["primary"] | self.table["metric"].isin(list(metrics))
        return replace(self, table=self.table[kept].reset_index(drop=True))

    def without(self, metric: str) -> Points:
        """The same without a metric, unless it is the score."""
        kept = self.table["primary"] | self.table["metric"].ne(metric)
        return replace(self, table=self.table[kept].reset_index(drop=True))

    def at(self, size: str) -> list[Line]:
        """The metrics at one size, the score first."""
        table = self.table[self.table["size"].fillna("").eq(size)]
        full = self.table[self.table["kind"].eq(FULL)]
        found = []
        masks = table[table["kind"].ne(FULL)]
        named = masks.assign(**{name: masks[name].fillna("") for name in METRIC})
        for about, mine in named.groupby(list(METRIC), sort=False):
            whole = full
            for name, value in zip(METRIC, about, strict=True):
                whole = whole[whole[name].fillna("").eq(value)]
            found.append(
                Line(
                    probe=str(about[0]),
                    metric=str(about[1]),
                    relation=str(about[2]),
                    better=_first(mine["better"]),
                    primary=bool(mine["primary"].iloc[0]),
                    values=mine.set_index("mask")["value"].astype(float),
                    full=float(whole["value"].iloc[0]) if len(whole) else float("nan"),
                    sample={name: _smallest(mine[name]) for name in SAMPLE},
                    share=(about[0], about[1]) in self.shares,
                    flag=flags_of([mine]),
                )
            )
        return sorted(found, key=lambda line: not line.primary)


@dataclass(frozen=True)
class Line:
    """One metric of M masks.

    Attributes:
        probe: the probe, `performance` for scores of the task.
        metric: its name.
        relation: what it is about, or empty.
        better: `higher`, `lower` or empty.
        primary: whether it is the score.
        values: by the names of the masks [M].
        full: value of the full model, or NaN.
        sample: `baseline`, `baseline_value`, `n` and `n_clusters`, where they are known.
        share: whether it is a share, from 0 to 1.
        flag: every flag of its values.
    """

    probe: str
    metric: str
    relation: str
    better: str
    primary: bool
    values: pd.Series
    full: float
    sample: dict[str, Any] = field(default_factory=dict)
    share: bool = False
    flag: str = ""

    @property
    def about(self) -> dict[str, Any]:
        """The columns that name it."""
        return {name: getattr(self, name) for name in METRIC}

    @property
    def label(self) -> str:
        """Its name in sentences."""
        return f"{self.metric} {self.relation}".strip()


def _smallest(values: pd.Series) -> Any:
    known = values.dropna()
    return known.min() if len(known) else pd.NA


def _first(values: pd.Series) -> str:
    known = values.dropna()
    return str(known.iloc[0]) if len(known) else ""
