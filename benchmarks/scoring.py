"""Repeated scoring of a mask, relative to a bare forward pass of the full model."""

from __future__ import annotations

from dataclasses import replace

import torch
from subprobe.data.encoding.collate import text_batches, to_inputs
from subprobe.data.tasks.by_name import load_task
from subprobe.models.smaller.cost import cost
from subprobe.models.smaller.shrink import shrink
from subprobe.models.training.evaluate import Scorer

from .models import ground
from .smaller import SLACK, mask_of
from .timing import REPEATS, Measure, ratio

BATCH = 64


def scoring(count: int = 256, repeats: int = REPEATS) -> Measure:
    """`Scorer.score` of a mask without 5 of 12 heads per layer and 2 of 6 MLPs, over a bare pass.

    The bare pass gets the same examples in the same batches, already padded. Cutting the model and
    computing scores are timed only on our side, so the limit is slightly above the ratio of
    operations.
    """
    here, mask = ground(count), mask_of(7, 4, 1.0)
    mask = replace(mask, mlp_mask=mask.mlp_mask[::-1].copy())  # the last MLP is kept
    spec = load_task("acceptability", sizes={"train": 4, "validation": 4, "test": 4}).spec
    scorer = Scorer(here.model, here.tokenizer, here.examples, spec, batch_size=BATCH)
    batches = list(text_batches(here.tokenizer, here.examples, batch_size=BATCH, max_length=128))

    def bare() -> None:
        with torch.inference_mode():
            for batch in batches:
                here.model(**to_inputs(batch))

    length = batches[0].input_ids.shape[1]
    whole, left = (
        cost(model, BATCH, length).flops for model in (here.model, shrink(here.model, mask))
    )
    return ratio(
        "mask scored / bare forward of the whole model, 7 heads per layer, 4 MLPs",
        lambda: scorer.score(mask),
        bare,
        limit=left / whole + SLACK,
        repeats=repeats,
    )
