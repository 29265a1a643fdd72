"""The scores of a curve over sizes, relative to gates on the whole model, mask by mask."""

from __future__ import annotations

import numpy as np
import torch
from subprobe.data.encoding.collate import text_batches, to_inputs
from subprobe.data.tasks.by_name import load_task
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork
from subprobe.models.training.evaluate import Scorer
from subprobe.pruning.controls import random_like

from .models import ground
from .timing import REPEATS, Measure, ratio

BATCH = 64
LIMITS = {"joint": 0.6, "heads": 0.8, "mlps": 0.6, "neurons": 0.7}
"""Limits by what is pruned. The operations that remain at these sizes are .44 of those of the whole
model for heads and MLPs together, .80 for heads alone (whose model keeps all MLPs), .21 for MLPs
alone, and .64 for neurons. Masks of single weights run as many operations as the whole model."""
SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def masks_of(units: str, draws: int, shares: tuple[float, ...] = SHARES) -> list[Subnetwork]:
    """At each share a nested good mask, and random masks of its size."""
    anatomy, random = anatomy_of(ground(4).model), np.random.default_rng(0)
    full = full_subnetwork(anatomy, kind="good", method="structured")
    masked = {
        "joint": ("head_mask", "mlp_mask"),
        "heads": ("head_mask",),
        "mlps": ("mlp_mask",),
        "neurons": ("neuron_mask",),
    }[units]
    shapes = {"head_mask": full.head_mask.shape, "mlp_mask": full.mlp_mask.shape,
              "neuron_mask": (anatomy.num_layers, anatomy.num_neurons)}  # fmt: skip
    order = {name: random.permutation(int(np.prod(shapes[name]))) for name in masked}
    found = []
    for share in shares:
        kept = {}
        for name in masked:
            one = np.zeros(int(np.prod(shapes[name])), dtype=bool)
            one[order[name][: round(share * one.size)]] = True
            kept[name] = one.reshape(shapes[name])
        good = full.with_meta(**kept)
        found += [good, *(random_like(good, 0, draw) for draw in range(draws))]
    return found


def curve(
    units: str = "joint", count: int = 32, draws: int = 20, repeats: int = REPEATS
) -> Measure:
    """Scores of ten sizes with 20 random masks each, over one gated pass for each mask.

    The reference loads the model once and gets the same batches, already padded.
    """
    here, masks = ground(count), masks_of(units, draws)
    spec = load_task("acceptability", sizes={"train": 4, "validation": 4, "test": 4}).spec
    scorer = Scorer(here.model, here.tokenizer, here.examples, spec, batch_size=BATCH)
    batches = list(text_batches(here.tokenizer, here.examples, batch_size=BATCH, max_length=128))

    def by_gates() -> None:
        for mask in masks:
            with gated(here.model, mask), torch.inference_mode():
                for batch in batches:
                    here.model(**to_inputs(batch))

    return ratio(
        f"curve of 10 sizes x {draws} draws ({units}) / gates, mask by mask",
        lambda: scorer.score_all(masks),
        by_gates,
        limit=LIMITS[units],
        repeats=repeats,
    )
