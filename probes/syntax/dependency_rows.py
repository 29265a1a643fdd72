"""Rows and items of `dependency-heads`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from .arc_counts import DIRECTIONS, ArcCounts, ArcTable, Text, arcs_of_relation

SCORED, CHOSEN_ON = "dependency_accuracy", "dependency_accuracy_choosing"
"""Metric of items: on the sentences that are scored, and on those used for choosing alone."""


def arc_rows(counts: ArcCounts, alive: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Rows for every head x relation x direction, then best head and offset of each relation.

    Args:
        counts: correct arcs by half.
        alive: which heads are kept [L, H]; the others have no value and are never the best.
    """
    chosen = counts.correct[list(counts.choosing)].sum(0)  # [R, 2, L, H]
    correct = counts.correct[list(counts.scoring)].sum(0)
    total = counts.total[list(counts.scoring)].sum(0)
    dropped = counts.dropped[list(counts.scoring)].sum(0)
    with np.errstate(invalid="ignore"):  # a relation may miss from the scored half: no value
        accuracy = np.where(alive, correct / total[:, None, None, None], np.nan)
    offset = np.array([score.accuracy for score in counts.offsets])
    frame = pd.concat(
        [
            _every_head(accuracy, total, alive),
            _best_head(accuracy, total, chosen, alive),
            _offsets(counts, total),
        ],
        ignore_index=True,
    )
    r = frame.pop("r").to_numpy()
    is_offset = frame["metric"].to_numpy() == "offset_accuracy"
    return frame.assign(
        relation=np.array(counts.relations)[r],
        n_dropped=dropped[r].astype(np.int64),
        baseline=[None if itself else "offset" for itself in is_offset],
        baseline_value=np.where(is_offset, np.nan, offset[r]),
    )


def _every_head(
    accuracy: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    r, direction, layer, head = (axis.ravel() for axis in np.indices(accuracy.shape))
    living = alive[layer, head]
    return pd.DataFrame(
        {
            "r": r,
            "unit": "head",
            "metric": SCORED,
            "direction": np.array(DIRECTIONS)[direction],
            "layer": layer,
            "head": head,
            "value": accuracy.ravel(),
            "n": np.where(living, total[r], 0).astype(np.int64),
            "flag": [None if lives else "dead" for lives in living],
        }
    )


def _best_head(
    accuracy: npt.NDArray[np.float64],
    total: npt.NDArray[np.float64],
    chosen: npt.NDArray[np.float64],
    alive: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """The head and direction that find most arcs of the choosing half; ties by layer, then head."""
    L, H = alive.shape
    by_unit = np.where(alive, chosen, -1.0).transpose(0, 2, 3, 1)  # [R, L, H, 2]
    flat = by_unit.reshape(len(by_unit), -1).argmax(axis=1)
    layer, head, direction = np.unravel_index(flat, (L, H, len(DIRECTIONS)))
    r, any_alive = np.arange(len(flat)), bool(alive.any())
    return pd.DataFrame(
        {
            "r": r,
            "unit": "model",
            "metric": "best_head_accuracy",
            "direction": np.array(DIRECTIONS)[direction] if any_alive else None,
            "layer": layer if any_alive else None,
            "head": head if any_alive else None,
            "value": accuracy[r, direction, layer, head],
            "n": total.astype(np.int64) if any_alive else 0,
            "flag": None if any_alive else "dead",
        }
    )


def _offsets(counts: ArcCounts, total: npt.NDArray[np.float64]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "r": np.arange(len(counts.offsets)),
            "unit": "model",
            "metric": "offset_accuracy",
            "target": [f"offset {score.offset:+d}" for score in counts.offsets],
            "value": [score.accuracy for score in counts.offsets],
            "n": total.astype(np.int64),
        }
    )


def arc_items(
    probe: str,
    table: ArcTable,
    texts: Sequence[Text],
    counts: ArcCounts,
    alive: npt.NDArray[np.bool_],
) -> Iterator[pd.DataFrame]:
    """Correct arcs (numerator) and arcs (denominator) by sentence, relation, direction, head."""
    layer, head = np.nonzero(alive)
    item_ids = np.array([text.item_id for text in texts], dtype=object)
    sentence_ids = np.array([text.sentence_id for text in texts], dtype=object)
    for relation in counts.relations:
        inside = np.flatnonzero(arcs_of_relation(table, relation) & table.whole)
        text, starts, sizes = np.unique(table.text[inside], return_index=True, return_counts=True)
        ends = starts + sizes
        for block in text_blocks(len(text), len(DIRECTIONS) * len(layer)):
            arcs = inside[starts[block][0] : ends[block][-1]]
            found = table.correct[arcs][:, :, layer, head].astype(np.int32)  # [A, 2, kept heads]
            correct = np.add.reduceat(found, starts[block] - starts[block][0], axis=0)
            group, direction, unit = (axis.ravel() for axis in np.indices(correct.shape))
            scored = np.isin(counts.half[text[block]], counts.scoring)
            yield items_frame(
                pd.DataFrame(
                    {
                        "probe": probe,
                        "item_id": item_ids[text[block]][group],
                        "sentence_id": sentence_ids[text[block]][group],
                        "layer": layer[unit],
                        "head": head[unit],
                        "relation": relation,
                        "direction": np.array(DIRECTIONS)[direction],
                        "metric": np.where(scored, SCORED, CHOSEN_ON)[group],
                        "numerator": correct.ravel(),
                        "denominator": sizes[block][group],
                    }
                )
            )
