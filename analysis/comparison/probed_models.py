"""The probed models of a run, each draw of them, and what two of them have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .pairs import DrawPair, Model, Pair, draw_pairs
from .probe_items import Key, ProbeItems, named_heads, read_probe_items

Table = dict[tuple[Key, str], Any]
"""(key, sentence) -> numerator and denominator [2]."""


@dataclass(frozen=True)
class ProbedBy:
    """What one probe found in one draw of a model.

    Attributes:
        items: sums by sentence.
        named: rows that name the head they are about.
        cell: where the items stand.
        flag: flags of its rows.
    """

    items: ProbeItems
    named: list[tuple[Key, Key, tuple[int, int]]]
    cell: str
    flag: str


@dataclass
class Probed:
    """One draw of one model.

    Attributes:
        draw: its number.
        by: probe -> what it found.
    """

    draw: int
    by: dict[str, ProbedBy] = field(default_factory=dict)


class ProbedModels:
    """The probed models of one task and seed, each draw read once."""

    def __init__(self) -> None:
        self.draws: dict[Model, list[Probed]] = {}

    @classmethod
    def read(cls, rows: pd.DataFrame, cells: Path) -> ProbedModels:
        """Those of a run."""
        models = cls()
        rows = rows.assign(draw=rows["draw"].fillna(0))
        about = ["method", "kind", "state", "draw", "probe", "cell_id"]
        for (*model, draw, probe, cell), mine in rows.groupby(about, sort=False):
            items = read_probe_items(cells / f"{cell}.parquet")
            if items is not None:
                models.add((model[0], model[1], model[2]), probe, mine, items, cell, int(draw))
        for draws in models.draws.values():
            draws.sort(key=lambda one: one.draw)
        return models

    def add(
        self, model: Model, probe: str, rows: pd.DataFrame, items: ProbeItems, cell: str,
        draw: int = 0,
    ) -> None:  # fmt: skip
        """Add what one probe found in one draw of one model: its rows and items."""
        draws = self.draws.setdefault(model, [])
        known = next((one for one in draws if one.draw == draw), None)
        if known is None:
            known = Probed(draw)
            draws.append(known)
        flag = ", ".join(sorted(set(rows["flag"].dropna()) - {"", "dead"}))
        known.by.setdefault(probe, ProbedBy(items, named_heads(rows), cell, flag))

    def pairs(self, pair: Pair) -> list[DrawPair]:
        """Which draw of the first model is compared with which of the second."""
        first, second = (
            [one.draw for one in self.draws[model]] for model in (pair.first, pair.second)
        )
        return draw_pairs(first, second, same_kind=pair.first[1] == pair.second[1])

    def tables(self, pair: Pair, draw: DrawPair) -> tuple[Table, Table]:
        """Both sides on the keys and sentences that both have, over heads that both keep."""
        models = self.draws[pair.first][draw.first], self.draws[pair.second][draw.second]
        found: tuple[Table, Table] = ({}, {})
        for probe in models[0].by.keys() & models[1].by.keys():
            sides = models[0].by[probe], models[1].by[probe]
            there = set(sides[1].items.heads)
            common = [head for head in sides[0].items.heads if head in there]
            for side, table in zip(sides, found, strict=True):
                table |= side.items.pooled(common) if common else {}
                for key, wanted, head in side.named:
                    table |= _of_head(side.items, key, wanted, head)
        both = found[0].keys() & found[1].keys()
        return tuple({at: table[at] for at in both} for table in found)  # type: ignore[return-value]


def _of_head(of: ProbeItems, key: Key, wanted: Key, head: tuple[int, int]) -> Table:
    """The items of one head under the key of the row that names it."""
    if head not in of.heads:
        return {}
    column = of.heads.index(head)
    mine = [g for g, named in enumerate(of.keys) if named == wanted and of.present[g, column]]
    return {(key, of.sentences[g]): of.sums[:, g, column].astype(np.float64) for g in mine}


def dense(table: Table, keys: list[Key], ids: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Numerators and denominators [2, N, C]; 0 where a sentence has nothing."""
    of_key = {key: c for c, key in enumerate(keys)}
    of_sentence = {name: n for n, name in enumerate(ids)}
    dense = np.zeros((2, len(ids), len(keys)))
    for (key, sentence), both in table.items():
        if key in of_key:
            dense[:, of_sentence[sentence], of_key[key]] = both
    return dense
