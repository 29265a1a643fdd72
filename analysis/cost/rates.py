"""The speed of a machine: calibrated, or a usual value for its kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Basis = Literal["measured", "calibrated", "estimate"]
"""The source of a number: finished cells, a calibration, or operations at a usual rate."""


@dataclass(frozen=True)
class Rates:
    """The speed of a machine.

    Attributes:
        flops: kind of passes, or name of a probe -> floating-point operations per second.
        start: seconds of a cell in addition to its passes: reading the model, writing the output.
        weight: seconds of a cell without passes whose step has weight 1.
        basis: `calibrated`, or `estimate`.
        about: description of the machine.
    """

    flops: Mapping[str, float]
    start: float
    weight: float
    basis: Basis
    about: str

    def seconds(self, kind: str, amount: float, probe: str = "") -> float:
        """The seconds that a cell takes.

        Args:
            kind: kind of its passes; `other` = none.
            amount: operations, or the weight of its step.
            probe: the probe that it runs, if any.
        """
        if kind == "other":
            return self.weight * amount
        return self.start + amount / self.flops.get(probe, self.flops[kind])


_GPU = Rates(
    {"train": 1.0e13, "score": 1.0e13, "probe": 1.0e12},
    start=2.0,
    weight=1.0,
    basis="estimate",
    about="one GPU at 10 TFLOP/s in float32, about half of the peak of an A100",
)

_CORE = {"train": 5.0e10, "score": 8.0e10, "probe": 4.0e10}
"""Operations per second of one idle core of the 2020s, with the embedded encoder, short texts."""


def usual_rates(device: str, threads: int = 1) -> Rates:
    """The rates of a usual machine, used if nothing was measured.

    Args:
        device: `cuda`, `cpu`, or `auto`: a GPU if this machine seems to have one.
        threads: number of threads per cell, on a processor.
    """
    if device == "cuda" or (device == "auto" and _has_gpu()):
        return _GPU
    flops = {kind: rate * threads for kind, rate in _CORE.items()}
    said = f"{threads} processor thread{'' if threads == 1 else 's'}"
    about = f"{said} of {_CORE['train'] / 1e9:.0f} GFLOP/s each"
    return Rates(flops, start=0.5, weight=0.5, basis="estimate", about=about)


def _has_gpu() -> bool:
    """Whether there is an NVIDIA device; not asked of torch, which takes seconds to import."""
    return Path("/dev/nvidia0").exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""
