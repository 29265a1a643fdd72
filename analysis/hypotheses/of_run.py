"""The hypotheses about the good masks of a run, from the scores and items of its cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import Record
from ...data.tasks.metrics import BITS
from ...pruning.knock_out import COMPLEMENT, RANDOM_COMPLEMENT
from ..comparison.pairs import Model
from ..comparison.run_items import Answers, answers_of, model_columns
from ..flags import flags_of
from ..statistics.clusters import count_of
from .columns import HYPOTHESES, framed
from .lines import (
    NECESSITY,
    SUFFICIENCY,
    adjusted,
    against_draws,
    equivalence_line,
    independence_line,
    with_flags,
)

NAME = "hypotheses"
"""The table, and its file without the ending."""
SHARE, MARGIN, PERMUTATIONS = 0.9, 0.1, 999
_PRUNED = "pruned"


def has_hypotheses(rows: pd.DataFrame) -> bool:
    """Whether the complements of good masks were scored (`controls.complement`)."""
    return bool(rows["kind"].eq(COMPLEMENT).fillna(False).any())


def run_hypotheses(rows: pd.DataFrame, cells: Path) -> pd.DataFrame:
    """Sufficiency, necessity, equivalence and independence of the good mask of every seed.

    The draws of the run are used; a test with too few draws or examples has no p-value, and `flag`
    says how many are needed. Each hypothesis of a task is one family over seeds and methods (Holm).

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.

    Raises:
        DataFileError: if a cell is damaged.
    """
    if not has_hypotheses(rows):
        return framed([], HYPOTHESES)
    scored = model_columns(rows[rows["probe"].eq("performance") & rows["value"].notna()])
    lines: list[dict[str, Any]] = []
    flags: list[str] = []
    for (model, task), mine in scored.groupby(["model", "task"], sort=False):
        first = mine[mine["metric"] == mine["metric"].iloc[0]]
        answers, _ = answers_of(first, cells)
        for line in _of_task(first, answers):
            flags.append(line.pop("failed"))
            lines.append({"model": model, "task": task, **line})
    return with_flags(adjusted(lines), flags)


def _of_task(
    rows: pd.DataFrame, answers: Mapping[Model, Mapping[int, Answers]]
) -> Iterator[dict[str, Any]]:
    """The lines of one task: of each method and seed; `failed` has the flags of its models.

    Masks of a full model that did not learn are trivially equivalent to it, so its flag counts.
    """
    whole = rows[rows["kind"].eq("full") & rows["state"].eq("finetuned")]
    pruned = rows[rows["state"] == _PRUNED]
    sign = -1.0 if rows["metric"].iloc[0] == BITS else 1.0
    for (method, seed), mine in pruned.groupby(["method", "seed"], sort=False):
        by_kind = {
            kind: sign * one.sort_values("draw", kind="stable")["value"].to_numpy(dtype=float)
            for kind, one in mine.groupby("kind", sort=False)
        }
        if "good" not in by_kind:
            continue
        good, random = mine[mine["kind"] == "good"].iloc[0], mine[mine["kind"] == "random"]
        by_layer = random["variant"].astype("string").str.contains("match=layer").fillna(False)
        about = {
            "method": method, "seed": int(seed), "mask_id": good["mask_id"],
            "failed": flags_of([
                whole[whole["seed"].eq(seed)], mine[mine["kind"].isin(["good", COMPLEMENT])]
            ]),
            "ablation": good["ablation"], "n_items": good["n"], "n_clusters": good["n_clusters"],
        }  # fmt: skip
        drawn = about | {"criterion": "score", "match": "layer" if by_layer.any() else "model"}
        for hypothesis, one, null, more in (
            (SUFFICIENCY, "good", "random", {}),
            (NECESSITY, COMPLEMENT, RANDOM_COMPLEMENT, {"within": "model"}),
        ):
            if one in by_kind and null in by_kind:
                tested = against_draws(hypothesis, by_kind[one][0], by_kind[null], SHARE)
                yield tested | drawn | more
        full, kept, rest = (
            answers.get(key, {}).get(int(seed))
            for key in (
                ("full", "full", "finetuned"),
                (str(method), "good", _PRUNED),
                (str(method), COMPLEMENT, _PRUNED),
            )
        )
        items = about | {"criterion": "item score"}
        if full is None:
            continue
        counted = {"n_items": len(full.ids), "n_clusters": count_of(full.units)}
        if kept is not None:
            line = equivalence_line(_items(kept, sign), _items(full, sign), full.units, MARGIN)
            yield line | items | counted
        if rest is not None:
            classes = rows["metric"].iloc[0] != BITS and _whole(full.gold)
            line = independence_line(
                _items(rest, sign), _items(full, sign), full.units,
                full.gold if classes else None, permutations=PERMUTATIONS, seed=int(seed),
            )  # fmt: skip
            yield line | items | counted


def _items(answers: Answers, sign: float) -> Any:
    """Score of each example [N]; higher is better."""
    assert answers.scores is not None
    return sign * answers.scores[:, 0]


def _whole(gold: Any) -> bool:
    """Whether gold labels are class numbers, of which several examples share each."""
    return bool((np.mod(gold, 1) == 0).all()) and len(np.unique(gold)) <= len(gold) / 2


def read_hypotheses(rows: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """The table of a run folder: as the run wrote it, else computed; empty if it has no lines.

    Args:
        rows: tidy rows of the run.
        folder: the run folder.
    """
    path = folder / f"{NAME}.csv"
    if path.is_file() and Record.of(folder).lists(path.name, path):
        try:
            return {NAME: framed(pd.read_csv(path), HYPOTHESES)}
        except (ValueError, TypeError):
            pass
    try:
        table = run_hypotheses(rows, folder / "cells")
    except DataFileError:
        return {}  # damaged cells are reported by what compares them
    return {NAME: table} if len(table) else {}
