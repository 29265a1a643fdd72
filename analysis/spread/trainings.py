"""The trainings of a run: their seeds, and their scores on the selection examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.seeds import seeds_of
from ..storage.store import CellStore

_NAME = re.compile(
    r"(?P<task>.+)/seed(?P<seed>\d+)/"
    r"(?:(?P<full>finetune|untrained)|(?P<method>[^/]+)/(?P<kind>[^/]+)/(?P<draw>\d+)/retrain)"
)
_FULL = {"finetune": ("full", "full", "finetuned"), "untrained": ("full", "untrained", "untrained")}


@dataclass(frozen=True)
class Training:
    """What one training has recorded.

    Attributes:
        model: task, method, kind and state of the trained model.
        seed: its seed, as in the rows.
        draw: number of the random or bad draw.
        metric: the metric of the scores.
        steps: number of optimiser steps.
        score: score on the selection examples after the last step; None if there are none.
        curve: step and score of each evaluation, the last step included; empty if none was
            recorded.
        ended_early: whether early stopping ended it.
    """

    model: tuple[str, str, str, str]
    seed: int
    draw: int
    metric: str
    steps: int
    score: float | None
    curve: tuple[tuple[int, float | None], ...]
    ended_early: bool


def seeds_in(manifest: Mapping[str, Any]) -> dict[int, tuple[int, int]]:
    """Seed of the rows -> seeds of initialisation and order, as the manifest of a run has them."""
    config = manifest.get("config", {})
    crossed = bool(config.get("seeds_init"))
    return {seed: seeds_of(seed, crossed=crossed) for seed in config.get("seeds", [])}


def read_trainings(folder: Path, manifest: Mapping[str, Any]) -> list[Training]:
    """Every training of a finished run, from its cells; an empty list without cells.

    Raises:
        DataFileError: if a cell is missing or damaged.
    """
    store = CellStore(folder)
    found = []
    for cell in manifest.get("cells", []):
        named = _NAME.fullmatch(str(cell.get("name", "")))
        if named is None:
            continue
        identity = str(cell.get("cell", ""))
        proof = store.certificate(identity)
        if proof is not None and proof.nothing:
            continue
        notes = store.read(identity, proof).notes
        if isinstance(notes.get("training"), dict):
            found.append(_training(named, notes["training"]))
    return found


def _training(named: re.Match[str], noted: Mapping[str, Any]) -> Training:
    method, kind, state = _FULL.get(
        named["full"] or "", (named["method"], named["kind"], "retrained")
    )
    steps, last = int(noted["steps"]), noted.get("on_selection") or {}
    curve = [(int(step), score) for step, score in noted.get("scores", ())]
    if curve and curve[-1][0] != steps and last:
        curve.append((steps, last["value"]))
    return Training(
        model=(named["task"], method, kind, state),
        seed=int(named["seed"]),
        draw=int(named["draw"] or 0),
        metric=str(last.get("metric", "")),
        steps=steps,
        score=last.get("value"),
        curve=tuple(curve),
        ended_early=bool(noted.get("stopped_early", False)),
    )
