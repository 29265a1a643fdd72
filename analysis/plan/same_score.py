"""The cells of several masks of each model at one size: searches, scores, core, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from .graph import Cell, Needs
from .registry import STEPS
from .seed_plan import SeedPlan

_OF_SEED = ("task", "seed", "init_order")


def with_same_score(plan: SeedPlan, cells: list[Cell]) -> list[Cell]:
    """The cells of a seed with those of masks of equal score, if the options ask for them.

    Each mask, score and probe is a cell of its own, so that further masks and probes compute only
    what is new. The full model's scores are those of the run.
    """
    if not plan.config.same_score.masks:
        return cells
    return [*cells, *_cells(plan, {cell.name: cell for cell in cells})]


def _cells(plan: SeedPlan, known: Mapping[str, Cell]) -> Iterator[Cell]:
    asked, prune = plan.config.same_score, plan.config.prune
    method, model = asked.chosen(prune), plan.name("finetune")
    second = asked.second(plan.config.probe.names)
    search = known[plan.name(f"{method}/search")]
    held = {"full": plan.name("full/score")}
    held |= {f"{name}/full": plan.name(f"full/probe/{name}") for name in second}
    masks: dict[str, str] = {}
    for number in range(1, asked.masks + 1):
        at = f"same/{method}/{number}"
        sized = {} if prune.keep else {"sized": search.name}
        one = replace(
            search, name=plan.name(f"{at}/search"), step="samemask",
            inputs={**search.inputs, **sized},
            options={**search.options, "number": number, "resampling": asked.resampling},
        )  # fmt: skip
        masks[f"mask{number}"] = one.name
        yield one
        score = plan.score(at, model, method, "good", number)
        probes = plan.each_probe(at, model, "pruned", method, "good", number, only=second)
        for cell, step in ((score, "samescore"), *((probe, "sameprobe") for probe in probes)):
            yield _of_mask(cell, step, one.name)
        held[f"mask{number}"] = score.name
        held |= {f"{name}/mask{number}": plan.name(f"{at}/probe/{name}") for name in second}
    core = {"draws": asked.core_draws, "masks": asked.masks}
    score = plan.score(f"same/{method}/core", model, method, "good", 0)
    probes = plan.each_probe(
        f"same/{method}/core", model, "pruned", method, "good", 0,
        only=second if asked.core_probes else (),
    )  # fmt: skip
    for name, cell in (("core", score), *((f"{p.name.rpartition('/')[2]}/core", p)
                                          for p in probes)):  # fmt: skip
        inputs = {role: of for role, of in cell.inputs.items() if role != "good"}
        options = {of: value for of, value in cell.options.items() if of not in ("kind", "draw")}
        yield replace(
            cell, step="samecore", inputs={**inputs, **masks}, options={**options, **core}
        )
        held[name] = cell.name
    about = {name: value for name, value in search.options.items() if name in _OF_SEED}
    yield Cell(
        plan.name(f"same/{method}/tables"), "sametables",
        {"model": model, **{f"found/{name}": of for name, of in masks.items()}, **held},
        score.sources,
        {**about, "method": method, "correction": plan.config.probe.correction, **core},
        Needs(accelerator=STEPS["sametables"].runs_model),
    )  # fmt: skip


def _of_mask(cell: Cell, step: str, mask: str) -> Cell:
    """A cell about a good mask as one about another mask."""
    inputs = {role: mask if role == "good" else name for role, name in cell.inputs.items()}
    return replace(cell, step=step, inputs=inputs)
