"""The cells that score a model without its good mask's units, in addition to those of a seed."""

from __future__ import annotations

from collections.abc import Iterator

from ...pruning.knock_out import COMPLEMENT, RANDOM_COMPLEMENT
from .graph import Cell
from .seed_plan import SeedPlan


def with_knock_outs(plan: SeedPlan, cells: list[Cell]) -> list[Cell]:
    """The cells of a seed, then those of complements of good and random masks, if asked for."""
    return [*cells, *_knock_outs(plan)] if plan.config.controls.complement else cells


def _knock_outs(plan: SeedPlan) -> Iterator[Cell]:
    """The scores of complements, as many random ones as random masks, and their masks."""
    for method in plan.config.prune.methods:
        drawn = [(COMPLEMENT, 0)]
        drawn += [(RANDOM_COMPLEMENT, draw) for draw in range(plan.config.controls.draws)]
        for kind, draw in drawn:
            at = f"{method}/{kind}/{draw}"
            yield plan.score(at, plan.name("finetune"), method, kind, draw)
            if draw == 0:
                yield plan.of_mask(f"{at}/mask", method, kind, draw)
