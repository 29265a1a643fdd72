"""The cells of the curves of a run: scores over the sizes of subnetworks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from .graph import Cell, Needs
from .registry import STEPS
from .seed_plan import PARTS, SeedPlan

_OF_SEED = ("task", "seed", "init_order", "max_length")
SHARED = ("joint", "heads", "mlps")
"""Units of which there are few enough to compare them one by one across seeds."""


def with_curves(seeds: Sequence[SeedPlan]) -> Iterator[Cell]:
    """The cells of the curve of one task, if the options ask for one.

    Each model has a cell of its own, so that a further seed scores only its own masks and the
    super masks, which depend on all seeds.

    Args:
        seeds: the plans of the seeds of the task.
    """
    config = seeds[0].config
    if not config.curve.shares:
        return
    known: dict[str, str] = {}
    for one in seeds:
        cell = _scored(one)
        known[f"curve{one.seed}"] = cell.name
        yield cell
    supers: dict[str, str] = {}
    if config.curve.units in SHARED and len(seeds) > 1:
        for one in seeds:
            cell = _scored(one)
            cell = replace(
                cell, name=one.name("curve/super"), step="curvesuper",
                inputs={**cell.inputs, **known},
                options={n: v for n, v in cell.options.items() if n != "draws"},
            )  # fmt: skip
            supers[f"super{one.seed}"] = cell.name
            yield cell
    task = seeds[0].facts.name
    yield Cell(
        f"{task}/curve",
        "curvetables",
        {**known, **supers},
        options={"task": task, "seed": seeds[0].seed, "points": config.curve.points},
        needs=Needs(accelerator=STEPS["curvetables"].runs_model),
    )


def _scored(one: SeedPlan) -> Cell:
    """The cell that scores the masks of one model."""
    config = one.config
    like = one.score("full", one.name("finetune"))
    curve = config.curve
    return replace(
        like,
        name=one.name("curve/score"),
        step="curve",
        sources=tuple(one.name(part) for part in PARTS),
        options={
            **{name: like.options[name] for name in _OF_SEED if name in like.options},
            "shares": sorted(set(curve.shares)), "units": curve.units, "draws": curve.draws,
            "order": curve.order, "ranking": curve.ranking(config.prune),
        },
    )  # fmt: skip
