"""How a mask is learnt for a property of words: what is gated, the penalty, and the training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...data.errors import ConfigError
from ...models.folder.sources import resolve_model
from .unit_gates import levels_of

TEMPERATURE = 2 / 3
"""Of the hard concrete distribution, as Cao, Sanh & Rush (2021) have it."""

START = 0.9
"""What every gate is without noise before training, as published."""


@dataclass(frozen=True)
class PropertyOptions:
    """How gates are learnt with a read-out; the defaults are the published recipe.

    Attributes:
        penalty: lambda, the loss in nats a word that all gates open cost; half of the gates cost
            half of it.
        units: what is gated, see `UNITS`.
        mask_rate: Adam's learning rate for the gates.
        readout_rate: the same for the read-out.
        warmup: share of the training in which both rates rise from 0.
        free: share of the training before open gates cost anything.
        rise: share of the training, after that, in which their cost rises to the penalty.
        epochs: passes over the training sentences.
        batch_size: sentences per step, which share one draw of the gates.
        dropout: of the encoder as it is configured, and a tenth of what the read-out reads.
        threshold: gates without noise above it are kept in the mask.
        seed: of the read-out's first weights, the order of sentences, draws of gates and dropout.

    Raises:
        ConfigError: if a number is out of range.
        UnknownNameError: if nothing of this name can be gated.
    """

    penalty: float = 1.0
    units: str = "weights"
    mask_rate: float = 0.2
    readout_rate: float = 5e-5
    warmup: float = 0.1
    free: float = 0.25
    rise: float = 0.5
    epochs: int = 20
    batch_size: int = 32
    dropout: bool = True
    threshold: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        levels_of(self.units)
        if not (math.isfinite(self.penalty) and self.penalty >= 0):
            raise ConfigError(
                f"penalty must be >= 0, got {self.penalty}",
                remedy="use a penalty such as 1",
            )
        for name, rate in (("mask", self.mask_rate), ("read-out", self.readout_rate)):
            if not (math.isfinite(rate) and rate > 0):
                raise ConfigError(f"the {name}'s learning rate {rate} is not above 0")
        if self.epochs < 1 or self.batch_size < 1:
            raise ConfigError(
                f"{self.epochs} epochs of batches of {self.batch_size} train nothing",
                remedy="give at least 1 of each",
            )
        if not all(0 <= one <= 1 for one in (self.warmup, self.free, self.rise)):
            raise ConfigError("a share of the training is not between 0 and 1")
        if not 0 <= self.threshold < 1:
            raise ConfigError(
                f"threshold {self.threshold} of the gates is not in [0, 1)",
                remedy="give 0.5, or 0 to keep whatever is not closed",
            )

    def rate_at(self, step: int, steps: int) -> float:
        """Share of the learning rates in a step, counted from 0."""
        return min(1.0, step / (self.warmup * steps)) if self.warmup else 1.0

    def penalty_at(self, step: int, steps: int) -> float:
        """Lambda in a step, counted from 0: nothing, then linear, then the whole."""
        done = step / steps - self.free
        share = done / self.rise if self.rise else float(done >= 0)
        return self.penalty * max(0.0, min(1.0, share))


EMBEDDED: Mapping[str, Any] = {"epochs": 10, "readout_rate": 5e-3, "dropout": False}
"""Ours for the embedded encoder: at the published rate its read-out hardly moves on a few thousand
sentences, which are a tenth of the published training."""


def recorded_options(name: str, given: Mapping[str, Any]) -> PropertyOptions:
    """The recorded recipe of a model, with what is given in its place.

    Args:
        name: see `resolve_model`: the embedded encoder has a recipe of its own, all others have
            the published one.
        given: fields of `PropertyOptions`.

    Raises:
        ConfigError, UnknownNameError: as `PropertyOptions` does.
    """
    recorded = EMBEDDED if resolve_model(name).kind == "embedded" else {}
    return PropertyOptions(**{**recorded, **given})
