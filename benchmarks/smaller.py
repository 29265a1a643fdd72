"""The compact model relative to the masked one, at one sparsity with a limit and others without.

`python -m benchmarks.smaller` prints the table over sparsities: time of the compact model divided
by that of the masked one, with the ratio of their operations, which is the lower bound.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.smaller.cost import cost, kept_share
from subprobe.models.smaller.shrink import shrink

from .models import ground
from .timing import REPEATS, Measure, ratio

BATCH, LENGTH = 8, 128
SLACK = 0.10
"""What LayerNorms, softmax and embeddings may cost beyond the ratio of operations."""

SIZES = ((11, 6, 1.0), (9, 5, 1.0), (6, 4, 1.0), (6, 4, 0.5), (3, 2, 1.0), (1, 1, 1.0), (0, 0, 1.0))
"""Heads kept in each layer, MLPs kept, share of their neurons kept."""


@cache
def _whole() -> Any:
    """The task model that all variants are made from."""
    return ground(4).model


def mask_of(heads: int, mlps: int, neurons: float) -> Subnetwork:
    """A number of heads per layer, drawn with a fixed seed, the first MLPs, the first neurons."""
    anatomy, random = anatomy_of(_whole()), np.random.default_rng(0)
    head = np.zeros((anatomy.num_layers, anatomy.num_heads), dtype=bool)
    for row in head:
        row[random.permutation(len(row))[:heads]] = True
    mlp = np.arange(anatomy.num_layers) < mlps
    neuron = np.zeros((anatomy.num_layers, anatomy.num_neurons), dtype=bool)
    neuron[:, : round(neurons * anatomy.num_neurons)] = True
    return Subnetwork(head, mlp, None if neurons == 1 else neuron)


def compact(
    batch: int = BATCH,
    length: int = LENGTH,
    repeats: int = REPEATS,
    size: tuple[int, int, float] = (6, 4, 1.0),
) -> Measure:
    """A forward pass of the compact model relative to one of the masked model.

    By default 6 of 12 heads per layer and 2 of 6 MLPs are removed.
    """
    model, mask = _whole(), mask_of(*size)
    smaller = shrink(model, mask)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, model.config.vocab_size, (batch, length), generator=generator)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}

    def masked() -> None:
        with torch.inference_mode(), gated(model, mask):
            model(**inputs)

    def ours() -> None:
        with torch.inference_mode():
            smaller(**inputs)

    operations = cost(smaller, batch, length).flops / cost(model, batch, length).flops
    name = (
        f"compact / masked forward, {size[0]} heads per layer, {size[1]} MLPs, "
        f"{size[2]:.0%} neurons"
    )
    return ratio(name, ours, masked, limit=operations + SLACK, repeats=repeats)


def main(threads: int = 2) -> None:
    """Print the table over sparsities as Markdown; times are wall times."""
    torch.set_num_threads(threads)
    anatomy = anatomy_of(_whole())
    names = (
        "heads per layer",
        "MLPs",
        "neurons",
        "prunable kept",
        "operations",
        "time",
        "processor",
    )
    print("|", " | ".join(names), "|")
    print("|---" * len(names) + "|")
    for size in SIZES:
        found = compact(size=size)
        assert found.limit is not None
        expected = found.limit - SLACK
        cells = [
            f"{size[0]} of {anatomy.num_heads}",
            f"{size[1]} of {anatomy.num_layers}",
            f"{size[2]:.0%}",
            f"{kept_share(mask_of(*size), anatomy):.1%}",
            f"{expected:.2f}",
            f"{found.wall:.2f}",
            f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})",
        ]
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
