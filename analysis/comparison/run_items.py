"""Reading the scored items of a run back: what every model said about every example."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute

from ...data.files.parquet_files import DAMAGED_CELL, read_table
from ...data.files.reading import reading
from ...data.tasks.metrics import BITS
from ..cell_output import check_as_written, check_own_items
from ..statistics.clusters import Units, units_of
from ..statistics.uncertainty import Floats
from ..summary.kinds import tidy_kinds
from .pairs import WHOLE, Model


@dataclass(frozen=True)
class Answers:
    """What one model of one seed said about N examples, in each of its D draws.

    Attributes:
        ids: the examples.
        gold: class ids or numbers [N].
        predictions: the same of each draw [N, D].
        units: the cluster of each example [N].
        draws: the number of each draw [D].
        cells: the cell of each draw.
        flag: flags of its rows, joined.
        scores: the score of each example in each draw [N, D]: bits, of masked pieces.
    """

    ids: tuple[str, ...]
    gold: Floats
    predictions: Floats
    draws: tuple[int, ...]
    cells: tuple[str, ...]
    flag: str
    units: Units
    scores: Floats | None = None

    def one(self, place: int) -> Answers:
        """One of the draws."""
        scores = None if self.scores is None else self.scores[:, [place]]
        return replace(
            self, predictions=self.predictions[:, [place]], draws=(self.draws[place],),
            cells=(self.cells[place],), scores=scores,
        )  # fmt: skip

    def read_by(self, metric: str) -> Floats:
        """What a metric reads of each example in each draw [N, D]."""
        if metric == BITS:
            assert self.scores is not None
            return self.scores
        return self.predictions


_Said = tuple[tuple[str, ...], Floats, Floats, Floats, tuple[str | None, ...]]


def _said(path: Path) -> _Said | None:
    """Ids, gold, predictions and clusters of the performance items of one cell, or None."""
    if not path.is_file():
        return None
    state = path.stat()
    return _read(path.resolve(), state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=4096)
def _read(path: Path, *_: int) -> _Said | None:
    """The same, read once as long as the file stays what it is: a run may be computed again."""
    numbers = ["gold", "prediction", "score"]
    columns = ["cell_id", "probe", "item_id", *numbers, "cluster_id"]
    check_as_written(path)
    table = read_table(path, columns, remedy=DAMAGED_CELL, seal=True)
    check_own_items(table["cell_id"].unique().to_pylist(), path)
    with reading(path, problem="is not a table of items"):
        table = table.filter(pyarrow.compute.equal(table["probe"], "performance"))
        gold, said, scores = (table[name].to_numpy().astype(np.float64) for name in numbers)
        ids, clusters = (tuple(table[name].to_pylist()) for name in ("item_id", "cluster_id"))
    return (ids, gold, said, scores, clusters) if ids else None


def model_columns(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with kinds as they are compared: `untrained` is a kind, of the method `full`."""
    tidy = tidy_kinds(rows).astype({"kind": "string", "state": "string"})
    return tidy.assign(method=tidy["method"].mask(tidy["kind"].isin(WHOLE), "full"))


def answers_of(
    scores: pd.DataFrame, cells: Path
) -> tuple[dict[Model, dict[int, Answers]], list[str]]:
    """Answers of every model of one task.

    Args:
        scores: performance rows of one model and task, of one metric, with `model_columns`.
        cells: the folder of cells.

    Returns:
        model -> seed -> answers, for what has items of the same examples in every draw; and
        what is missing, in words.
    """
    found: dict[Model, dict[int, Answers]] = {}
    missing: dict[str, int] = {}
    expected: tuple[str, ...] | None = None
    line = ["method", "kind", "state", "seed"]
    for (method, kind, state, seed), draws in scores.groupby(line, sort=False, dropna=False):
        draws = draws.sort_values("draw", kind="stable")
        said = [_said(cells / f"{cell}.parquet") for cell in draws["cell_id"].fillna("")]
        there = [one for one in said if one is not None]
        expected = expected or (there[0][0] if there else None)
        if len(there) < len(said) or any(one[0] != expected for one in there):
            name = f"{kind} {state}".strip()
            missing[name] = missing.get(name, 0) + 1
            continue
        ids, gold, _, _, clusters = there[0]
        found.setdefault((str(method), str(kind), str(state)), {})[int(seed)] = Answers(
            ids,
            gold,
            np.stack([one[2] for one in there], axis=1),
            tuple(int(draw) for draw in draws["draw"].fillna(0)),
            tuple(map(str, draws["cell_id"])),
            ", ".join(sorted({flag for flag in draws["flag"].dropna() if flag})),
            units_of(clusters),
            np.stack([one[3] for one in there], axis=1),
        )
    notes = [f"{name}: no items of the same examples in {n} seeds" for name, n in missing.items()]
    return found, notes
