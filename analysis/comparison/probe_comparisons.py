"""What two subnetworks know, compared on the same sentences, for every probe of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.seeds import Pairs, design_of
from ..statistics.clusters import Units, units_of
from ..statistics.paired_ratios import swap_ratios
from ..statistics.paired_tests import Tested
from ..statistics.row_units import is_right_or_wrong
from ..statistics.uncertainty import Floats
from ..statistics.variation import pairs_in
from ..statistics.weighted import RESAMPLES, sums, weight_blocks
from .answer_tests import mcnemar_columns
from .pair_records import (
    COMPARED,
    ONE_DRAW,
    ONE_SEED,
    TESTED,
    difference_records,
    draw_counts,
    draw_record,
    frame_of,
    over_seeds_test,
    pair_columns,
    tested_columns,
)
from .pairs import DrawPair, Pair, Side, pairs_of
from .probe_items import Key, key_columns
from .probed_models import ProbedBy, ProbedModels, Table, dense
from .run_items import model_columns
from .score_comparisons import Comparisons, joined

WITHOUT_ITEMS = ("performance", "mask", "survivors")


def compare_probes(rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES) -> Comparisons:
    """Differences of every probe between the models of a run, on the same sentences.

    A value is a ratio of sums over sentences and over the heads that both models keep; metrics
    that name one head (the best of a relation) use that head of each model. Sentences, not arcs
    or words, are resampled and exchanged, or the clusters that sentences were sampled in. Where a
    kind is probed in several draws there is a line for each of them, and one for their mean.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        resamples: bootstrap samples.
    """
    probed = probed_rows(rows)
    parts = []
    for (model, task), mine in probed.groupby(["model", "task"], sort=False):
        seeds = {
            int(seed): ProbedModels.read(of_seed, cells)
            for seed, of_seed in mine.groupby("seed", sort=True)
        }
        if not any(found.draws for found in seeds.values()):
            parts.append(Comparisons(notes=[f"{task}: no items of probes in {cells}"]))
            continue
        models = list(dict.fromkeys(one for found in seeds.values() for one in found.draws))
        about = {"model": model, "task": task}
        pairs = pairs_of(models)
        parts.append(compare_models(pairs, seeds, about, pairs_in(mine), resamples=resamples))
    return joined(parts) if parts else Comparisons()


def probed_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of probes that have items, with kinds as they are compared."""
    probed = rows[~rows["probe"].isin(WITHOUT_ITEMS) & rows["cell_id"].fillna("").ne("")]
    return model_columns(probed)


def compare_models(
    pairs: list[Pair],
    seeds: dict[int, ProbedModels],
    about: dict[str, Any],
    crossed: Pairs | None = None,
    *,
    resamples: int = RESAMPLES,
) -> Comparisons:
    """Differences and tests of pairs of probed models, on the sentences that both read.

    Args:
        pairs: what is compared.
        seeds: seed -> its models.
        about: columns that every line repeats.
        crossed: what seeds stand for, where those of initialisation and order are crossed.
        resamples: bootstrap samples.
    """
    compared: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    weights = Weights(resamples)
    for pair in pairs:
        tables = {
            seed: [(draw, found.tables(pair, draw)) for draw in found.pairs(pair)]
            for seed, found in seeds.items()
            if {pair.first, pair.second} <= set(found.draws)
        }
        tables = {seed: of_draws for seed, of_draws in tables.items() if of_draws}
        if not tables:
            continue
        every = [table for of_draws in tables.values() for _, (table, _) in of_draws]
        for probe in sorted({at[0][0] for table in every for at in table}):
            lines = ComparedProbe(pair, probe, tables, seeds, weights, about, crossed)
            compared += lines.compared
            tests += lines.tests
    return Comparisons(frame_of(compared, COMPARED), frame_of(tests, TESTED))


class Weights:
    """Resamples of the sentences of a probe, drawn once for all pairs."""

    def __init__(self, resamples: int):
        self._resamples, self._known = resamples, dict[tuple[str, ...], list[Any]]()

    def of(self, ids: tuple[str, ...], units: Units) -> list[Any]:
        """The resamples of these sentences, in blocks."""
        if ids not in self._known:
            self._known[ids] = list(weight_blocks(ids, units, resamples=self._resamples))
        return self._known[ids]


class ComparedProbe:
    """One probe of one pair of models: every key, in each seed and draw.

    Attributes:
        compared: lines of the table of differences.
        tests: lines of the table of tests.
    """

    def __init__(
        self,
        pair: Pair,
        probe: str,
        tables: dict[int, list[tuple[DrawPair, tuple[Table, Table]]]],
        seeds: dict[int, ProbedModels],
        weights: Weights,
        about: dict[str, Any],
        crossed: Pairs | None = None,
    ):
        every = [table for of_draws in tables.values() for _, (table, _) in of_draws]
        places = {at for table in every for at in table if at[0][0] == probe}
        self._keys = sorted({at[0] for at in places})
        self._ids = tuple(sorted({at[1] for at in places}))
        self._units = _shared_units(
            self._ids,
            [m.by[probe] for s in tables for m in seeds[s].draws[pair.first] if probe in m.by],
        )
        self._pair, self._probe, self._crossed = pair, probe, crossed
        self._models = {seed: seeds[seed].draws for seed in tables}
        self._draws = {seed: [draw for draw, _ in of_draws] for seed, of_draws in tables.items()}
        # seed -> both sides of each draw [D, 2 sides, 2 sums, N, C]
        self._values = {
            seed: np.stack(
                [[dense(t, self._keys, self._ids) for t in both] for _, both in of_draws]
            )
            for seed, of_draws in tables.items()
        }
        blocks = weights.of(self._ids, self._units)
        # seed -> the resampled ratios of both sides of each draw [D, 2, R, C]
        self._samples = {
            seed: np.stack(
                [[_ratio(*(_resampled(blocks, side[i]) for i in (0, 1))) for side in both]
                 for both in values]
            )
            for seed, values in self._values.items()
        }  # fmt: skip
        self.compared: list[dict[str, Any]] = []
        self.tests: list[dict[str, Any]] = []
        exchanged = {seed: self._exchanged(values) for seed, values in self._values.items()}
        single = {
            seed: [self._exchanged(values[[d]]) for d in range(len(values))]
            for seed, values in self._values.items()
            if self._several(seed)
        }
        for c, key in enumerate(self._keys):
            self._add(c, {**about, **key_columns(key)}, exchanged, single)

    def over_all(self) -> list[tuple[Key, Tested, tuple[int, int]]]:
        """Each key with its exchange test over all seeds and draws, and how much there is of it.

        A sentence changes places in all seeds and draws together. The two counts are items of the
        second sum (pairs of words for a relation), and sentences that have any.
        """
        values = np.concatenate(list(self._values.values()))
        tested = swap_ratios(values[:, 0], values[:, 1], list(self._ids), self._units)
        counts = values[0, 0, 1]  # [N, C], of the first model
        return [
            (key, tested[c], (round(counts[:, c].sum()), int((counts[:, c] > 0).sum())))
            for c, key in enumerate(self._keys)
        ]

    def _several(self, seed: int) -> bool:
        return len(self._draws[seed]) > 1

    def _exchanged(self, values: Floats) -> list[Tested]:
        return swap_ratios(values[:, 0], values[:, 1], list(self._ids), self._units)

    def _add(
        self, c: int, line: dict[str, Any], exchanged: dict[int, list[Tested]],
        single: dict[int, list[list[Tested]]],
    ) -> None:  # fmt: skip
        # draws of each seed in which both sides have something [D]
        known = {s: (v[:, :, 1, :, c].sum(axis=2) > 0).all(axis=1) for s, v in self._values.items()}
        have = [seed for seed, there in known.items() if there.any()]
        if not have:
            return
        chosen = {seed: np.flatnonzero(known[seed]) for seed in have}
        both = self._sides(c, chosen)
        design = design_of(have, self._crossed)
        self.compared += difference_records(self._pair, line, *both, design, outcome="ratio")
        for seed in have:
            self.tests.append(self._tested(line, both, seed, c, chosen[seed], exchanged[seed][c]))
            self.tests += self._right_or_wrong(line, both, seed, c, chosen[seed])
            for d in chosen[seed] if self._several(seed) else ():
                draw = self._draws[seed][d].draw
                at = np.array([d])
                one = self._sides(c, {seed: at})
                self.compared.append(
                    draw_record(self._pair, line, *one, seed, draw, outcome="ratio")
                )
                tested = self._tested(line, one, seed, c, at, single[seed][d][c])
                self.tests.append(tested | {"level": ONE_DRAW, "draw": draw})
                exact = self._right_or_wrong(line, one, seed, c, at)
                self.tests += [found | {"level": ONE_DRAW, "draw": draw} for found in exact]
        self.tests.append(over_seeds_test(self._pair, line, *both, design))

    def _sides(self, c: int, chosen: dict[int, npt.NDArray[np.intp]]) -> tuple[Side, Side]:
        return self._side(0, c, chosen), self._side(1, c, chosen)

    def _side(self, i: int, c: int, chosen: dict[int, npt.NDArray[np.intp]]) -> Side:
        """One side of a key: the mean over the chosen draws of each seed."""
        model = (self._pair.first, self._pair.second)[i]
        sums = {s: self._values[s][at][:, i, :, :, c] for s, at in chosen.items()}  # [D, 2, N]
        places = {s: [self._draws[s][d][1 + i] for d in at] for s, at in chosen.items()}
        probed = {
            s: [self._models[s][model][p].by[self._probe] for p in found]
            for s, found in places.items()
        }
        flags = {s: {flag for m in of for flag in m.flag.split(", ")} for s, of in probed.items()}
        return Side(
            {s: float(_ratio(*v.sum(axis=2).T).mean()) for s, v in sums.items()},
            {s: self._samples[s][at][:, i, :, c].mean(axis=0) for s, at in chosen.items()},
            {s: _mean_known(_ratio(v[:, 0], v[:, 1])) for s, v in sums.items()},
            {s: len(set(found)) for s, found in places.items()},
            {s: ", ".join(sorted(found - {""})) for s, found in flags.items()},
            {s: of[0].cell for s, of in probed.items()},
            self._units,
        )

    def _tested(
        self, line: dict[str, Any], sides: tuple[Side, Side], seed: int, c: int,
        at: npt.NDArray[np.intp], tested: Tested,
    ) -> dict[str, Any]:  # fmt: skip
        both = (self._values[seed][at][:, :, 1, :, c] > 0).all(axis=1)
        there = both.any(axis=0)
        draw = pd.NA if self._several(seed) else self._draws[seed][at[0]].draw
        return {
            **line, **pair_columns(self._pair), "test": "exchanged sentences", "level": ONE_SEED,
            "seed": seed, "draw": draw, **draw_counts(*sides, [seed]),
            "difference": sides[0].scores[seed] - sides[1].scores[seed], "n": int(there.sum()),
            "n_clusters": len(np.unique(self._units[there])), **tested_columns(tested),
        }  # fmt: skip

    def _right_or_wrong(
        self, line: dict[str, Any], sides: tuple[Side, Side], seed: int, c: int,
        at: npt.NDArray[np.intp],
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The exact test of one draw of a metric whose items, alone each, are right or wrong."""
        probe, metric = self._keys[c][:2]
        there = (self._values[seed][at[0]][:, 1, :, c] > 0).all(axis=0)
        single = len(np.unique(self._units[there])) == there.sum()
        if len(at) > 1 or not is_right_or_wrong(probe, metric) or not single:
            return []
        first, second = self._values[seed][at[0]][:, 0, :, c][:, there]
        tested = self._tested(line, sides, seed, c, at, Tested(float("nan"), 1.0))
        return [tested | mcnemar_columns(first, second)]


def _shared_units(ids: tuple[str, ...], models: list[ProbedBy]) -> Units:
    shared = {name: cluster for model in models for name, cluster in model.items.clusters.items()}
    return units_of([shared.get(name) for name in ids])


def _mean_known(values: Floats) -> Floats:
    """Mean over draws [N] of [D, N], of those that have something."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=0) / count)


def _resampled(blocks: list[Any], values: Floats) -> Floats:
    """Weighted sums [R, C]."""
    return np.concatenate([sums(block, values) for block in blocks])


def _ratio(top: Any, bottom: Any) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.divide(top, bottom)
