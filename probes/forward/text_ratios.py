"""Sums by text, unit and metric: rows are ratios of these sums, items are the sums.

A metric's value is the sum of its numerators over all texts by the sum of its denominators, such
as query rows. Memory grows by one number per text, unit and metric; no map is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from .base import BatchView, ProbeResult, in_corpus_order, kept_as

Floats = npt.NDArray[np.float64]


class TextSums:
    """Numerators and denominators of every text, in the order of the corpus.

    Args:
        unit: `head` or `layer`.
        metrics: names.
        dead: units without a kept head, [L, H] or [L]; their rows are flagged.
        baselines: metric -> the name of its baseline, if it has one.
        drop_dead: whether pruned units have no value at all; else what is undefined is NaN.
        first_layer: number of the first layer that is noted.
    """

    def __init__(
        self,
        unit: str,
        metrics: Sequence[str],
        dead: npt.NDArray[np.bool_],
        baselines: Mapping[str, str] | None = None,
        *,
        drop_dead: bool = True,
        first_layer: int = 0,
    ):
        self._drop_dead, self._first_layer = drop_dead, first_layer
        self.unit, self.metrics, self.dead = unit, tuple(metrics), dead
        self.baselines = dict(baselines or {})
        self._held = [metric for metric in metrics if metric in self.baselines]
        self._ids: list[tuple[str, str]] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._counts: list[Floats] = []
        self._sums: list[Floats] = []
        self._references: list[Floats] = []

    def begin(self, batch: BatchView, counts: Mapping[str, torch.Tensor]) -> None:
        """Start a batch.

        Args:
            batch: its texts.
            counts: metric -> denominators [B], the same for all units.
        """
        B = len(batch.examples)
        self._ids += [(example.id, example.first.id) for example in batch.examples]
        self._positions.append(batch.position)
        self._counts.append(_table(counts, self.metrics))
        kept = kept_as(batch.source.dtype)
        self._sums.append(np.full((B, *self.dead.shape, len(self.metrics)), np.nan, kept))
        self._references.append(np.full((B, *self.dead.shape, len(self._held)), np.nan, kept))

    def put(
        self,
        layer: int,
        sums: Mapping[str, torch.Tensor],
        references: Mapping[str, torch.Tensor] | None = None,
    ) -> None:
        """Note one layer of the batch.

        Args:
            layer: counted from the first that is noted.
            sums: metric -> numerators, [B, H] or [B]; those of pruned units are dropped.
            references: the same for the baselines of metrics.
        """
        self._sums[-1][:, layer] = _table(sums, self.metrics)
        if references:
            self._references[-1][:, layer] = _table(references, self._held)
        if not self._drop_dead:
            return
        for table in (self._sums[-1], self._references[-1]):
            table[:, layer][:, self.dead[layer]] = np.nan

    def rows(self) -> pd.DataFrame:
        """One row for each unit and metric."""
        counts, sums = self._ordered(self._counts), self._ordered(self._sums)
        references = self._ordered(self._references)
        U, M = sums.shape[1:-1], len(self.metrics)
        total = counts.sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):  # no such token at all: no value
            value = sums.sum(0, dtype=np.float64) / total
            baseline = np.full((*U, M), np.nan)
            places = [self.metrics.index(metric) for metric in self._held]
            baseline[..., places] = references.sum(0, dtype=np.float64) / total[places]
        places_of = [axis.ravel() for axis in np.indices((*U, M))]
        metric = places_of[-1]
        frame = self._frame(places_of)
        found = np.isfinite(value.ravel())
        frame["value"] = np.where(found, value.ravel(), np.nan)
        frame["n"] = np.where(found, np.count_nonzero(counts, axis=0)[metric], 0)
        names = [self.baselines.get(name) for name in self.metrics]
        frame["baseline"] = np.array(names, dtype=object)[metric]
        frame["baseline_value"] = baseline.ravel()
        dead = self.dead[tuple(places_of[:-1])]
        return frame.assign(unit=self.unit, flag=["dead" if lost else None for lost in dead])

    def items(self, **same: str) -> Iterator[pd.DataFrame]:
        """One item for each text, unit and metric with a nonzero denominator, in frames of texts.

        Args:
            same: columns with the same value in all items.
        """
        counts, sums = self._ordered(self._counts), self._ordered(self._sums)
        names = np.array([self._ids[i] for i in self._order()], dtype=object).reshape(-1, 2)
        for block in text_blocks(len(names), self.dead.size * len(self.metrics)):
            each = sums[block]
            every = counts[block].reshape(len(each), *[1] * self.dead.ndim, -1)
            every = np.broadcast_to(every, each.shape)
            places = np.nonzero(np.isfinite(each) & (every > 0))
            yield items_frame(
                self._frame(list(places[1:])).assign(
                    item_id=names[block][places[0], 0],
                    sentence_id=names[block][places[0], 1],
                    numerator=each[places],
                    denominator=every[places],
                    **same,
                )
            )

    def _frame(self, places: list[npt.NDArray[np.int64]]) -> pd.DataFrame:
        """Layer, head (where units are heads) and metric of each line."""
        columns = {"layer": places[0] + self._first_layer}
        if self.dead.ndim == 2:
            columns["head"] = places[1]
        return pd.DataFrame(columns).assign(metric=np.array(self.metrics)[places[-1]])

    def _order(self) -> npt.NDArray[np.int64]:
        return np.argsort(np.concatenate(self._positions), kind="stable")

    def _ordered(self, parts: list[Floats]) -> Floats:
        return in_corpus_order(parts, self._positions)

    @property
    def n_texts(self) -> int:
        """The number of texts so far."""
        return len(self._ids)


def sums_result(
    probe: str, variant: str, tables: Sequence[TextSums], notes: Mapping[str, int | float | str]
) -> ProbeResult:
    """The result of a probe that keeps sums: rows and items of all its tables."""
    rows = pd.concat([table.rows() for table in tables], ignore_index=True)
    return ProbeResult(
        probe=probe,
        rows=rows_frame(rows.assign(probe=probe, variant=variant)),
        make_items=lambda: (part for table in tables for part in table.items(probe=probe)),
        notes={"n_texts": tables[0].n_texts, **notes},
    )


def _table(columns: Mapping[str, torch.Tensor], names: Sequence[str]) -> Floats:
    """The named columns side by side [..., M]."""
    chosen = torch.stack([columns[name].double() for name in names], dim=-1)
    return np.asarray(chosen.cpu().numpy())
