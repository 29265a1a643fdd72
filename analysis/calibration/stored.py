"""Forecasts of a run, read back from the items of its scoring cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ...data.files.parquet_files import DAMAGED_CELL, read_table
from ...data.files.reading import reading
from ...data.output.tables import items_frame
from ..cell_output import check_as_written, check_own_items
from ..comparison.run_items import Answers
from ..statistics.uncertainty import Floats
from .binned import BRIER
from .forecasts import Forecasts, made_forecasts, of_two_classes

if TYPE_CHECKING:
    from ...models.training.evaluate import Evaluation

PROBE = "calibration"
CONFIDENCE = "confidence"
_STORED = (CONFIDENCE, BRIER)


def confidence_items(evaluation: Evaluation) -> pd.DataFrame:
    """What calibration needs of each example beyond its prediction and gold probability.

    Of two classes, these two determine everything, and there are no items.
    """
    if evaluation.spec.num_labels < 3:
        return items_frame([])
    likely = evaluation.probabilities
    confidence = likely[np.arange(len(likely)), evaluation.predictions]
    parts = [
        pd.DataFrame(
            {"item_id": evaluation.ids, "sentence_id": evaluation.ids, "metric": metric,
             "cluster_id": [name or None for name in evaluation.clusters] or pd.NA,
             "score": score, "prediction": evaluation.predictions, "gold": evaluation.labels}
        )
        for metric, score in ((CONFIDENCE, confidence), (BRIER, evaluation.brier))
    ]  # fmt: skip
    return items_frame(pd.concat(parts, ignore_index=True).assign(probe=PROBE))


def stored_forecasts(
    seeds: Mapping[int, Answers], cells: Path, n_classes: int
) -> dict[int, Forecasts]:
    """The forecasts of one kind of model in each seed.

    Args:
        seeds: seed -> its answers.
        cells: the folder of cells.
        n_classes: number of classes of the task.

    Returns:
        Forecasts by seed; without those whose cells hold no confidences of three or more classes.

    Raises:
        DataFileError: for a damaged cell.
    """
    found = {}
    for seed, said in seeds.items():
        assert said.scores is not None
        right = (said.predictions == said.gold[:, None]).astype(np.float64)
        if n_classes == 2:
            found[seed] = of_two_classes(said.ids, said.units, said.scores, right)
            continue
        parts = [_stored(cells / f"{cell}.parquet", said.ids) for cell in said.cells]
        held = [part for part in parts if part is not None]
        if len(held) == len(parts):
            confidence, brier = (np.stack([one[k] for one in held], axis=1) for k in (0, 1))
            found[seed] = made_forecasts(
                said.ids, said.units, confidence, right, brier, said.scores
            )
    return found


def _stored(path: Path, ids: tuple[str, ...]) -> tuple[Floats, Floats] | None:
    """Confidence and Brier score of each example, in the order of `ids`; None if not stored."""
    check_as_written(path)
    columns = ["cell_id", "probe", "item_id", "metric", "score"]
    table = read_table(path, columns, remedy=DAMAGED_CELL, seal=True)
    with reading(path, problem="is not a table of items"):
        items = table.to_pandas()
    check_own_items(items["cell_id"].unique(), path)
    mine = items[items["probe"] == PROBE]
    parts = []
    for metric in _STORED:
        by_id = mine[mine["metric"] == metric].set_index("item_id")["score"]
        if len(by_id) != len(ids) or not by_id.index.is_unique:
            return None
        values = by_id.reindex(list(ids)).to_numpy(np.float64)
        if np.isnan(values).any():
            return None
        parts.append(values)
    return parts[0], parts[1]
