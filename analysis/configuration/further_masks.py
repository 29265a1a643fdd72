"""The sections about further masks of a model: a curve over sizes, and masks of one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from ...data.errors import ConfigError
from .mask_options import PruneOptions, Section

METHODS: Mapping[str, str] = {
    "joint": "structured",
    "heads": "structured-heads",
    "mlps": "structured-mlps",
    "neurons": "structured-neurons",
    "weights": "magnitude",
}
"""Name of the units of a curve -> the method of its masks."""


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """The shares in ascending order, each once.

    Raises:
        ConfigError: if a share is not above 0 and at most 1, or none is below 1.
    """
    for share in shares:
        if not 0 < share <= 1:
            raise ConfigError(
                f"must be > 0 and <= 1, got {share:g}",
                where="`keep`",
                remedy="name shares of kept units, such as 0.5",
            )
    if shares and min(shares) == 1:
        raise ConfigError(
            "a curve needs a share below 1",
            where="`keep`",
            remedy="the full model is scored in any case; name smaller shares",
        )
    return tuple(sorted(set(shares)))


class CurveOptions(Section):
    """Scores over the sizes of subnetworks: one curve for each task, over the seeds of the run."""

    shares: tuple[float, ...] = Field(
        (), description="shares of the units to keep, such as [0.25, 0.5, 0.75]; empty = no curve"
    )
    units: Literal["joint", "heads", "mlps", "neurons", "weights"] = Field(
        "joint", description="units that are pruned; joint: heads and MLPs"
    )
    draws: int = Field(20, ge=1, description="random and bad masks of each size")
    order: Literal["nested", "search"] = Field(
        "nested",
        description="nested: the most important units of one ranking; search: one for each size",
    )
    points: float = Field(
        3.0,
        ge=0,
        description="points (hundredths of the metric) that a mask of effective size may lose",
    )

    def ranking(self, prune: PruneOptions) -> dict[str, Any]:
        """The options of the search that determine the good masks of the curve."""
        read = prune.of_search(METHODS[self.units])
        unread = {"keep", "rule", "threshold"}
        if self.units == "weights":
            unread |= {"importance", "normalise", "ablation", "match_donors", "donor_seed", "order"}
        if self.order == "nested":
            unread |= {"min_heads", "scores", "folds", "criterion", "method"}
        return {name: value for name, value in read.items() if name not in unread}


class SameScoreOptions(Section):
    """Several good masks of each model at one size: do equal scores mean equal behaviour?"""

    masks: int = Field(0, ge=0, description="good masks of each fine-tuned model; 0 = none")
    method: str = Field(
        "", description="one of prune.methods, whose search is repeated; empty = the first"
    )
    resampling: Literal["bootstrap", "half"] = Field(
        "bootstrap",
        description="sample of the selection examples on which each mask is searched for; learned "
        "gates differ by their seeds instead",
    )
    probes: tuple[str, ...] = Field(
        (), description="probes of the run whose headlines are compared with the score; empty = all"
    )
    core_draws: int = Field(
        59,
        ge=0,
        description="random sets of units that the core of the masks is compared with; 59 are the "
        "least for three corrected tests",
    )
    core_probes: bool = Field(
        False, description="also run the probes on the core and on its random sets"
    )

    def chosen(self, prune: PruneOptions) -> str:
        """The method whose search is repeated."""
        return self.method or prune.methods[0]

    def second(self, names: Sequence[str]) -> tuple[str, ...]:
        """The probes that are compared with the score, of those of the run."""
        return tuple(name for name in names if not self.probes or name in self.probes)


def check_curve(curve: CurveOptions, where: str) -> None:
    """Raise unless the sizes of a curve are shares, and its good masks can be found.

    Raises:
        ConfigError: for a share out of range, or a search for single weights.
    """
    try:
        check_shares(curve.shares)
    except ConfigError as error:
        raise ConfigError(
            f"option 'curve.shares': {error.problem}", where=where, remedy=error.remedy
        ) from None
    if curve.units == "weights" and curve.order == "search":
        raise ConfigError(
            "weights are ranked by their magnitude, which no search changes",
            where=where,
            remedy='set curve.order = "nested"',
        )


def check_same_score(
    options: SameScoreOptions, prune: PruneOptions, names: Sequence[str], where: str
) -> None:
    """Raise unless several masks of one size can be found and compared.

    Args:
        options: what is asked for.
        prune: the searches of the run.
        names: the probes of the run.
        where: the file or folder of the options.

    Raises:
        ConfigError: if not, with the option that stands in the way.
    """
    if not options.masks:
        return
    if options.masks == 1:
        raise ConfigError(
            "option 'same_score.masks' must be 0 or >= 2, got 1",
            where=where,
            remedy="one mask has nothing to be compared with",
        )
    method = options.chosen(prune)
    if method not in prune.methods:
        raise ConfigError(
            f"option 'same_score.method' must be one of prune.methods, got {method!r}",
            where=where,
            remedy=f"the run has {', '.join(prune.methods)}",
        )
    if method in ("magnitude", "imp"):
        raise ConfigError(
            f"the method {method} ranks weights without examples: all of its masks would be equal",
            where=where,
            remedy="set same_score.method to a method that prunes heads, MLPs or neurons",
        )
    for name in options.probes:
        if name not in names:
            raise ConfigError(
                f"option 'same_score.probes' names {name!r}, which is not in probe.names",
                where=where,
                remedy=f"the run has {', '.join(names) or 'no probes'}",
            )
