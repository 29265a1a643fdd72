"""What a search aims at, and the steps that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...data.errors import ConfigError, UnknownNameError
from ...models.encoder.anatomy import Anatomy

HEAD_SHARE = 0.1
"""Share of all heads that one joint step removes."""

RULES = ("gain", "study", "absolute")


@dataclass(frozen=True)
class Rule:
    """What the metric must hold.

    `study`: a share of the full model's metric. `gain`: a share of what the full model gains over
    the majority baseline; the two are equal where the baseline is 0. `absolute`: the threshold is
    the metric itself. A search goes on for as long as the rule holds; the study's code for single
    weights (magnitude) ends after 10 steps at the latest, whatever its metric, so that its masks
    keep .9^9 = 38.7% of the weights or more.

    Raises:
        UnknownNameError: if there is no such rule.
        ConfigError: if the share is not in (0, 1].
    """

    name: str = "gain"
    threshold: float = 0.9

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise UnknownNameError("rule", self.name, RULES)
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold {self.threshold} is not in (0, 1]")

    def target(self, full: float, baseline: float) -> float:
        """Least metric that a candidate may have."""
        if self.name == "absolute":
            return self.threshold
        floor = baseline if self.name == "gain" else 0.0
        # in this form a threshold of 1 gives `full` itself, and a floor of 0 the study's product
        return self.threshold * full + (1 - self.threshold) * floor


@dataclass(frozen=True)
class Size:
    """Search for a size instead of a metric: how many units are left at the end.

    Raises:
        ConfigError: if a count is negative.
    """

    heads: int
    mlps: int
    neurons: int = 0

    def __post_init__(self) -> None:
        if min(self.heads, self.mlps, self.neurons) < 0:
            raise ConfigError(f"a size cannot be negative: {self}")

    @classmethod
    def share_of(cls, anatomy: Anatomy, method: str, keep: float) -> Size:
        """A share of what a method searches; the rest stays whole."""
        heads, mlps = anatomy.num_layers * anatomy.num_heads, anatomy.num_layers
        return cls(
            round(keep * heads) if method in ("structured", "structured-heads") else heads,
            round(keep * mlps) if method in ("structured", "structured-mlps") else mlps,
            round(keep * mlps * anatomy.num_neurons) if method == "structured-neurons" else 0,
        )


class Phase(NamedTuple):
    """One stretch of the schedule: so many units a step."""

    name: str
    heads: int
    mlps: int
    neurons: int = 0


def schedule(
    num_layers: int, num_heads: int, method: str = "structured", num_neurons: int = 0
) -> tuple[Phase, ...]:
    """Units a step: 12x12 gives 14+1, then 7, then 1.

    Heads alone (`structured-heads`) go at the full step, MLPs alone (`structured-mlps`) one by one,
    neurons (`structured-neurons`) at a tenth of all a step.

    Raises:
        UnknownNameError: if there is no such method.
    """
    step = max(1, int(HEAD_SHARE * num_layers * num_heads))
    plans = {
        "structured": (
            Phase("joint", step, 1),
            Phase("heads", max(1, step // 2), 0),
            Phase("mlps", 0, 1),
        ),
        "structured-heads": (Phase("heads", step, 0),),
        "structured-mlps": (Phase("mlps", 0, 1),),
        "structured-neurons": (
            Phase("neurons", 0, 0, max(1, int(HEAD_SHARE * num_layers * num_neurons))),
        ),
    }
    if method not in plans:
        raise UnknownNameError("search method", method, plans)
    return plans[method]


def check_threshold(rule: Rule | Size, full: float, target: float) -> None:
    """Raise if the full model misses a threshold that does not depend on it."""
    if isinstance(rule, Rule) and rule.name == "absolute" and not full >= target:
        raise ConfigError(
            f"the full model scores {full:.4f}, below the threshold {target:.4f}",
            where="threshold",
            remedy="lower the threshold, or take a share of the full score with rule gain or study",
        )


def settings(rule: Rule | Size, target: float) -> dict[str, Any]:
    """What the first record says about the rule."""
    if isinstance(rule, Size):
        return {"rule": "size", "threshold": None, "target": None}
    return {
        "rule": rule.name,
        "threshold": rule.threshold,
        "target": target if math.isfinite(target) else None,
    }
