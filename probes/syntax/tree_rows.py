"""Rows and items of `attention-trees`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ..forward.base import ProbeResult
from ..forward.held_out import Selection
from .arc_counts import Text
from .tree_baselines import ADJACENT, OFFSET, TreeScore

MEAN = "mean of heads"
BEST = "best_head_"


@dataclass(frozen=True)
class TreeCounts:
    """Gold arcs that were found, of N sentences, M metrics, C directions and U units.

    Attributes:
        metrics: the M metrics.
        directions: the C directions; None for undirected trees.
        selection: the protocol.
        half: half of each sentence [N].
        found: arcs found [N, M, C, U]; units are L x H heads, L layer means, the mean of all heads.
        total: arcs that could be found [N, M].
        dropped: arcs that truncation cut [N, M].
        alive: which heads are kept [L, H].
        baselines: baseline -> metric -> score.
    """

    metrics: tuple[str, ...]
    directions: tuple[str | None, ...]
    selection: Selection
    half: npt.NDArray[np.int64]
    found: npt.NDArray[np.int32]
    total: npt.NDArray[np.int64]
    dropped: npt.NDArray[np.int64]
    alive: npt.NDArray[np.bool_]
    baselines: Mapping[str, Mapping[str, TreeScore]]

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Sentences that scores are reported on [N]."""
        return np.asarray((self.half == 1) | (self.selection == "reported"))

    @property
    def chosen_on(self) -> npt.NDArray[np.bool_]:
        """Sentences that the best head is chosen on [N]."""
        return np.asarray((self.half == 0) | (self.selection == "reported"))

    @property
    def living(self) -> npt.NDArray[np.bool_]:
        """Units that have a tree [U]."""
        layers = self.alive.any(axis=1)
        return np.concatenate([self.alive.ravel(), layers, [layers.any()]])

    def of_halves(self, values: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float64]:
        """Sums over the sentences of each half [2, ...] of values by sentence [N, ...]."""
        return np.stack([values[self.half == side].sum(0) for side in (0, 1)]).astype(np.float64)

    def of_heads(self) -> npt.NDArray[np.float64]:
        """Arcs that each head found in each half [2, M, C, L, H]."""
        L, H = self.alive.shape
        M, C = len(self.metrics), len(self.directions)
        return self.of_halves(self.found[..., : L * H]).reshape(2, M, C, L, H)


def tree_rows(counts: TreeCounts, untrained: ProbeResult | None) -> pd.DataFrame:
    """Rows for every unit x direction x metric, then the best head and the baselines.

    The baseline of UAS rows is the best offset, that of UUAS rows the adjacent chain; the best head
    is compared with every baseline, one row each.

    Args:
        counts: arcs found.
        untrained: the same probe on an untrained encoder, if there is one.
    """
    found = counts.found[counts.scored].sum(0)  # [M, C, U]
    total = counts.total[counts.scored].sum(0)
    with np.errstate(invalid="ignore"):  # no arc in the scored half: no value
        score = np.where(counts.living, found / total[:, None, None], np.nan)
    held = {
        name: [scores[metric].value for metric in counts.metrics]
        for name, scores in counts.baselines.items()
    }
    frame = pd.concat(
        [
            _every_unit(counts, score, total, held),
            _best_head(counts, score, total, held | _untrained(counts, untrained)),
            _baselines(counts),
        ],
        ignore_index=True,
    )
    dropped = counts.dropped[counts.scored].sum(0)
    return frame.assign(n_dropped=dropped[frame.pop("m").to_numpy()])


def _every_unit(
    counts: TreeCounts,
    score: npt.NDArray[np.float64],
    total: npt.NDArray[np.int64],
    held: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    m, c, u = (axis.ravel() for axis in np.indices(score.shape))
    lives = counts.living[u]
    names = [OFFSET if metric.startswith("uas") else ADJACENT for metric in counts.metrics]
    values = np.array([held[name][i] for i, name in enumerate(names)])
    units = _units(counts)
    return pd.DataFrame(
        {
            "m": m,
            "metric": np.array(counts.metrics)[m],
            "direction": np.array(counts.directions, dtype=object)[c],
            "value": score.ravel(),
            "n": np.where(lives, total[m], 0),
            "baseline": np.array(names)[m],
            "baseline_value": values[m],
            "flag": [None if alive else "dead" for alive in lives],
            **{name: units[name].array[u] for name in units},
        }
    )


def _units(counts: TreeCounts) -> pd.DataFrame:
    """Unit, layer, head and target of each of the U units."""
    L, H = counts.alive.shape
    layer = [*np.repeat(np.arange(L), H), *range(L), None]
    head = [*np.tile(np.arange(H), L), *[None] * (L + 1)]
    return pd.DataFrame(
        {
            "unit": pd.Series(["head"] * (L * H) + ["layer"] * L + ["model"], dtype=object),
            "layer": pd.array(layer, dtype="Int64"),
            "head": pd.array(head, dtype="Int64"),
            "target": pd.Series([None] * (L * H) + [MEAN] * (L + 1), dtype=object),
        }
    )


def _best_head(
    counts: TreeCounts,
    score: npt.NDArray[np.float64],
    total: npt.NDArray[np.int64],
    held: Mapping[str, Sequence[float]],
) -> pd.DataFrame:
    """The head and direction that find most arcs of the choosing half; ties by layer, then head."""
    (L, H), C = counts.alive.shape, len(counts.directions)
    chosen = counts.found[counts.chosen_on].sum(0)[..., : L * H]  # [M, C, LH]
    by_unit = np.where(counts.alive.ravel(), chosen, -1).transpose(0, 2, 1)
    unit, c = np.unravel_index(by_unit.reshape(len(by_unit), -1).argmax(axis=1), (L * H, C))
    m, any_alive = np.arange(len(unit)), bool(counts.alive.any())
    best = pd.DataFrame(
        {
            "m": m,
            "unit": "model",
            "metric": [BEST + metric for metric in counts.metrics],
            "direction": np.array(counts.directions, dtype=object)[c] if any_alive else None,
            "layer": unit // H if any_alive else None,
            "head": unit % H if any_alive else None,
            "value": score[m, c, unit],
            "n": total if any_alive else 0,
            "flag": None if any_alive else "dead",
        }
    )
    return pd.concat(
        [best.assign(baseline=name, baseline_value=values) for name, values in held.items()],
        ignore_index=True,
    )


def _untrained(counts: TreeCounts, untrained: ProbeResult | None) -> dict[str, list[float]]:
    """The best head of an untrained encoder, chosen among its own heads."""
    if untrained is None:
        return {}
    best = untrained.rows.drop_duplicates("metric").set_index("metric")["value"]
    return {"untrained": [float(best[BEST + metric]) for metric in counts.metrics]}


def _baselines(counts: TreeCounts) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "m": m,
                "unit": "model",
                "metric": f"baseline_{metric}",
                "target": name if score.offset is None else f"{name} {score.offset:+d}",
                "value": score.value,
                "n": score.n,
            }
            for name, scores in counts.baselines.items()
            for m, metric in enumerate(counts.metrics)
            for score in (scores[metric],)
        ]
    )


def tree_items(probe: str, counts: TreeCounts, texts: Sequence[Text]) -> Iterator[pd.DataFrame]:
    """Arcs found (numerator) and arcs (denominator) by sentence, metric, direction and unit.

    Sentences that only choose the best head have `_choosing` in their metric.
    """
    living = np.flatnonzero(counts.living)
    metric = np.array([[name + suffix for suffix in ("_choosing", "")] for name in counts.metrics])
    item_ids = np.array([text.item_id for text in texts], dtype=object)
    sentence_ids = np.array([text.sentence_id for text in texts], dtype=object)
    units = _units(counts)
    for block in text_blocks(len(texts), counts.found[0, ..., living].size if len(texts) else 0):
        numerator = counts.found[block][..., living]
        n, m, c, u = (axis.ravel() for axis in np.indices(numerator.shape))
        frame = pd.DataFrame(
            {
                "probe": probe,
                "item_id": item_ids[block][n],
                "sentence_id": sentence_ids[block][n],
                "layer": units["layer"].array[living[u]],
                "head": units["head"].array[living[u]],
                "direction": np.array(counts.directions, dtype=object)[c],
                "metric": metric[m, counts.scored[block].astype(np.int64)[n]],
                "numerator": numerator.ravel(),
                "denominator": counts.total[block][n, m],
            }
        )
        yield items_frame(frame[frame["denominator"] > 0])
