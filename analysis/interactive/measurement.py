"""The measurements of one model: a table, a figure, and the items behind both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...data.output.tables import items_frame, rows_frame
from ..cell_output import CellOutput

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, repr=False, eq=False)
class Measurement:
    """The result of `evaluate` or `probe` for one model, full or under a mask.

    Attributes:
        output: rows, scored items, small arrays and notes.
        read: hash of the examples or sentences that were read; measurements with the same one are
            compared item by item.
    """

    output: CellOutput
    read: str

    @property
    def probes(self) -> tuple[str, ...]:
        """The kinds of measurement: `performance`, or the names of probes."""
        return tuple(dict.fromkeys(self.output.rows["probe"]))

    @property
    def about(self) -> dict[str, Any]:
        """Model, task, method, kind, state, draw and mask of every row."""
        first = self.output.rows.iloc[0]
        names = ("model", "task", "method", "kind", "state", "draw", "mask_id")
        return {name: first[name] for name in names}

    def to_frame(self) -> pd.DataFrame:
        """Tidy rows with every column of the schema; a copy.

        Several such frames can be concatenated, also with those of `load_rows`.
        """
        return rows_frame(self.output.rows)

    def items(self) -> pd.DataFrame:
        """One line per scored item: an example, or a head on a sentence; a copy."""
        return items_frame(self.output.items)

    def plot(
        self, metric: str | None = None, *, probe: str | None = None, relation: str | None = None
    ) -> alt.Chart | alt.LayerChart | alt.FacetChart:
        """A chart of one metric: a grid of heads, a line over layers, or marks with intervals.

        Args:
            metric: the metric; by default the first of the probe that fits on one page, and all
                scores of a task.
            probe: the probe, where several were run; the first by default.
            relation: of the rows that have one; all by default.

        Raises:
            UnknownNameError: if there is no such metric, probe or relation.
            ConfigError: if all relations together are too many for one page.
        """
        from ..figures.measured import chart_of

        chart: alt.Chart | alt.LayerChart | alt.FacetChart = chart_of(
            self.to_frame(), probe=probe, metric=metric, relation=relation
        )
        return chart

    def __repr__(self) -> str:
        about = self.about
        who = " ".join(str(about[name]) for name in ("model", "kind", "state"))
        return f"Measurement({', '.join(self.probes)} of {who}: {len(self.output.rows)} rows)"

    def _repr_html_(self) -> str:
        shown: str = filled(self.to_frame()).to_html(max_rows=20)
        return shown


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns in which some row has a value."""
    return frame[frame.replace("", pd.NA).dropna(axis=1, how="all").columns]
