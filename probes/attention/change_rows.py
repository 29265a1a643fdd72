"""What `attention-change` stores for each text, and its rows and items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ..forward.base import BatchView, in_corpus_order
from .word_targets import TARGETS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_OF_MAPS = ("map_cosine", "uniform_cosine")
_OF_TARGETS = ("attention_to_target", "shuffled_mean", "shuffled_variance")
_OF_REFERENCE = ("reference_attention_to_target",)


@dataclass(frozen=True)
class Changes:
    """Numbers of N texts in the order of the corpus.

    Attributes:
        ids: (example id, id of its first sentence) of each text.
        numbers: metric -> one number per text and head [N, L, H], or per text, head and target [N,
            L, H, T]; NaN for a target that a text does not have.
    """

    ids: list[tuple[str, str]]
    numbers: dict[str, Floats]


class ChangeTable:
    """Collects the numbers of each batch.

    Args:
        alive: kept heads [L, H].
        compared: whether there is a reference.
    """

    def __init__(self, alive: Bools, *, compared: bool):
        self._shape = alive.shape
        self._names = [*_OF_MAPS, *_OF_TARGETS, *_OF_REFERENCE] if compared else [*_OF_TARGETS]
        self._ids: list[tuple[str, str]] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._parts: dict[str, list[Floats]] = {name: [] for name in self._names}

    def begin(self, batch: BatchView) -> None:
        """Start a batch."""
        self._ids += [(example.id, example.first.id) for example in batch.examples]
        self._positions.append(batch.position)
        for name, parts in self._parts.items():
            tail = () if name in _OF_MAPS else (len(TARGETS),)
            parts.append(np.full((len(batch.examples), *self._shape, *tail), np.nan))

    def put(self, name: str, layer: int, values: torch.Tensor) -> None:
        """Note one layer of the batch: [B, H] or [B, H, T]."""
        self._parts[name][-1][:, layer] = values.to("cpu", torch.float64).numpy()

    def ordered(self) -> Changes:
        """All batches together."""
        order = np.argsort(np.concatenate(self._positions), kind="stable")
        values = {n: in_corpus_order(parts, self._positions) for n, parts in self._parts.items()}
        return Changes([self._ids[i] for i in order], values)


def change_rows(table: Changes, alive: Bools) -> pd.DataFrame:
    """Rows of every head, layer and the model: a mean over texts with its baseline."""
    return pd.concat(list(_row_blocks(table.numbers, alive)), ignore_index=True)


def _row_blocks(values: dict[str, Floats], alive: Bools) -> Iterator[pd.DataFrame]:
    if "map_cosine" in values:
        block = _block(values["map_cosine"], values["uniform_cosine"], alive)
        yield block.assign(metric="map_cosine", baseline="uniform")
    for place, target in enumerate(TARGETS):
        ours = values["attention_to_target"][..., place]
        block = _block(ours, values["shuffled_mean"][..., place], alive)
        yield block.assign(metric="attention_to_target", relation=target, baseline="permutation")
        if "map_cosine" in values:
            theirs = values["reference_attention_to_target"][..., place]
            block = _block(ours - theirs, theirs, alive).assign(relation=target)
            yield block.assign(metric="attention_to_target_change", baseline="reference")


def _block(values: Floats, baselines: Floats, alive: Bools) -> pd.DataFrame:
    """Means of [N, L, H] over texts, for heads, for layers and for the model."""
    n = int(np.isfinite(values[:, 0, 0]).sum())
    means = [np.where(alive, _mean(one), np.nan) for one in (values, baselines)]
    layer, head = (axis.ravel() for axis in np.indices(alive.shape))
    units = [
        pd.DataFrame({"unit": "head", "layer": layer, "head": head} | _columns(means, (), n)),
        pd.DataFrame({"unit": "layer", "layer": range(len(alive))} | _columns(means, (1,), n)),
        pd.DataFrame({"unit": "model"} | _columns(means, (0, 1), n), index=[0]),
    ]
    frame = pd.concat(units, ignore_index=True)
    lives = np.concatenate([alive.ravel(), alive.any(axis=1), [alive.any()]])
    frame["n"] = np.where(lives, frame["n"], 0)
    return frame.assign(flag=[None if one else "dead" for one in lives])


def _columns(means: list[Floats], over: tuple[int, ...], n: int) -> dict[str, object]:
    value, baseline = (_mean(one, over).ravel() if over else one.ravel() for one in means)
    return {"value": value, "baseline_value": baseline, "n": n}


def _mean(values: Floats, over: tuple[int, ...] = (0,)) -> Floats:
    """Mean over the values that are not NaN; NaN where there are none."""
    known = np.isfinite(values)
    count = known.sum(axis=over)
    total = np.where(known, values, 0.0).sum(axis=over)
    found: Floats = np.full(total.shape, np.nan)
    np.divide(total, count, out=found, where=count > 0)
    return found


def change_items(table: Changes, alive: Bools, probe: str) -> Iterator[pd.DataFrame]:
    """One item for each text, kept head, number and target that the text has.

    `score` is the number; those whose name starts with `shuffled` belong to the null.
    """
    layer, head = np.nonzero(alive)
    names = np.array(table.ids, dtype=object).reshape(-1, 2)
    for metric, values in table.numbers.items():
        for place, target in enumerate(TARGETS if values.ndim == 4 else (None,)):
            for block in text_blocks(len(names), len(layer)):
                living = values[block, layer, head]  # [n, kept heads] or [n, kept heads, T]
                scores = living[..., place] if values.ndim == 4 else living
                text, unit = np.nonzero(np.isfinite(scores))
                yield items_frame(
                    pd.DataFrame(
                        {
                            "probe": probe,
                            "item_id": names[block][text, 0],
                            "sentence_id": names[block][text, 1],
                            "layer": layer[unit],
                            "head": head[unit],
                            "relation": target,
                            "metric": metric,
                            "score": scores[text, unit],
                        }
                    )
                )
