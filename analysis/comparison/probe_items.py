"""Items of probes as sums by sentence: a ratio of sums for each metric, variant and relation.

A model's heads are kept apart until two models are compared. A difference is taken over the heads
that both keep, so that no mean differs only because other heads were averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.files.parquet_files import DAMAGED_CELL, read_frame, stored_empty
from ..cell_output import check_as_written, check_own_items
from ..statistics.row_units import BEST, item_ratios, items_metric

Key = tuple[str, str, str, str, str, int]
"""Probe, metric, variant, relation, direction and layer (-1 where items name heads or no layer)."""

CHOSEN_ON = "_choosing"
"""End of the metric of items that only chose a head: nothing is reported on them."""
KEPT_TEXT = "_text"
"""End of the metric of items that keep a text: nothing is measured on them."""
_COLUMNS = [
    "probe", "variant", "sentence_id", "cluster_id", "layer", "head", "relation", "direction",
    "metric", "numerator", "denominator", "score", "prediction", "gold",
]  # fmt: skip
_NAMES = ("probe", "metric", "variant", "relation", "direction")
_TEXTS = [*_NAMES, "sentence_id", "cluster_id"]


@dataclass(frozen=True)
class ProbeItems:
    """The items of one model.

    Attributes:
        keys: what was measured, G lines, one a key and sentence.
        sentences: the sentence of each line [G].
        clusters: sentence -> what it was sampled with, for those that do not stand alone.
        heads: the heads (layer, head) that items name; one placeholder where they name none.
        sums: numerators and denominators [2, G, heads].
        present: which heads have items in each line [G, heads].
    """

    keys: npt.NDArray[np.object_]
    sentences: npt.NDArray[np.object_]
    clusters: Mapping[str, str]
    heads: tuple[tuple[int, int], ...]
    sums: npt.NDArray[np.float32]
    present: npt.NDArray[np.bool_]

    def pooled(self, heads: Sequence[tuple[int, int]]) -> dict[tuple[Key, str], npt.NDArray[Any]]:
        """(key, sentence) -> numerator and denominator [2], over these heads."""
        chosen = [self.heads.index(head) for head in heads]
        found = self.sums[:, :, chosen].sum(axis=2, dtype=np.float64)
        there = self.present[:, chosen].any(axis=1)
        return {(self.keys[g], self.sentences[g]): found[:, g] for g in np.flatnonzero(there)}


NO_HEAD = (-1, -1)


def read_probe_items(path: Path) -> ProbeItems | None:
    """Read the probe items of one cell; None where there are none.

    An item's value is its numerator over its denominator, else its score, else whether its
    prediction is its gold label.

    Raises:
        DataFileError: if the file is damaged.
    """
    if not path.is_file():
        return None
    check_as_written(path)
    stored = stored_empty(path, remedy=DAMAGED_CELL)[0].schema.names
    # cells of earlier versions name no variant
    lacking = [name for name in ("variant",) if name not in stored]
    columns = [name for name in ("cell_id", *_COLUMNS) if name not in lacking]
    texts = [name for name in ("cell_id", *_TEXTS) if name not in lacking]
    frame = read_frame(path, columns, remedy=DAMAGED_CELL, as_categories=texts, seal=True)
    check_own_items(frame.pop("cell_id").unique(), path)
    for name in lacking:
        frame[name] = pd.Categorical([None] * len(frame))
    return _summed(frame)


def probe_items(items: pd.DataFrame) -> ProbeItems | None:
    """The same of items in memory."""
    return _summed(items[_COLUMNS].astype(dict.fromkeys(_TEXTS, "category")))


def _summed(frame: pd.DataFrame) -> ProbeItems | None:
    metric = frame["metric"].cat
    choosing = metric.categories.str.endswith((CHOSEN_ON, KEPT_TEXT))
    chosen = (frame["probe"] != "performance") & frame["metric"].notna()
    frame = frame[chosen & ~metric.codes.isin(np.flatnonzero(choosing))]
    if frame.empty:
        return None
    top, bottom = item_ratios(frame)
    layer = frame["layer"].fillna(-1).to_numpy(dtype=np.int64)
    head = frame["head"].fillna(-1).to_numpy(dtype=np.int64)
    place = layer * 100_000 + head
    of_head, column = np.unique(np.where(head < 0, -1, place), return_inverse=True)
    own_layer = np.where(head < 0, layer, -1)
    codes = [frame[name].cat.codes.to_numpy(dtype=np.int64) for name in (*_NAMES, "sentence_id")]
    lines, line = _grouped([*codes[:-1], own_layer, codes[-1]])
    shape = (len(lines), len(of_head))
    flat = line * shape[1] + column
    sums = np.stack(
        [np.bincount(flat, weights, minlength=shape[0] * shape[1]) for weights in (top, bottom)]
    )
    names = [[*frame[name].cat.categories, ""] for name in (*_NAMES, "sentence_id")]
    keys = np.empty(len(lines), dtype=object)
    for g, (*named, layer_, _) in enumerate(lines.tolist()):
        keys[g] = (*(names[i][code] for i, code in enumerate(named)), layer_)
    return ProbeItems(
        keys,
        np.array([names[-1][s] for s in lines[:, -1]], dtype=object),
        _clusters(frame),
        tuple(NO_HEAD if h < 0 else (int(h // 100_000), int(h % 100_000)) for h in of_head),
        sums.reshape(2, *shape).astype(np.float32),
        np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape) > 0,
    )


def _clusters(frame: pd.DataFrame) -> dict[str, str]:
    shared = frame[frame["cluster_id"].notna()]
    shared = shared[["sentence_id", "cluster_id"]].drop_duplicates("sentence_id").astype(object)
    return dict(shared.itertuples(index=False, name=None))


def _grouped(
    codes: list[npt.NDArray[np.int64]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Distinct combinations of codes [G, C] and the one of each item."""
    packed = np.zeros(len(codes[0]), dtype=np.int64)
    for code in codes:
        packed = packed * (int(code.max()) + 2) + code + 1
    _, first, line = np.unique(packed, return_index=True, return_inverse=True)
    return np.stack([code[first] for code in codes], axis=1), line


def named_heads(rows: pd.DataFrame) -> list[tuple[Key, Key, tuple[int, int]]]:
    """Rows of one model that say what one chosen head does: their key, their items', the head."""
    chosen = rows[rows["metric"].fillna("").str.startswith(BEST)]
    chosen = chosen[chosen["value"].notna() & chosen["head"].notna()]
    chosen = chosen.drop_duplicates(["probe", "metric", "relation"])
    return [
        (
            (row.probe, row.metric, "", _text(row.relation), "", -1),
            (
                row.probe,
                items_metric(row.probe, row.metric),
                "",
                _text(row.relation),
                _text(row.direction),
                -1,
            ),
            (int(row.layer), int(row.head)),
        )
        for row in chosen.itertuples()
    ]


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def key_columns(key: Key) -> dict[str, Any]:
    """The columns of the tables of comparisons that a key gives."""
    probe, metric, variant, relation, direction, layer = key
    return {
        "probe": probe,
        "metric": metric,
        "variant": variant or pd.NA,
        "relation": relation or pd.NA,
        "direction": direction or pd.NA,
        "layer": pd.NA if layer < 0 else layer,
        "primary": False,
    }
