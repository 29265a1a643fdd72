"""Made runs: rows and cells of several kinds of model that answer with probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from subprobe.analysis.calibration.stored import confidence_items
from subprobe.analysis.cell_output import CellOutput
from subprobe.data.output.tables import rows_frame, write_parquet
from subprobe.data.tasks.metrics import majority, predictions_of, scores_of
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.training.evaluate import Evaluation

MODELS = (
    ("full", "full", "finetuned", 2.0), ("structured", "good", "pruned", 1.5),
    ("structured", "random", "pruned", 0.5),
)  # fmt: skip
"""Method, kind, state, and how much a model knows."""


def write_answers(
    folder: Path, specs: Sequence[TaskSpec], *, n: int = 60, seeds: Sequence[int] = (1, 2),
    draws: int = 2, members: int = 1, models: Sequence[Any] = MODELS, confidences: bool = True,
    number: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Write a folder with cells and `rows.parquet`; returns the rows.

    Args:
        folder: the run folder.
        specs: its tasks.
        n: examples of each task.
        seeds: fine-tuning seeds.
        draws: draws of random masks.
        members: examples of each cluster.
        models: see `MODELS`.
        confidences: whether cells hold what calibration of three classes needs.
        number: another number, other answers.
    """
    (folder / "cells").mkdir(parents=True)
    frames = []
    for place, spec in enumerate(specs):
        gold = _gold(spec, n, place)
        for seed in seeds:
            for method, kind, state, skill in models:
                for draw in range(draws if kind == "random" else 1):
                    rng = np.random.default_rng([number, place, seed, draw, *kind.encode()])
                    found = _evaluation(spec, gold, skill, rng, members)
                    about = {
                        "model": "embedded", "task": spec.name, "seed": seed, "method": method,
                        "kind": kind, "state": state, "draw": draw, "probe": "performance",
                        "unit": "model", "split": spec.report_split,
                        "cell_id": f"{spec.name}-{seed}-{kind}-{state}-{draw}",
                    }  # fmt: skip
                    frames.append(_save(folder, found, about, confidences))
    rows = rows_frame(pd.concat(frames, ignore_index=True))
    write_parquet(rows, folder / "rows.parquet")
    return rows


def manifest_of(specs: Sequence[TaskSpec], counts: Mapping[str, int] | None = None) -> Any:
    """What a manifest says of the classes of these tasks."""
    return {
        "data": [
            {"task": spec.name,
             "splits": {"train": {"classes": counts or dict.fromkeys(spec.labels, 10)}}}
            for spec in specs
        ]
    }  # fmt: skip


def _gold(spec: TaskSpec, n: int, place: int) -> Any:
    rng = np.random.default_rng([7, place])
    return rng.normal(size=n) if spec.regression else rng.integers(0, spec.num_labels, n)


def _evaluation(
    spec: TaskSpec, gold: Any, skill: float, rng: np.random.Generator, members: int
) -> Evaluation:
    n = len(gold)
    if spec.regression:
        logits = (skill * gold + rng.normal(size=n))[:, None]
    else:
        logits = rng.normal(size=(n, spec.num_labels))
        logits[np.arange(n), gold] += skill
    clusters = tuple(f"set {k // members}" if members > 1 else "" for k in range(n))
    return Evaluation(
        spec, tuple(f"{spec.name}-{k}" for k in range(n)), logits, gold,
        scores_of(spec, logits, gold), 0, clusters=clusters,
    )  # fmt: skip


def _save(
    folder: Path, found: Evaluation, about: Mapping[str, Any], confidences: bool
) -> pd.DataFrame:  # fmt: skip
    spec, gold = found.spec, found.labels
    assert (found.predictions == predictions_of(spec, found.logits)).all()
    chance = majority(spec, gold, gold)
    rows = rows_frame(
        pd.DataFrame(
            [
                {**about, "metric": metric, "value": found.metrics[metric], "n": len(gold),
                 "n_clusters": len(set(found.clusters) - {""}) or len(gold),
                 "baseline": "mean" if spec.regression else "majority",
                 "baseline_value": chance[metric]}
                for metric in spec.metrics
            ]
        )
    )  # fmt: skip
    items = [found.items().assign(probe="performance")]
    if confidences and not spec.regression:
        items.append(confidence_items(found))
    both = pd.concat([part for part in items if len(part)], ignore_index=True)
    both = both.assign(cell_id=about["cell_id"])
    CellOutput(rows, both).save(folder / "cells" / f"{about['cell_id']}.parquet")
    return rows
