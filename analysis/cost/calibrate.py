"""Measure the speed of this machine with single batches of an encoder."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ...models.checkpoint.checkpoint import load_encoder
from ...models.encoder.device import device_of
from ...models.folder.sources import resolve_model
from ...probes.passes import BACKWARD
from ..running.resources import computing_with
from .amounts import Workload
from .rates import Rates, usual_rates

REPEATS = 3
"""Timed batches of each kind, after one untimed batch; the median is used."""

_PROBED = 32
_LABELS = 2


def calibrated(
    work: Workload, where: str, threads: int, progress: Callable[[int, int | None], None]
) -> Rates:
    """Time one step of training, one batch of scoring and one of probing on this machine.

    The weights are those of the run's encoder if it is on this machine, else random weights of its
    shape, which take the same time. Texts are random subwords of the mean length of the tasks.

    Args:
        work: the run.
        where: `cpu`, `cuda`, or `auto`: a GPU if there is one.
        threads: number of threads per cell.
        progress: called with (kinds of batches done, total kinds).

    Raises:
        ConfigError: if there is no such device.
    """
    device = device_of(where)
    encoder = _encoder(work).to(device)
    model = _Classifier(encoder, work.shape.width).to(device)
    recipe = max(work.recipes.values(), key=lambda one: one.batch_size)
    sizes = list(work.sizes.values())
    padded = round(statistics.mean(size.padded for size in sizes))
    length = round(statistics.mean(size.length for size in sizes))
    found = {}
    with computing_with(threads):
        bfloat16 = recipe.precision == "bfloat16"
        batch = _texts(work, recipe.batch_size, padded, device)
        found["train"] = _train(model, batch, work, bfloat16)
        progress(1, 3)
        batch = _texts(work, work.config.prune.batch_size, length, device)
        found["score"] = _read(model, batch, work, maps=False)
        progress(2, 3)
        batch = _texts(work, _PROBED, max(4, round(work.corpus[1])), device)
        found["probe"] = _read(model, batch, work, maps=True)
        progress(3, 3)
    usual = usual_rates(device.type, threads)
    said = f"{threads} thread{'' if threads == 1 else 's'}"
    about = f"{platform.node()}, {device}, {said}"
    return Rates(found, usual.start, usual.weight, "calibrated", about)


class _Classifier(nn.Module):
    """An encoder with a head on its first hidden state, which works for every family."""

    def __init__(self, encoder: Any, width: int):
        super().__init__()
        self.encoder: Any = encoder
        self.head = nn.Linear(width, _LABELS)

    def forward(self, **inputs: Any) -> torch.Tensor:
        """Logits [B, K]."""
        logits: torch.Tensor = self.head(self.encoder(**inputs).last_hidden_state[:, 0])
        return logits


def _encoder(work: Workload) -> Any:
    """The run's encoder, or an encoder of its shape with random weights."""
    if resolve_model(work.config.model).kind != "hub":
        return load_encoder(work.config.model)
    from transformers import BertConfig, BertModel

    shape = work.shape
    return BertModel(
        BertConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=max(1, shape.width // 64),
            intermediate_size=shape.neurons,
            max_position_embeddings=shape.positions,
        )
    )


def _texts(work: Workload, count: int, length: int, device: torch.device) -> dict[str, Any]:
    """Random subwords [B, S]."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, min(1000, work.shape.vocabulary), (count, length), generator=generator)
    return {"input_ids": ids.to(device), "attention_mask": torch.ones_like(ids).to(device)}


def _timed(run: Callable[[], Any], device: torch.device) -> float:
    """Seconds of one call: the median of several."""
    took = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        run()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        took.append(time.perf_counter() - started)
    return statistics.median(took[1:])


def _operations(batch: dict[str, Any], work: Workload) -> float:
    count, length = batch["input_ids"].shape
    return work.shape.forward(count * length, length)


def _train(model: _Classifier, batch: dict[str, Any], work: Workload, bfloat16: bool) -> float:
    """Operations per second of a training step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    device = batch["input_ids"].device
    gold = torch.zeros(len(batch["input_ids"]), dtype=torch.long, device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            loss = nn.functional.cross_entropy(model(**batch), gold)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    model.train()
    return (1 + BACKWARD) * _operations(batch, work) / _timed(step, device)


def _read(model: _Classifier, batch: dict[str, Any], work: Workload, *, maps: bool) -> float:
    """Operations per second of a forward pass, with or without attention maps."""
    if maps:
        model.encoder.set_attn_implementation("eager")

    def read() -> Any:
        with torch.inference_mode():
            if not maps:
                return model(**batch)
            found = model.encoder(**batch, output_attentions=True).attentions
            # a sum over the map, as in most probes
            return [one.clamp_min(1e-9).log().mul(one).sum((2, 3)) for one in found]

    model.eval()
    return _operations(batch, work) / _timed(read, batch["input_ids"].device)
