"""A search along a fixed trace of ten candidates, relative to a plain loop of two passes each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from subprobe.data.encoding.collate import to_inputs
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.candidate import shrunk
from subprobe.pruning.importance.scoring import importance_pass

from .models import Ground, ground
from .timing import REPEATS, Measure, ratio

STEPS = 10


def trace(layers: int, heads: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ten nested candidates, the last with half of the heads and half of the MLPs."""
    random = np.random.default_rng(0)
    head_order, mlp_order = random.permutation(layers * heads), random.permutation(layers)
    found = []
    for step in range(STEPS):
        gone = step / (STEPS - 1) / 2
        head, mlp = np.ones(layers * heads, dtype=bool), np.ones(layers, dtype=bool)
        head[head_order[: round(gone * layers * heads)]] = False
        mlp[mlp_order[: round(gone * layers)]] = False
        found.append((head.reshape(layers, heads), mlp))
    return found


def _loops(count: int) -> tuple[Callable[[], None], Callable[[], None], Callable[[], None]]:
    here: Ground = ground(count)
    anatomy = anatomy_of(here.model)
    candidates = trace(anatomy.num_layers, anatomy.num_heads)

    def two_passes() -> None:
        for masks in candidates:
            with gated(here.model, Subnetwork(*masks)), torch.inference_mode():
                for batch in here.batches:
                    here.model(**to_inputs(batch))
            importance_pass(here.model, here.batches, *masks)

    def one() -> None:
        for masks in candidates:
            importance_pass(here.model, here.batches, *masks)

    def smaller() -> None:
        for masks in candidates:
            importance_pass(shrunk(here.model, *masks), here.batches, *masks)

    return one, smaller, two_passes


def one_pass(count: int = 128, repeats: int = REPEATS) -> Measure:
    """Score and rank a candidate in one pass."""
    one, _, two_passes = _loops(count)
    return ratio("search, one pass / two passes", one, two_passes, limit=0.70, repeats=repeats)


def shrinking(count: int = 128, repeats: int = REPEATS) -> Measure:
    """The same on the remaining model, down to half of its weights."""
    _, smaller, two_passes = _loops(count)
    name = "search on the remaining model / two masked passes"
    return ratio(name, smaller, two_passes, limit=0.55, repeats=repeats)
