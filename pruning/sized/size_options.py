"""Options for learning gates towards a size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...data.errors import ConfigError, UnknownNameError
from ..learned.blocks import SINGLE, block_of
from .names import FORMS, GATE_CRITERIA, UNITS_TO_SIZE


@dataclass(frozen=True)
class SizeOptions:
    """Options for learning gates towards a size.

    Attributes:
        keep: share of the gated units to keep, between 0 and 1.
        form: `hard-concrete` or `continuous-sparsification`.
        units: the units with gates (see `unit_gates.UNITS`); those of several types compete.
        block: weights that share a gate, as ROWSxCOLUMNS; only for the units `weights`.
        criterion: what is minimised: `kl`, the divergence from the full model (of a regression,
            the squared difference of the outputs), or `loss`, that of the task.
        learning_rate: learning rate of Adam for the gates.
        multiplier_rate: learning rate of Adam for the multipliers of the size.
        ramp: share of the training during which the target sparsity rises linearly from 0.
        start: value of every gate at the start, without noise.
        final_beta: beta after the last epoch, for continuous sparsification.
        temperature: temperature of the hard concrete distribution.
        epochs: number of passes over the training examples.
        batch_size: number of examples per step, which share one draw of the gates.
        frozen: train only the gates, without dropout; otherwise the encoder and its task head as
            well.
        seed: seed of the order of examples, of masked pieces, of the gates and of dropout.

    Raises:
        ConfigError: if a number is out of range.
        UnknownNameError: if a form, a type of unit or a criterion is unknown.
    """

    keep: float
    form: str = "hard-concrete"
    units: str = "heads-mlps"
    block: str = "1x1"
    criterion: str = "kl"
    learning_rate: float = 0.1
    multiplier_rate: float = 0.05
    ramp: float = 0.5
    start: float = 0.9
    final_beta: float = 200.0
    temperature: float = 2 / 3
    epochs: int = 6
    batch_size: int = 8
    frozen: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise UnknownNameError("form of gates", self.form, FORMS)
        if self.units not in UNITS_TO_SIZE:
            raise UnknownNameError("kind of units", self.units, UNITS_TO_SIZE)
        if self.criterion not in GATE_CRITERIA:
            raise UnknownNameError("criterion of gates", self.criterion, GATE_CRITERIA)
        rows, columns = block_of(self.block)
        if self.units != "weights" and (rows, columns) != SINGLE:
            raise ConfigError(
                f"a block of weights needs units weights, got {self.units}", where="`block`"
            )
        if not 0 < self.keep < 1:
            raise ConfigError(f"must be between 0 and 1, got {self.keep}", where="`keep`")
        positive = {
            "learning rate of the gates": self.learning_rate,
            "learning rate of the multipliers": self.multiplier_rate,
            "temperature": self.temperature,
        }
        for name, value in positive.items():
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"the {name} must be > 0, got {value}")
        if not (math.isfinite(self.final_beta) and self.final_beta >= 1):
            raise ConfigError(f"the final beta must be >= 1, got {self.final_beta}")
        if not 0 <= self.ramp <= 1:
            raise ConfigError(f"the ramp must be between 0 and 1, got {self.ramp}")
        if not 0 < self.start < 1:
            raise ConfigError(f"gates must start between 0 and 1, got {self.start}")
        if self.epochs < 1 or self.batch_size < 1:
            raise ConfigError(
                f"epochs and batch size must be >= 1, got {self.epochs} and {self.batch_size}",
                remedy="set both to at least 1",
            )
