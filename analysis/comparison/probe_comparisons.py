"""What two subnetworks know, compared on the same sentences, for every probe of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..statistics.clusters import Units, units_of
from ..statistics.paired_tests import swap_ratios
from ..statistics.uncertainty import Floats
from ..statistics.weighted import RESAMPLES, sums, weight_blocks
from .pair_records import (
    COMPARED,
    TESTED,
    Side,
    difference_records,
    frame_of,
    over_seeds_test,
    pair_columns,
    tested_columns,
)
from .pairs import Model, Pair, pairs_of
from .probe_items import Key, ProbeItems, named_heads, read_probe_items
from .run_items import model_columns
from .score_comparisons import Comparisons, joined

WITHOUT_ITEMS = ("performance", "mask", "survivors")

Table = dict[tuple[Key, str], Any]
"""(key, sentence) -> numerator and denominator [2]."""


@dataclass
class ProbedModels:
    """The probed models of one task and seed.

    Attributes:
        items: their items.
        heads: what rows say of single heads: see `named_heads`.
        cell: which cell each is; equal cells are the same model.
        flag: flags of its rows.
    """

    items: dict[Model, ProbeItems] = field(default_factory=dict)
    heads: dict[Model, list[tuple[Key, Key, tuple[int, int]]]] = field(default_factory=dict)
    cell: dict[Model, str] = field(default_factory=dict)
    flag: dict[Model, str] = field(default_factory=dict)

    @classmethod
    def read(cls, rows: pd.DataFrame, cells: Path) -> ProbedModels:
        """Those of a run, each read once."""
        models = cls()
        for model, mine in rows.groupby(["method", "kind", "state"], sort=False):
            # a kind with several draws is probed in the first of them
            mine = mine[mine["draw"].fillna(0) == mine["draw"].fillna(0).min()]
            for cell in mine["cell_id"].dropna().unique():
                found = read_probe_items(cells / f"{cell}.parquet")
                if found is not None:
                    models.add(model, mine[mine["cell_id"] == cell], found, str(cell))
                    break
        return models

    def add(self, model: Model, rows: pd.DataFrame, items: ProbeItems, cell: str) -> None:
        """Add one model with its rows and items."""
        self.items[model], self.cell[model] = items, cell
        self.heads[model] = named_heads(rows)
        flags = rows["flag"].dropna()
        self.flag[model] = ", ".join(sorted(set(flags) - {"", "dead"}))

    def tables(self, pair: Pair) -> tuple[Table, Table]:
        """Both sides on the keys and sentences that both have, over heads that live in both."""
        items = [self.items[model] for model in (pair.first, pair.second)]
        common = [head for head in items[0].heads if head in set(items[1].heads)]
        found: list[Table] = []
        for model, of in zip((pair.first, pair.second), items, strict=True):
            table: Table = of.pooled(common) if common else {}
            for key, wanted, head in self.heads[model]:
                table |= _of_head(of, key, wanted, head)
            found.append(table)
        both = found[0].keys() & found[1].keys()
        return tuple({at: table[at] for at in both} for table in found)  # type: ignore[return-value]


def _of_head(of: ProbeItems, key: Key, wanted: Key, head: tuple[int, int]) -> Table:
    """The items of one head under the key of the row that names it."""
    if head not in of.heads:
        return {}
    column = of.heads.index(head)
    mine = [g for g, named in enumerate(of.keys) if named == wanted and of.present[g, column]]
    return {(key, of.sentences[g]): of.sums[:, g, column].astype(np.float64) for g in mine}


def compare_probes(rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES) -> Comparisons:
    """Differences of every probe between the models of a run, on the same sentences.

    A value is a ratio of sums over sentences and over the heads that live in both models; metrics
    that name one head (the best of a relation) use that head of each model. Sentences, not arcs
    or words, are resampled and exchanged, or the clusters that sentences were sampled in.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        resamples: bootstrap samples.
    """
    probed = rows[~rows["probe"].isin(WITHOUT_ITEMS) & rows["cell_id"].fillna("").ne("")]
    probed = model_columns(probed)
    parts = []
    for (model, task), mine in probed.groupby(["model", "task"], sort=False):
        seeds = {
            int(seed): ProbedModels.read(of_seed, cells)
            for seed, of_seed in mine.groupby("seed", sort=True)
        }
        if not any(found.items for found in seeds.values()):
            parts.append(Comparisons(notes=[f"{task}: no items of probes in {cells}"]))
            continue
        models = list(dict.fromkeys(one for found in seeds.values() for one in found.items))
        about = {"model": model, "task": task}
        parts.append(compare_models(pairs_of(models), seeds, about, resamples=resamples))
    return joined(parts) if parts else Comparisons()


def compare_models(
    pairs: list[Pair],
    seeds: dict[int, ProbedModels],
    about: dict[str, Any],
    *,
    resamples: int = RESAMPLES,
) -> Comparisons:
    """Differences and tests of pairs of probed models, on the sentences that both read.

    Args:
        pairs: what is compared.
        seeds: seed -> its models.
        about: columns that every line repeats.
        resamples: bootstrap samples.
    """
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    weights = _Weights(resamples)
    for pair in pairs:
        there = [s for s, found in seeds.items() if {pair.first, pair.second} <= set(found.items)]
        if not there:
            continue
        tables = {seed: seeds[seed].tables(pair) for seed in there}
        probes = sorted({at[0][0] for a, _ in tables.values() for at in a})
        for probe in probes:
            lines = _compare_probe(pair, probe, tables, seeds, weights, about)
            compared += lines[0]
            tests += lines[1]
    return Comparisons(frame_of(compared, COMPARED), frame_of(tests, TESTED))


class _Weights:
    """Resamples of the sentences of a probe, drawn once for all pairs."""

    def __init__(self, resamples: int):
        self._resamples, self._known = resamples, dict[tuple[str, ...], list[Any]]()

    def of(self, ids: tuple[str, ...], units: Units) -> list[Any]:
        if ids not in self._known:
            self._known[ids] = list(weight_blocks(ids, units, resamples=self._resamples))
        return self._known[ids]


def _compare_probe(
    pair: Pair,
    probe: str,
    tables: dict[int, tuple[Table, Table]],
    seeds: dict[int, ProbedModels],
    weights: _Weights,
    about: dict[str, Any],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    places = {at for a, _ in tables.values() for at in a if at[0][0] == probe}
    keys = sorted({at[0] for at in places})
    ids = tuple(sorted({at[1] for at in places}))
    shared = {
        sentence: name
        for seed in tables
        for sentence, name in seeds[seed].items[pair.first].clusters.items()
    }
    units = units_of([shared.get(sentence) for sentence in ids])
    # seed -> both sides [2 sides, 2 sums, N, C]
    values = {seed: np.stack([_dense(t, keys, ids) for t in pair_of]) for seed, pair_of in
              tables.items()}  # fmt: skip
    drawn = {
        seed: [
            _ratio(*(_resampled(weights.of(ids, units), side[i]) for i in (0, 1))) for side in both
        ]
        for seed, both in values.items()
    }
    exchanged = {
        seed: swap_ratios(both[0], both[1], list(ids), units) for seed, both in values.items()
    }
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for c, key in enumerate(keys):
        have = [s for s, both in values.items() if (both[:, 1, :, c].sum(axis=1) > 0).all()]
        if not have:
            continue
        line = {**about, **_key_columns(key)}
        sides = [
            Side(
                {s: float(_ratio(*values[s][i, :, :, c].sum(axis=1))) for s in have},
                {s: drawn[s][i][:, c] for s in have},
                {s: _ratio(values[s][i, 0, :, c], values[s][i, 1, :, c]) for s in have},
                dict.fromkeys(have, 1),
                {s: seeds[s].flag[model] for s in have},
                {s: seeds[s].cell[model] for s in have},
                units,
            )
            for i, model in enumerate((pair.first, pair.second))
        ]
        compared += difference_records(pair, line, sides[0], sides[1], have, outcome="ratio")
        there = {s: (values[s][:, 1, :, c] > 0).all(axis=0) for s in have}
        tests += [
            {
                **line, **pair_columns(pair), "test": "exchanged sentences", "seed": s, "draw": 0,
                "difference": sides[0].scores[s] - sides[1].scores[s],
                "n": int(there[s].sum()), "n_clusters": len(np.unique(units[there[s]])),
                **tested_columns(exchanged[s][c]),
            }
            for s in have
        ]  # fmt: skip
        tests.append(over_seeds_test(pair, line, sides[0], sides[1], have))
    return compared, tests


def _dense(table: Table, keys: list[Key], ids: tuple[str, ...]) -> Floats:
    """Numerators and denominators [2, N, C]; 0 where a sentence has nothing."""
    of_key = {key: c for c, key in enumerate(keys)}
    of_sentence = {name: n for n, name in enumerate(ids)}
    dense = np.zeros((2, len(ids), len(keys)))
    for (key, sentence), both in table.items():
        if key in of_key:
            dense[:, of_sentence[sentence], of_key[key]] = both
    return dense


def _resampled(blocks: list[Any], values: Floats) -> Floats:
    """Weighted sums [R, C]."""
    return np.concatenate([sums(block, values) for block in blocks])


def _ratio(top: Any, bottom: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(top, bottom)


def _key_columns(key: Key) -> dict[str, Any]:
    probe, metric, relation, direction, layer = key
    return {
        "probe": probe,
        "metric": metric,
        "relation": relation or pd.NA,
        "direction": direction or pd.NA,
        "layer": pd.NA if layer < 0 else layer,
        "primary": False,
    }
