"""Size and power of the test of survival against content, and coverage of its odds ratio.

Heads have effects of their own that last over seeds, layers differ in how much they keep, and the
predictor rises with depth: all this would inflate the size of a test that ignores layers or
repeats.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from subprobe.analysis.statistics.checks import LEAST_COVERAGE
from subprobe.analysis.statistics.corrections import ALPHA
from subprobe.analysis.survival_content.null import (
    centred,
    joint_p,
    null_scores,
    permutations_within,
    score,
    two_sided,
)
from subprobe.analysis.survival_content.odds import odds_ratio

DRAWS = 399
"""Permutations: .05 of DRAWS + 1 is a whole number, so the add-one p can have the size .05."""
SHAPES = ((4, 4), (3, 8), (4, 12), (6, 12), (12, 12))
RUNS = (2, 5)
EFFECTS = (0.0, 0.7)
"""Log-odds per standard deviation of the predictor."""


@dataclass(frozen=True)
class Law:
    """The law of survival.

    Attributes:
        layers: L.
        heads: heads of a layer.
        runs: seeds.
        effect: log-odds of survival per standard deviation of the predictor.
        lasting: standard deviation of the log-odds of a head in all seeds.
        shared: share of the predictor's variance that all seeds have in common.
    """

    layers: int
    heads: int
    runs: int
    effect: float = 0.0
    lasting: float = 1.0
    shared: float = 0.8

    def draw(self, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        """Survival [R, U], predictor centred and scaled within run and layer [R, U], layer [U]."""
        layer = np.repeat(np.arange(self.layers), self.heads)
        n = len(layer)
        own = rng.normal(0, 1, n) * self.shared**0.5
        x = own + rng.normal(0, 1, (self.runs, n)) * (1 - self.shared) ** 0.5
        depth = (layer + 0.5) / self.layers - 0.5
        logits = 0.5 + 1.5 * depth + np.linspace(-0.5, 0.5, self.runs)[:, None]
        logits = logits + rng.normal(0, self.lasting, n) + self.effect * x
        kept = rng.random(logits.shape) < 1 / (1 + np.exp(-logits))
        within = centred(x + 2 * depth, layer)
        return kept, within / np.sqrt((within**2).mean()), layer


@cache
def true_log_odds(law: Law) -> float:
    """The log-odds that the regression of very many heads finds: what its interval aims at.

    Smaller than the effect on one head, because odds ratios shrink where heads differ.
    """
    if not law.effect:
        return 0.0
    many = Law(law.layers, 30_000 // law.layers, law.runs, law.effect, law.lasting, law.shared)
    # standardised within few heads, a predictor has a slightly smaller spread than in the law
    return float(np.log(odds_ratio(*many.draw(np.random.default_rng(1))).ratio))


def check_rows(law: Law, simulations: int) -> list[dict[str, Any]]:
    """Share of rejections of the tests, and share of the intervals that contain the truth."""
    rng = np.random.default_rng([law.layers, law.heads, law.runs, round(100 * law.effect)])
    rejected: list[bool] = []
    together: list[bool] = []
    covered: list[bool] = []
    truth = np.exp(true_log_odds(law))
    for done in range(simulations):
        kept, x, layer = law.draw(rng)
        orders = permutations_within(layer, DRAWS, rng)
        observed, null = score(kept, x, layer), null_scores(kept, x, layer, orders)
        rejected.append(two_sided(observed, null) <= ALPHA + 1e-12)
        noise = centred(rng.normal(size=x.shape), layer)
        pair = np.array([observed, score(kept, noise, layer)])
        both = np.stack([null, null_scores(kept, noise, layer, orders)], axis=1)
        together.append(joint_p(pair, both) <= ALPHA + 1e-12)
        if done < simulations // 2:
            found = odds_ratio(kept, x, layer)
            # where it is refused, no interval is reported that could miss
            covered += [bool(found.low <= truth <= found.high)] if not np.isnan(found.low) else []
    test = "power" if law.effect else "size"
    return [
        _row(test, "permutation within layers", law, rejected),
        _row(test, "permutation within layers, two predictors", law, together),
        _row("coverage", "odds ratio, clusters of heads", law, covered),
    ]


def _row(check: str, of: str, law: Law, hits: list[bool]) -> dict[str, Any]:
    share, n = float(np.mean(hits)), len(hits)
    nominal = {"size": ALPHA, "coverage": 0.95}.get(check, share)
    error = float(np.sqrt(nominal * (1 - nominal) / n))
    holds = {"size": share <= ALPHA + 2 * error, "coverage": share >= LEAST_COVERAGE}
    return {
        "check": check, "of": of, "layers": law.layers, "heads": law.layers * law.heads,
        "runs": law.runs, "effect": law.effect, "share": round(share, 4),
        "monte_carlo_error": round(error, 4), "simulations": n, "holds": holds.get(check, ""),
    }  # fmt: skip


def laws() -> list[Law]:
    """Everything that is simulated, the longest first."""
    shapes = sorted(SHAPES, key=lambda shape: -shape[0] * shape[1])
    return [Law(*shape, runs, effect) for shape in shapes for runs in RUNS for effect in EFFECTS]


def survival_content_frame(pool: Executor, simulations: int) -> Any:
    """The table of every law, simulated by the processes of a pool."""
    found = pool.map(check_rows, laws(), [simulations] * len(laws()))
    table = pd.DataFrame([row for rows in found for row in rows])
    return table.sort_values(["check", "of", "heads", "layers", "runs", "effect"], kind="stable")
