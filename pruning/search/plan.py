"""The target of a search, and the schedule of its steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ...data.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:  # planning a run needs the steps of its searches, without importing torch
    from ...models.encoder.anatomy import Anatomy

HEAD_SHARE = 0.1
"""Share of all heads that a joint step removes."""

RULES = ("gain", "study", "absolute")

CRITERIA = ("score", "loss", "kl")
"""What a search preserves: the metric of the task, its loss, or the outputs of the full model."""


@dataclass(frozen=True)
class Rule:
    """The condition on the metric of a candidate.

    `study`: a share of the metric of the full model. `gain`: a share of the gain of the full model
    over the majority baseline; the two are equal if the baseline is 0. `absolute`: the threshold is
    the metric itself. A search continues while the rule is met. The code of Prasanna et al. (2020)
    for single weights (magnitude) ends after at most 10 steps, regardless of the metric, so that
    its masks keep at least .9^9 = 38.7% of the weights.

    A loss or divergence is lower if better, and searches negate it. `gain`: a share of the
    reduction from the best constant prediction to the full model, whose divergence is 0.
    `absolute`: the threshold is the highest loss or divergence. `study` is not defined.

    Raises:
        UnknownNameError: if the rule or the criterion is unknown.
        ConfigError: if the share is not in (0, 1], or the rule is not defined for the criterion.
    """

    name: str = "gain"
    threshold: float = 0.9
    criterion: str = "score"

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise UnknownNameError("rule", self.name, RULES)
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"threshold must be in (0, 1], got {self.threshold}")
        if self.criterion not in CRITERIA:
            raise UnknownNameError("criterion", self.criterion, CRITERIA)
        if self.name == "study" and self.criterion != "score":
            raise ConfigError(
                f"the rule study is a share of a score, not of the criterion {self.criterion}",
                where="`rule`",
                remedy="use the rule gain or absolute",
            )

    def target(self, full: float, baseline: float) -> float:
        """Minimum metric of an accepted candidate."""
        if self.name == "absolute":
            return self.threshold if self.criterion == "score" else -self.threshold
        floor = baseline if self.name == "gain" else 0.0
        # in this form a threshold of 1 gives `full` itself, and a floor of 0 the study's product
        return self.threshold * full + (1 - self.threshold) * floor


@dataclass(frozen=True)
class Size:
    """Target size of a search, instead of a metric: the numbers of units to keep.

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
        """The size in which a share of the searched units is kept, and all others."""
        heads, mlps = anatomy.num_layers * anatomy.num_heads, anatomy.num_layers
        return cls(
            round(keep * heads) if method in ("structured", "structured-heads") else heads,
            round(keep * mlps) if method in ("structured", "structured-mlps") else mlps,
            round(keep * mlps * anatomy.num_neurons) if method == "structured-neurons" else 0,
        )


class Phase(NamedTuple):
    """One phase of the schedule, with a number of units per step."""

    name: str
    heads: int
    mlps: int
    neurons: int = 0


def schedule(
    num_layers: int, num_heads: int, method: str = "structured", num_neurons: int = 0
) -> tuple[Phase, ...]:
    """The phases with their units per step: 12x12 gives 14+1, then 7, then 1.

    Heads alone (`structured-heads`) are removed with the full step, MLPs alone (`structured-mlps`)
    one by one, and neurons (`structured-neurons`) a tenth of all per step.

    Raises:
        UnknownNameError: if the method is unknown.
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
        if rule.criterion != "score":
            raise ConfigError(
                f"the full model has a {rule.criterion} of {-full:.4f}, above the threshold "
                f"{-target:.4f}",
                where="threshold",
                remedy="raise the threshold, or take a share of the reduction with rule gain",
            )
        raise ConfigError(
            f"the full model scores {full:.4f}, below the threshold {target:.4f}",
            where="threshold",
            remedy="lower the threshold, or take a share of the full score with rule gain or study",
        )


def settings(rule: Rule | Size, target: float) -> dict[str, Any]:
    """The fields of the first record about the rule."""
    if isinstance(rule, Size):
        return {"rule": "size", "threshold": None, "target": None}
    return {
        "rule": rule.name,
        "threshold": rule.threshold,
        "target": target if math.isfinite(target) else None,
        **({} if rule.criterion == "score" else {"criterion": rule.criterion}),
    }


def check_min_heads(min_heads: int, anatomy: Anatomy, aim: Rule | Size) -> None:
    """Raise if layers must keep too many heads to prune any, or to reach the size.

    Args:
        min_heads: the smallest number of heads per layer.
        anatomy: the shape of the encoder.
        aim: the rule or the size of the search.

    Raises:
        ConfigError: with the largest number that is possible.
    """
    most, there = anatomy.num_heads - 1, f"layers of {anatomy.num_heads} heads"
    if isinstance(aim, Size):
        most, there = aim.heads // anatomy.num_layers, f"a mask of {aim.heads} heads"
    if min_heads > most:
        raise ConfigError(
            f"must be <= {most} for {there}, got {min_heads}",
            where="min_heads",
            remedy="choose a smaller number",
        )
