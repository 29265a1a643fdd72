"""What is tested about a mask, and how; checked before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from ...data.errors import ConfigError, UnknownNameError
from ...pruning.controls import check_match
from ...pruning.knock_out import WITHIN
from .independence import LEAST_PERMUTATIONS
from .lines import HYPOTHESES, INDEPENDENCE, MINIMALITY, NECESSITY, SUFFICIENCY, check_draws

CRITERIA = ("score", "kl")
"""How good a mask is: by the task's primary metric, or by how close its probabilities are to those
of the full model (mean Kullback-Leibler divergence in nats)."""
MOST_UNITS = 200
"""Kept units of each type that are tested for minimality by default."""


@dataclass(frozen=True)
class Asked:
    """What is tested, and how.

    Attributes:
        hypotheses: names of `HYPOTHESES`.
        draws: random masks, and pruned units that are put back (of each type).
        share: threshold of sufficiency, necessity and minimality: the share of random masks or
            pruned units that must be beaten.
        margin: largest deviation of the share of wins from one half that counts as equal.
        criterion: `score` or `kl`, see `CRITERIA`.
        match: what random masks have in common with the good one: `model`, `layer` or both.
        within: units that are knocked out at random: all of the `model`, or the `pruned` ones.
        permutations: of the test of independence.
        most_units: kept units of each type that are tested for minimality; 0 = all.
        correction: over the units of minimality: `holm` or `fdr_bh`.
        seed: of all draws.

    Raises:
        UnknownNameError: for an unknown name.
        ConfigError: for a number out of range, or too few draws or permutations to answer.
    """

    hypotheses: tuple[str, ...] = HYPOTHESES
    draws: int = 100
    share: float = 0.9
    margin: float = 0.1
    criterion: str = "score"
    match: tuple[str, ...] = ("model",)
    within: str = "model"
    permutations: int = 999
    most_units: int = MOST_UNITS
    correction: str = "fdr_bh"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.hypotheses:
            if name not in HYPOTHESES:
                raise UnknownNameError("hypothesis", name, HYPOTHESES)
        if self.criterion not in CRITERIA:
            raise UnknownNameError("criterion", self.criterion, CRITERIA)
        for match in self.match:
            check_match(match)
        if self.within not in WITHIN:
            raise UnknownNameError("source of random units", self.within, WITHIN)
        if not 0 < self.share < 1:
            raise ConfigError(f"must be above 0 and below 1, got {self.share}", where="`share`")
        if not 0 < self.margin < 0.5:
            raise ConfigError(f"must be above 0 and below .5, got {self.margin}", where="`margin`")
        if {SUFFICIENCY, NECESSITY, MINIMALITY} & set(self.hypotheses):
            drawn = {SUFFICIENCY, NECESSITY} & set(self.hypotheses)
            check_draws(self.draws, self.share, len(self.match) if drawn else 1)
        if INDEPENDENCE in self.hypotheses and self.permutations < LEAST_PERMUTATIONS:
            raise ConfigError(
                f"{self.permutations} permutations cannot give a p-value of .05",
                where="`permutations`",
                remedy=f"use at least {LEAST_PERMUTATIONS}",
            )
