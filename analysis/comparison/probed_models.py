"""The probed models of a run, each draw of them, and what two of them have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .draw_pairs import DrawPair, draw_pairs
from .pairs import Model, Pair
from .probe_items import Key, ProbeItems, named_heads, read_probe_items

Table = dict[tuple[Key, str], Any]
"""(key, sentence) -> numerator and denominator [2]."""


class ProbedModels:
    """The probed models of one task and seed, each draw read once."""

    def __init__(self) -> None:
        self.draws: dict[Model, list[Probed]] = {}

    @classmethod
    def read(cls, rows: pd.DataFrame, cells: Path) -> ProbedModels:
        """Those of a run."""
        models = cls()
        for model, mine in rows.groupby(["method", "kind", "state"], sort=False):
            mine = mine.assign(draw=mine["draw"].fillna(0))
            for draw, of_draw in mine.groupby("draw", sort=True):
                for cell in of_draw["cell_id"].dropna().unique():
                    items = read_probe_items(cells / f"{cell}.parquet")
                    if items is not None:
                        named = of_draw[of_draw["cell_id"] == cell]
                        models.add(model, named, items, str(cell), int(draw))
                        break
        return models

    def add(
        self, model: Model, rows: pd.DataFrame, items: ProbeItems, cell: str, draw: int = 0
    ) -> None:
        """Add one draw of one model with its rows and items."""
        flag = ", ".join(sorted(set(rows["flag"].dropna()) - {"", "dead"}))
        found = Probed(draw, items, named_heads(rows), cell, flag)
        self.draws.setdefault(model, []).append(found)

    def pairs(self, pair: Pair) -> list[DrawPair]:
        """Which draw of the first model is held against which of the second."""
        first, second = (
            [one.draw for one in self.draws[model]] for model in (pair.first, pair.second)
        )
        return draw_pairs(first, second, same_kind=pair.first[1] == pair.second[1])

    def tables(self, pair: Pair, draw: DrawPair) -> tuple[Table, Table]:
        """Both sides on the keys and sentences that both have, over heads that live in both."""
        models = self.draws[pair.first][draw.first], self.draws[pair.second][draw.second]
        there = set(models[1].items.heads)
        common = [head for head in models[0].items.heads if head in there]
        found: list[Table] = []
        for model in models:
            table: Table = model.items.pooled(common) if common else {}
            for key, wanted, head in model.named:
                table |= _of_head(model.items, key, wanted, head)
            found.append(table)
        both = found[0].keys() & found[1].keys()
        return tuple({at: table[at] for at in both} for table in found)  # type: ignore[return-value]


@dataclass(frozen=True)
class Probed:
    """One draw of one model.

    Attributes:
        draw: its number.
        items: what its probes found.
        named: rows that name the head they are about.
        cell: where the items stand.
        flag: flags of its rows.
    """

    draw: int
    items: ProbeItems
    named: list[tuple[Key, Key, tuple[int, int]]]
    cell: str
    flag: str


def _of_head(of: ProbeItems, key: Key, wanted: Key, head: tuple[int, int]) -> Table:
    """The items of one head under the key of the row that names it."""
    if head not in of.heads:
        return {}
    column = of.heads.index(head)
    mine = [g for g, named in enumerate(of.keys) if named == wanted and of.present[g, column]]
    return {(key, of.sentences[g]): of.sums[:, g, column].astype(np.float64) for g in mine}
