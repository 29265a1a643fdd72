"""The cells that repeat each search in the encoder trained from random weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ...data.errors import ConfigError
from .graph import Cell, Needs
from .registry import STEPS
from .seed_plan import SeedPlan

TRAINED, UNTRAINED = "trained", "untrained"
"""First part of the role of a score in the cell that compares both encoders."""


def with_untrained_search(plan: SeedPlan, cells: list[Cell]) -> list[Cell]:
    """The cells of a seed with the untrained null of each search, if the options ask for it.

    The lottery protocol has its own control, the ticket on random weights.

    Raises:
        ConfigError: if the run does not train the encoder from random weights.
    """
    controls = plan.config.controls
    if not controls.untrained_search:
        return cells
    if not controls.untrained:
        raise ConfigError(
            "the search in the untrained encoder needs that encoder",
            where="controls.untrained_search",
            remedy="set controls.untrained = true",
        )
    known = {cell.name: cell for cell in cells}
    found = list(cells)
    for method in plan.config.prune.methods:
        if method != "imp":
            found += _null(plan, method, known)
    return found


def _null(plan: SeedPlan, method: str, known: Mapping[str, Cell]) -> Iterator[Cell]:
    """The search, the scores that the run does not have yet, and the comparison."""
    model = plan.name("untrained")
    search = replace(
        known[plan.name(f"{method}/search")], name=plan.name(f"untrained/{method}/search"),
        step="nullsearch", inputs={"model": model},
    )  # fmt: skip
    yield search
    good = known[plan.name(f"{method}/good/0/score")]
    rest = replace(
        good, name=plan.name(f"{method}/complement/0/null/score"), step="nullscore",
        options={**good.options, "kind": "complement"},
    )  # fmt: skip
    yield rest
    scores = {
        f"{TRAINED}/full/0": plan.name("full/score"),
        f"{TRAINED}/good/0": good.name,
        f"{TRAINED}/complement/0": rest.name,
        f"{UNTRAINED}/full/0": plan.name("untrained/score"),
    }
    draws = [("random", draw) for draw in range(plan.config.controls.draws)]
    for kind, draw in (("good", 0), ("complement", 0), *draws):
        if kind == "random":
            scores[f"{TRAINED}/{kind}/{draw}"] = plan.name(f"{method}/{kind}/{draw}/score")
        one = replace(
            good, name=plan.name(f"untrained/{method}/{kind}/{draw}/score"), step="nullscore",
            inputs={"model": model, "good": search.name},
            options={**good.options, "kind": kind, "draw": draw, "state": UNTRAINED,
                     **plan.config.controls.drawn(kind)},
        )  # fmt: skip
        scores[f"{UNTRAINED}/{kind}/{draw}"] = one.name
        yield one
    about = {name: value for name, value in good.options.items() if name in _OF_SEED}
    yield Cell(
        plan.name(f"untrained/{method}/null"), "nullcontrast", scores, good.sources,
        {**about, "method": method},
        Needs(accelerator=STEPS["nullcontrast"].runs_model),
    )  # fmt: skip


_OF_SEED = ("task", "seed", "init_order")
