"""The cells in which the masks of one task are put on the models of another (Chen et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...pruning.knock_out import COMPLEMENT
from .graph import Cell, Graph
from .planning import seed_plans
from .registry import VERSIONS
from .seed_plan import SeedPlan
from .whole_run import RunPlan

KINDS = ("good", "random", COMPLEMENT)
"""Masks that are put on other tasks: the good one, random ones of its size, and the rest of it."""
PRUNED, RETRAINED = "pruned", "retrained"


@dataclass(frozen=True)
class Crossing:
    """The score on one task of a mask that was found on one.

    Attributes:
        mask_task: the task that the mask was found on, or whose mask a random one is as large as.
        task: the task that is scored.
        seed: of both.
        method: how the mask was found.
        kind: `good`, `random` or `complement`.
        draw: number of the draw.
        reading: `pruned` (on the fine-tuned model of the scored task) or `retrained` (on the
            pretrained encoder, then fine-tuned on the scored task).
        cell: name of the cell with the score; for a mask on its own task that of the run itself.
    """

    mask_task: str
    task: str
    seed: int
    method: str
    kind: str
    draw: int
    reading: str
    cell: str


def with_transfer(plan: RunPlan, *, retrained: bool) -> tuple[RunPlan, list[Crossing]]:
    """A run with every mask on every other task.

    Args:
        plan: the run.
        retrained: whether masks are also put on the pretrained encoder and fine-tuned there.

    Returns:
        The plan with the cells of the transfer, and every score of the transfer matrix, also those
        of a mask on its own task. With `retrained` a task's own masks are trained again, too, as
        many draws as the run trains again, and at least one.
    """
    cells: dict[str, Cell] = {cell.name: cell for cell in plan.graph}
    found: list[Crossing] = []
    by_task = seed_plans(plan.config, plan.sources.facts)
    readings = (PRUNED, RETRAINED) if retrained else (PRUNED,)
    for reading in readings:
        for of in by_task.values():
            for onto in by_task.values():
                for source, target in zip(of, onto, strict=True):
                    for crossing, made in _crossings(source, target, reading):
                        cells |= {cell.name: cell for cell in made if cell.name not in cells}
                        found.append(crossing)
    graph = Graph(cells.values())
    ids = graph.ids(VERSIONS, plan.sources.digests)
    return replace(plan, graph=graph, ids=ids), found


def _crossings(of: SeedPlan, onto: SeedPlan, reading: str) -> Iterator[tuple[Crossing, list[Cell]]]:
    """Every mask of one task and seed on another task, with the cells that are needed."""
    controls = of.config.controls
    draws = controls.draws if reading == PRUNED else max(1, controls.retrained_draws)
    own = of.facts.name == onto.facts.name
    for method in of.config.prune.methods:
        # complements are never retrained, as in the run itself
        rest = [(COMPLEMENT, 0)] if controls.complement and reading == PRUNED else []
        for kind, draw in [*of.masks(method, draws), *rest]:
            if kind not in KINDS:
                continue
            at = f"{method}/{kind}/{draw}"
            if reading == PRUNED:
                made = [onto.score(at, onto.name("finetune"), method, kind, draw)]
            else:
                every = onto.retraining(method, kind, draw)
                made = [cell for cell in every if cell.step in ("retrain", "evaluate")]
            if not own:
                made = _renamed(made, of, onto, method)
            about = (of.facts.name, onto.facts.name, of.seed, method, kind, draw, reading)
            yield Crossing(*about, made[-1].name), made


def _renamed(cells: list[Cell], of: SeedPlan, onto: SeedPlan, method: str) -> list[Cell]:
    """The cells about a mask of another task: they read that task's search."""
    search = {onto.name(f"{method}/search"): of.name(f"{method}/search")}
    names = {cell.name: f"{cell.name}/of/{of.facts.name}" for cell in cells}
    changed = {**search, **names}
    return [
        replace(
            cell, name=names[cell.name],
            inputs={role: changed.get(name, name) for role, name in cell.inputs.items()},
        )
        for cell in cells
    ]  # fmt: skip
