"""The graph of cells for a configuration; nothing is read or computed to make it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...pruning.across_seeds import ACROSS
from ..configuration.asked_probes import narrowed, probe_inputs
from ..configuration.config import RunConfig
from .curves import with_curves
from .easy_hard import with_difficulty, with_partial_input
from .graph import Cell, Graph, Needs
from .knock_outs import with_knock_outs
from .registry import STEPS
from .same_score import with_same_score
from .seed_plan import SeedPlan, TaskFacts
from .untrained_search import with_untrained_search

_WITH_MASK = ("round", "ticket", "prune", "nullsearch", "samemask", "across", "mask")

COMPARED = ("structured", "structured-heads", "structured-mlps")
"""Methods with few enough units to compare them one by one across seeds."""


def plan(config: RunConfig, tasks: Mapping[str, TaskFacts]) -> Graph:
    """All cells of a run, in the order of their rows.

    Args:
        config: the options.
        tasks: for each task of the options, everything else that the graph depends on.
    """
    cells: list[Cell] = []
    shared: list[Cell] = []
    for task, seeds in seed_plans(config, tasks).items():
        for one in seeds:
            own = with_partial_input(one, with_knock_outs(one, list(one.cells())))
            cells += with_same_score(one, with_untrained_search(one, own))
        if config.controls.across_seeds and len(seeds) > 1:
            shared += _across(config, tasks[task], seeds)
        shared += with_curves(seeds)
    return Graph(cells + shared)


def seed_plans(
    config: RunConfig, tasks: Mapping[str, TaskFacts]
) -> Mapping[str, Sequence[SeedPlan]]:
    """The plan of each seed of each task, by the names that the options have for tasks."""
    first, found = tasks[config.tasks[0]].name, {}
    for task in config.tasks:
        # checking the options of a probe takes longer than all else of its cells
        probes = _inputs_of_probes(config, tasks[task].probe_length)
        found[task] = [SeedPlan(config, tasks[task], seed, probes, first) for seed in config.seeds]
    return found


def _inputs_of_probes(config: RunConfig, length: int) -> dict[str, dict[str, Any]]:
    """Probe -> everything that determines its output."""
    probe = config.probe
    return {name: probe_inputs(narrowed(probe, [name]), length) for name in probe.names}


def _across(config: RunConfig, facts: TaskFacts, seeds: Sequence[SeedPlan]) -> Iterator[Cell]:
    """The units that the good masks of all seeds share, scored and retrained in each seed."""
    for method in (m for m in config.prune.methods if m in COMPARED):
        for kind in ACROSS:
            shared = f"{facts.name}/across/{method}/{kind}"
            inputs: dict[str, str] = {}
            for one in seeds:
                inputs |= {
                    f"good{one.seed}": one.name(f"{method}/search"),
                    f"model{one.seed}": one.name("finetune"),
                }
            yield Cell(
                shared, "across", inputs,
                options={"task": facts.name, "seeds": [one.seed for one in seeds],
                         "method": method, "kind": kind, "seed": seeds[0].seed},
                needs=Needs(accelerator=STEPS["across"].runs_model),
            )  # fmt: skip
            for one in seeds:
                yield from with_difficulty(one, _shared(one, shared, method, kind))


def _shared(one: SeedPlan, shared: str, method: str, kind: str) -> Iterator[Cell]:
    """The cells of one shared mask in one seed; the mask is read instead of drawn."""
    config, at = one.config, f"{method}/{kind}/0"
    cells = [
        one.score(at, one.name("finetune"), method, kind, 0),
        one.of_mask(f"{at}/mask", method, kind, 0),
    ]
    if config.controls.retrained_draws:
        cells += list(one.retraining(method, kind, 0))
    if "pruned" in config.probe.states:
        cells += list(one.each_probe(at, one.name("finetune"), "pruned", method, kind, 0))
    for cell in cells:
        yield replace(
            cell, inputs={role: shared if role == "good" else name
                          for role, name in cell.inputs.items()},
        )  # fmt: skip


def payload_of(cell: Cell) -> str:
    """What a cell writes in addition to its table: `model`, `mask` or nothing."""
    if STEPS[cell.step].trains:
        return "model"
    return "mask" if cell.step in _WITH_MASK else ""
