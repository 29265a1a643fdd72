"""Same score, other behaviour: the tables of `subprobe same-score`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..spread.columns import framed
from ..statistics.corrections import adjust_rows
from .beside import FEWEST_FOR_P, correlation_lines, spread_line
from .columns import CORRELATIONS, NOTES, POINTS, SPREAD
from .points import Points

DRAWS = 2000


@dataclass(frozen=True)
class SameScore:
    """What several masks of one model and size have in common, and in what they differ.

    Attributes:
        points: every metric of every mask, and of the full model.
        spread: mean, standard deviation and range of every metric over masks.
        correlations: of every other metric with the score.
        notes: what cannot be said, and why.
        more: further tables about the masks themselves: agreement, core, predictions.
    """

    points: pd.DataFrame
    spread: pd.DataFrame
    correlations: pd.DataFrame
    notes: pd.DataFrame
    more: dict[str, pd.DataFrame] = field(default_factory=dict)

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        own = {
            "mask_scores": self.points, "mask_spread": self.spread,
            "mask_correlations": self.correlations,
        }  # fmt: skip
        return own | self.more | {"same_score_notes": self.notes}

    def to_json(self) -> str:
        """Every table as records, in one JSON object."""
        records = {
            name: json.loads(table.to_json(orient="records"))
            for name, table in self.tables().items()
        }
        return json.dumps(records, ensure_ascii=False)


def measure_points(
    points: Points,
    *,
    draws: int = DRAWS,
    correction: str = "holm",
    seed: int = 0,
) -> SameScore:
    """Spread and correlations of the metrics of masks, at each size.

    Args:
        points: the metrics; one of them is the score.
        draws: permutations of masks.
        correction: of p-values, over all metrics of one size and kind of correlation.
        seed: of permutations and of the bootstrap.
    """
    spread: list[dict[str, Any]] = []
    correlations: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for size in points.sizes:
        lines = points.at(size)
        score = next((line for line in lines if line.primary), None)
        n = max(len(line.values) for line in lines)
        if n < 2:
            notes.append(note_of("mask_scores", "one mask: nothing to compare it with", size))
            continue
        if n < FEWEST_FOR_P:
            said = f"{n} masks: no test of a correlation reaches .05; it needs {FEWEST_FOR_P}"
            notes.append(note_of("mask_correlations", said, size))
        for line in lines:
            beside = None if line.primary else score
            spread.append({"size": size, **spread_line(line, beside, seed)})
            if beside is not None:
                correlations += [
                    {"size": size, **one} for one in correlation_lines(line, beside, draws, seed)
                ]
        if len(lines) == 1:
            notes.append(note_of("mask_correlations", "only the score was measured", size))
    table = framed(correlations, CORRELATIONS)
    floors = framed(correlations, {"floor": "Float64"})["floor"]
    tested = adjust_rows(table, ("size", "correlation"), correction, floors=floors, flag="note")
    return SameScore(
        framed(points.table, POINTS), framed(spread, SPREAD), framed(tested, CORRELATIONS),
        framed(notes, NOTES),
    )  # fmt: skip


def with_notes(found: SameScore, notes: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The notes of a result and further ones."""
    return pd.concat([found.notes, framed(notes, NOTES)], ignore_index=True)


def note_of(table: str, note: str, size: str = "") -> dict[str, str]:
    """What cannot be said, or must be known, about a table."""
    return {"table": table, "size": size, "note": note}
