"""Answers of the masks of a curve that were made, not computed by a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from subprobe.analysis.curve.panel import Panel
from subprobe.analysis.curve.scored import Mark, ScoredModel
from subprobe.analysis.curve.sizes import Sizes, sizes_of
from subprobe.analysis.statistics.clusters import units_of

TOTALS = {"heads": 16, "mlps": 4, "neurons": 32, "weights": 1000}
SHARES = (0.25, 0.5, 0.75)
RIGHT: Mapping[str, tuple[float, ...]] = {
    "good": (0.7, 0.8, 0.85, 0.9), "random": (0.5, 0.6, 0.7, 0.9), "bad": (0.5, 0.5, 0.6, 0.9),
}  # fmt: skip
"""Kind -> probability of a right answer at each size."""


def made_model(
    seed: int = 0, *, n: int = 200, draws: int = 5, rates: Mapping[str, tuple[float, ...]] = RIGHT,
    full: float = 0.9, cluster: int = 1, metric: str = "accuracy",
    seeds: tuple[int, int] | None = None,
) -> ScoredModel:  # fmt: skip
    """One seed whose masks are right with the given probabilities; binary labels."""
    random = np.random.default_rng(seed)
    gold = np.arange(n) % 2
    whole = np.where(random.random(n) < full, gold, 1 - gold)
    answers, marks = {}, []
    for kind, right in rates.items():
        count = 1 if kind in ("good", "super") else draws
        held = np.zeros((n, len(right), count), dtype=np.int64)
        for place, rate in enumerate(right):
            for draw in range(count):
                found = np.where(random.random(n) < rate, gold, 1 - gold)
                held[:, place, draw] = whole if place == len(right) - 1 else found
                value = float((held[:, place, draw] == gold).mean())
                share = (*SHARES, 1.0)[place]
                marks.append(Mark(kind, place, draw, share, value, f"{kind}{place}{draw}"))
        answers[kind] = held
    names = [f"{i // cluster}" if cluster > 1 else None for i in range(n)]
    empty = np.zeros(n, dtype=np.int64)
    return ScoredModel(
        name=f"model-{seed}", seeds=seeds or (seed, seed), metric=metric,
        ids=tuple(map(str, range(n))), gold=gold,
        units=units_of(names), full=whole, empty=empty, answers=answers, marks=tuple(marks),
        scores={"full": float((whole == gold).mean()), "empty": float((empty == gold).mean())},
        baseline=("majority", 0.5), ablation="zero", selection="validation",
    )  # fmt: skip


def made_sizes() -> Sizes:
    return sizes_of("joint", TOTALS, SHARES)


def made_panel(seeds: int = 1, **options: object) -> Panel:
    return crossed_panel([(seed, seed) for seed in range(seeds)], **options)


def crossed_panel(pairs: Sequence[tuple[int, int]], **options: object) -> Panel:
    """Models of these seeds of initialisation and order."""
    models = [made_model(place, seeds=pair, **options)  # type: ignore[arg-type]
              for place, pair in enumerate(pairs)]  # fmt: skip
    about = {"task": "toy", "split": "test", "units": "joint", "order": "nested",
             "importance": "gate-example, l2"}  # fmt: skip
    return Panel(models, made_sizes(), about, resamples=400)
