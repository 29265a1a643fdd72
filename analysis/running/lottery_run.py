"""The lottery protocol in a run: every round is a training, and a cell of its own."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from ...models.encoder.anatomy import anatomy_of
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...pruning.search.lottery import lottery, next_round
from ...pruning.search.plan import Rule
from ..cell_output import CellOutput
from ..steps.progress import Advance
from ..steps.selection import Chooser, stop_metric
from .seed_model import SeedModel


def find_ticket(seed: SeedModel, progress: Advance) -> Subnetwork:
    """The last lottery ticket of a seed that still trains well on its selection examples.

    Args:
        seed: the full model and how others are trained beside it.
        progress: called with (rounds done, rounds).
    """
    config, parts = seed.setting.config, seed.parts
    options = config.lottery
    model, tokenizer = seed.loaded
    whole = full_subnetwork(
        anatomy_of(model),
        kind="good",
        method="imp",
        importance="magnitude after training",
        task=parts.spec.name,
        model=seed.setting.source.name,
        seed_init=seed.seed,
        seed_order=seed.seed,
        selection=parts.selection_name,
        fingerprint=seed.full.notes["fingerprint"],
    )
    chooser = Chooser(model, tokenizer, parts, config.prune, seed.setting.recipe.max_length)

    def train(mask: Subnetwork) -> tuple[float, Subnetwork]:
        # the whole model under no mask is the fine-tuned one, whatever is rewound
        if not mask.weight_masks:
            return chooser.metric(parts.selection)(mask), next_round(model, mask, options.share)
        return _round(seed, mask)

    found = lottery(
        train,
        whole,
        rounds=options.rounds,
        rule=Rule(config.prune.rule, config.prune.threshold),
        baseline=chooser.baseline(parts.selection),
        progress=lambda record: progress(record["step"], options.rounds),
    )
    return found.ticket.with_meta(history=found.trace)


def _round(seed: SeedModel, mask: Subnetwork) -> tuple[float, Subnetwork]:
    """Train under a mask: the metric on the selection examples, and the next mask."""
    options = seed.setting.config.lottery
    cell = seed.training_cell("round", mask, rewind=options.rewind, share=options.share)
    path = seed.store.path(cell, ".safetensors")

    def compute() -> CellOutput:
        alive, total = mask.counts()["weights"]
        title = f"{seed.name}: lottery round with {alive / total:.0%} of the weights"
        trained, came_to = seed.fine_tune(mask, title, rewind=options.rewind)
        assert came_to.scored is not None  # there are examples to choose on
        # the mask first: a cell is finished when its own file is there
        next_round(trained.model, mask, options.share).save(path)
        notes: dict[str, Any] = {
            "metric": came_to.scored.metrics[stop_metric(seed.parts.spec)],
            **came_to.notes,
            "wall_s": trained.wall_s,
        }
        return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)

    output = seed.store.get(cell, compute)
    # a ticket that did not train, or did not learn, is none, whatever a constant guess scores
    metric = math.nan if output.notes["flag"] else float(output.notes["metric"])
    return metric, Subnetwork.load(path)
