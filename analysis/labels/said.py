"""What a model predicts, as metrics by label read it."""

from __future__ import annotations

from typing import Protocol

from ..statistics.clusters import Units
from ..statistics.uncertainty import Floats


class Said(Protocol):
    """Predictions of N examples by a model of one seed, in each of its D draws."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The examples."""

    @property
    def gold(self) -> Floats:
        """Class ids [N]."""

    @property
    def predictions(self) -> Floats:
        """Class ids [N, D]."""

    @property
    def units(self) -> Units:
        """The cluster of each example [N]."""
