"""The cells about easy and hard examples, in addition to the scores of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .graph import Cell, Needs
from .registry import STEPS
from .seed_plan import SeedPlan

NAME = "artefacts"
"""Last part of the names of these cells."""
_OF_MASK = ("task", "seed", "method", "kind", "draw")


def with_partial_input(plan: SeedPlan, cells: list[Cell]) -> list[Cell]:
    """The cells of a seed with the classifier of part of the input, and what it is needed for."""
    controls = plan.config.controls
    if not controls.artefacts:
        return cells
    (trained,) = (cell for cell in cells if cell.step == "finetune")
    parts = tuple(plan.name(part) for part in ("train", "report"))
    encoder = controls.artefacts_by == "encoder"
    partial = replace(
        trained,
        name=plan.name(NAME),
        step="partialencoder" if encoder else "partial",
        sources=("model", *parts) if encoder else parts,
        options=trained.options if encoder else _options(trained),
        needs=Needs(accelerator=encoder),
    )
    return with_difficulty(plan, [*cells, partial])


def with_difficulty(plan: SeedPlan, cells: Iterable[Cell]) -> list[Cell]:
    """The cells, then one about easy and hard examples for each score, if the options say so."""
    cells = list(cells)
    if not plan.config.controls.artefacts:
        return cells
    return [*cells, *(_difficulty(plan, one) for one in cells if one.step in ("evaluate", "words"))]


def _difficulty(plan: SeedPlan, scored: Cell) -> Cell:
    """The accuracy of a scored model on easy and hard examples."""
    return Cell(
        f"{scored.name.removesuffix('/score')}/{NAME}",
        "difficulty",
        {"scored": scored.name, "partial": plan.name(NAME)},
        options=_options(scored),
        needs=Needs(accelerator=STEPS["difficulty"].runs_model),
    )


def _options(cell: Cell) -> dict[str, object]:
    return {name: cell.options[name] for name in _OF_MASK if name in cell.options}
