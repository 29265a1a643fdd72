"""Patterns of many maps, and their shares by head, layer and model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .classes import PATTERNS
from .scores import cohen_kappa

NO_CLASS = 255
"""Stands where there is no map: a pruned head, or a text that is too short."""


@dataclass(frozen=True)
class PatternClasses:
    """What is kept of the maps of N texts.

    Attributes:
        pattern: index in `PATTERNS` or `NO_CLASS` [N, L, H].
        probability: calibrated probability of that pattern [N, L, H].
        rule: pattern by mass rules [N, L, H].
    """

    pattern: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.float32]
    rule: npt.NDArray[np.uint8]

    @classmethod
    def empty(cls, N: int, L: int, H: int) -> PatternClasses:
        """No map yet."""
        none = np.full((N, L, H), NO_CLASS, dtype=np.uint8)
        return cls(none, np.full((N, L, H), np.nan, dtype=np.float32), none.copy())

    @classmethod
    def join(cls, parts: Sequence[PatternClasses], order: npt.NDArray[np.int64]) -> PatternClasses:
        """All batches, sorted by place in the corpus."""
        columns = [[part.pattern for part in parts], [part.rule for part in parts]]
        pattern, rule = (np.concatenate(one)[order] for one in columns)
        return cls(pattern, np.concatenate([part.probability for part in parts])[order], rule)

    @classmethod
    def of_items(
        cls, items: pd.DataFrame | Iterable[pd.DataFrame], shape: tuple[int, int]
    ) -> tuple[PatternClasses, list[str]]:
        """The same from items of one kind of map; also the ids of the N texts that have one.

        Args:
            items: in one frame, or in frames one after the other.
            shape: L, H.
        """
        number: dict[str, int] = {}
        columns: list[tuple[npt.NDArray[Any], ...]] = []
        for part in [items] if isinstance(items, pd.DataFrame) else items:
            code, names = pd.factorize(part["item_id"])
            text = np.array([number.setdefault(str(name), len(number)) for name in names], np.int64)
            columns.append(
                (
                    text[code].astype(np.int32),
                    part["layer"].to_numpy(np.int16),
                    part["head"].to_numpy(np.int16),
                    part["prediction"].to_numpy(np.uint8),
                    part["score"].to_numpy(np.float32),
                    part["gold"].to_numpy(np.uint8),
                )
            )
        found = cls.empty(len(number), *shape)
        if columns:
            *place, pattern, probability, rule = map(np.concatenate, zip(*columns, strict=True))
            found.put((place[0], place[1], place[2]), pattern, probability, rule)
        return found, list(number)

    def put(
        self,
        place: tuple[npt.NDArray[Any], ...],
        pattern: npt.NDArray[Any],
        probability: npt.NDArray[Any],
        rule: npt.NDArray[Any],
    ) -> None:
        """Note maps; each array is flat, in the order of `place`."""
        shape = self.pattern[place].shape
        self.pattern[place] = pattern.reshape(shape)
        self.probability[place] = probability.reshape(shape)
        self.rule[place] = rule.reshape(shape)

    def n_short(self, alive: npt.NDArray[np.bool_]) -> int:
        """Texts without any map although a head is kept."""
        if not alive.any():
            return 0
        return int((self.pattern == NO_CLASS).all(axis=(1, 2)).sum())

    def counts(self, threshold: float) -> npt.NDArray[np.float64]:
        """Ones and zeros [N, L, H, 1 + 5 + 1 + 5]: map, each pattern, abstained, each if sure."""
        there = self.pattern != NO_CLASS
        each = self.pattern[..., None] == np.arange(len(PATTERNS))
        sure = there & (np.nan_to_num(self.probability) >= np.float32(threshold))
        parts = [there[..., None], each, (there & ~sure)[..., None], each & sure[..., None]]
        return np.concatenate(parts, axis=-1).astype(np.float64)


K = len(PATTERNS)
METRICS = (
    *(("pattern_share", pattern) for pattern in PATTERNS),
    ("abstention_rate", None),
    *(("confident_share", pattern) for pattern in PATTERNS),
)
"""Metric and pattern of each figure that is a ratio of counts: share of all maps that the
classifier gives a pattern, share that it is not sure enough of, share of those it is sure of."""


def ratios(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Figures [..., M] in the order of `METRICS` from summed counts [..., 1 + 5 + 1 + 5]."""
    maps, unsure = counts[..., :1], counts[..., 1 + K : 2 + K]
    with np.errstate(invalid="ignore", divide="ignore"):  # no map: no share
        return np.concatenate(
            [counts[..., 1 : 2 + K] / maps, counts[..., 2 + K :] / (maps - unsure)], axis=-1
        )


def share_rows(
    found: PatternClasses, alive: npt.NDArray[np.bool_], threshold: float
) -> pd.DataFrame:
    """Figures of each head and layer and of the model, and the kappa with the mass rules.

    Every map counts once: a layer's share is over the maps of its kept heads.
    """
    counts = found.counts(threshold)
    _, L, H, _ = counts.shape
    by_head = counts.sum(0)
    frames = [
        _frame("head", by_head.reshape(L * H, -1), *np.indices((L, H)).reshape(2, -1)),
        _frame("layer", by_head.sum(1), np.arange(L)),
        _frame("model", by_head.sum((0, 1))[None]),
    ]
    rows = pd.concat(frames, ignore_index=True)
    gone = [~alive.ravel(), ~alive.any(axis=1), np.array([not alive.any()])]
    dead = np.repeat(np.concatenate(gone), len(METRICS))
    rows["flag"] = ["dead" if lost else None for lost in dead]
    there = found.pattern != NO_CLASS
    kappa = float("nan")
    if there.any():
        kappa = cohen_kappa(found.pattern[there], found.rule[there], classes=K)
    agreement: dict[str, Any] = {
        "unit": "model", "metric": "kappa_with_rules", "value": kappa, "n": int(there.sum()),
        "baseline": "chance", "baseline_value": 0.0,
    }  # fmt: skip
    return pd.concat([rows, pd.DataFrame([agreement])], ignore_index=True)


def _frame(
    unit: str, counts: npt.NDArray[np.float64], *places: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Rows of U units from their counts [U, 1 + 5 + 1 + 5]."""
    value = ratios(counts)
    place, metric = (axis.ravel() for axis in np.indices(value.shape))
    maps = counts[:, 0]
    sure = maps - counts[:, 1 + K]
    n = np.where(metric > K, sure[place], maps[place])
    columns: dict[str, Any] = {"unit": unit}
    columns |= {name: one[place] for name, one in zip(("layer", "head"), places, strict=False)}
    frame = pd.DataFrame(
        {
            **columns,
            "metric": [METRICS[k][0] for k in metric],
            "relation": [METRICS[k][1] for k in metric],
            "value": value.ravel(),
            "n": n.astype(int),
        }
    )
    return frame.reindex(
        columns=["unit", "layer", "head", "metric", "relation", "value", "n"]
    ).astype({"layer": "Int64", "head": "Int64"})
