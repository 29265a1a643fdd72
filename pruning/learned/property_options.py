"""Options for learning a mask for a property of words: units, penalty and training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...data.errors import ConfigError
from ...models.folder.sources import resolve_model
from .unit_gates import levels_of

TEMPERATURE = 2 / 3
"""Temperature of the hard concrete distribution, as in Cao, Sanh & Rush (2021)."""

START = 0.9
"""Initial value of every gate without noise, as published."""


@dataclass(frozen=True)
class PropertyOptions:
    """Options for learning gates with a read-out; the defaults are those of the paper.

    Attributes:
        penalty: lambda, the cost in nats per word if all gates are open; half of the gates cost
            half of it.
        units: the units with gates (see `UNITS`).
        mask_rate: learning rate of Adam for the gates.
        readout_rate: learning rate of Adam for the read-out.
        warmup: share of the training during which both rates rise from 0.
        free: share of the training during which open gates have no cost.
        rise: subsequent share of the training during which their cost rises to the penalty.
        epochs: number of passes over the training sentences.
        batch_size: number of sentences per step, which share one draw of the gates.
        dropout: whether to use the configured dropout of the encoder, and dropout of a tenth of the
            states that the read-out reads.
        threshold: the mask keeps units whose gate without noise is above it.
        seed: seed of the initial read-out, the order of sentences, the gates and dropout.

    Raises:
        ConfigError: if a number is out of range.
        UnknownNameError: if the type of unit is unknown.
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
                raise ConfigError(f"the learning rate of the {name} must be > 0, got {rate}")
        if self.epochs < 1 or self.batch_size < 1:
            raise ConfigError(
                f"epochs and batch size must be >= 1, got {self.epochs} and {self.batch_size}",
                remedy="set both to at least 1",
            )
        if not all(0 <= one <= 1 for one in (self.warmup, self.free, self.rise)):
            raise ConfigError("shares of the training must be between 0 and 1")
        if not 0 <= self.threshold < 1:
            raise ConfigError(
                f"the threshold of the gates must be in [0, 1), got {self.threshold}",
                remedy="use 0.5, or 0 to keep every unit whose gate is not closed",
            )

    def rate_at(self, step: int, steps: int) -> float:
        """Factor of the learning rates in a step, counted from 0."""
        return min(1.0, step / (self.warmup * steps)) if self.warmup else 1.0

    def penalty_at(self, step: int, steps: int) -> float:
        """Lambda in a step, counted from 0: first 0, then rising linearly, then constant."""
        done = step / steps - self.free
        share = done / self.rise if self.rise else float(done >= 0)
        return self.penalty * max(0.0, min(1.0, share))


EMBEDDED: Mapping[str, Any] = {"epochs": 10, "readout_rate": 5e-3, "dropout": False}
"""Ours for the embedded encoder: at the published rate its read-out hardly moves on a few thousand
sentences, which are a tenth of the published training."""


def recorded_options(name: str, given: Mapping[str, Any]) -> PropertyOptions:
    """The recorded recipe of a model, with the given fields replaced.

    Args:
        name: see `resolve_model`: the embedded encoder has a recipe of its own, all others have
            the published one.
        given: fields of `PropertyOptions` to replace.

    Raises:
        ConfigError, UnknownNameError: as `PropertyOptions` does.
    """
    recorded = EMBEDDED if resolve_model(name).kind == "embedded" else {}
    return PropertyOptions(**{**recorded, **given})
