"""Speed of the full model, under its mask, with zeroed weights, and with pruned units removed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import ConfigError
from ...models.checkpoint.contract import scores_options
from ...models.checkpoint.inputs import check_max_length
from ...models.masks.gates import gated
from ...models.smaller.bake import bake
from ...models.smaller.cost import cost
from ...models.smaller.shrink import shrink
from ..steps.identity import identity
from .smaller import Whole

REPEATS = 7
"""Minimum number of rounds for a median time."""


def latency_rows(
    whole: Whole,
    batches: Sequence[int],
    lengths: Sequence[int],
    *,
    repeats: int = REPEATS,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Time and size of the full, masked, baked and compact model.

    The four run in turn, so that other load on the machine affects all of them. A ratio is the
    median over rounds of a variant's time over the masked model's in the same round; its interval,
    like that of a time, is the lowest and the highest round.

    Args:
        whole: the model and its mask.
        batches: numbers of examples B.
        lengths: numbers of subwords S, without padding.
        repeats: number of timed rounds, after one warm-up round.
        threads: torch threads; None = unchanged.
        progress: called with (cells done, cells).

    Raises:
        ConfigError: for fewer rounds than `REPEATS`, or a length above the model's positions.
    """
    if repeats < REPEATS:
        raise ConfigError(f"`repeats` must be >= {REPEATS} for a median, got {repeats}")
    for value, option in [(b, "batches") for b in batches] + [(s, "lengths") for s in lengths]:
        if value < 1:
            raise ConfigError(f"`{option}` must be >= 1, got {value}")
    check_max_length(whole.model, max(lengths), option="lengths")
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        models = _variants(whole)
        frames = []
        cells = [(batch, length) for batch in batches for length in lengths]
        for done, (batch, length) in enumerate(cells, start=1):
            times = _times(whole, models, batch, length, repeats)
            frames.append(_cell_rows(whole, models, batch, length, times))
            if progress is not None:
                progress(done, len(cells))
        about = identity(whole.name, whole.mask, "pruned")
        about |= {"probe": "latency", "unit": "model", "corpus": _machine(whole.model)}
        return pd.concat(frames, ignore_index=True).assign(**about)
    finally:
        torch.set_num_threads(before)


def _machine(model: Any) -> str:
    """The machine on which the times were measured; they hold only there."""
    if model.device.type == "cuda":
        return torch.cuda.get_device_name(model.device)
    return f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads"


def _variants(whole: Whole) -> dict[str, Any]:
    """Name of a variant -> its model."""
    models = {"whole": whole.model, "masked": whole.model, "baked": bake(whole.model, whole.mask)}
    if not whole.mask.weight_masks:
        models["compact"] = shrink(whole.model, whole.mask)
    return models


def _times(
    whole: Whole, models: dict[str, Any], batch: int, length: int, repeats: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Seconds of one forward pass by variant, [repeats]; in the order of the rounds."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, whole.model.config.vocab_size, (batch, length), generator=generator)
    ids = ids.to(whole.model.device)
    if scores_options(whole.model):
        ids = ids[:, None]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    spent: dict[str, list[float]] = {name: [] for name in models}
    with torch.inference_mode():
        for round_ in range(repeats + 1):
            for name, model in models.items():
                mask = gated(model, whole.mask) if name == "masked" else nullcontext()
                with mask:
                    _wait(model)
                    started = time.perf_counter()
                    model(**inputs)
                    _wait(model)
                    passed = time.perf_counter() - started
                if round_:
                    spent[name].append(passed)
    return {name: np.array(values) for name, values in spent.items()}


def _wait(model: Any) -> None:
    """Wait for a GPU, which runs asynchronously."""
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def _cell_rows(
    whole: Whole,
    models: dict[str, Any],
    batch: int,
    length: int,
    times: dict[str, npt.NDArray[np.float64]],
) -> pd.DataFrame:
    records = []
    full = cost(whole.model, batch, length)
    for name, model in models.items():
        size = cost(model, batch, length)
        ratios = times[name] / times["masked"]
        measured = {
            "seconds": (times[name], np.median(times["whole"]), "whole"),
            "time_ratio": (ratios, 1.0, "masked"),
        }
        for metric, (values, reference, against) in measured.items():
            records.append(
                {
                    "variant": name, "metric": metric, "value": float(np.median(values)),
                    "ci_low": values.min(), "ci_high": values.max(),
                    "ci_method": "lowest and highest round", "n": len(values),
                    "baseline": against, "baseline_value": reference,
                }
            )  # fmt: skip
        for metric in ("prunable", "parameters", "prunable_flops", "flops"):
            records.append(
                {
                    "variant": name, "metric": metric, "value": float(getattr(size, metric)),
                    "baseline": "whole", "baseline_value": float(getattr(full, metric)),
                }
            )  # fmt: skip
    return pd.DataFrame(records).assign(target=f"batch={batch} length={length}")
