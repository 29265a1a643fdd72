"""The steps by name: the function that computes a cell, its version, and its cost."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...data.errors import UnknownNameError

if TYPE_CHECKING:
    from ..cell_output import CellOutput

_CELLS = f"{__name__.split('.analysis.')[0]}.analysis.cells"
"""The package of the steps."""


@dataclass(frozen=True)
class Step:
    """One kind of cell.

    Attributes:
        version: to be increased when the output changes for the same inputs and options.
        code: the function that takes a `Work` and returns a `CellOutput`, as `module:name` in this
            package; imported when it runs.
        weight: duration relative to other steps, used if nothing was measured.
        trains: whether it produces a trained model.
        runs_model: whether it is faster on a GPU.
        partial: whether it is computed although an input had nothing to compute.
    """

    version: int
    code: str
    weight: float
    trains: bool = False
    runs_model: bool = True
    partial: bool = False

    def load(self) -> Callable[[Any], CellOutput]:
        """The function itself."""
        found: Callable[[Any], CellOutput] = pkgutil.resolve_name(f"{_CELLS}.{self.code}")
        return found


STEPS: Mapping[str, Step] = {
    "readings": Step(1, "readings:read", 2, runs_model=False),
    "finetune": Step(3, "training:finetune_full", 50, trains=True),
    "retrain": Step(5, "training:retrain", 40, trains=True),
    "untrained": Step(4, "training:train_untrained", 50, trains=True),
    "round": Step(3, "lottery:one_round", 50),
    "ticket": Step(1, "lottery:ticket", 1, runs_model=False),
    "prune": Step(5, "searching:search", 15),
    "nullsearch": Step(1, "untrained_null:search", 15),
    "nullscore": Step(1, "untrained_null:score", 1),
    "nullcontrast": Step(1, "untrained_null:contrast", 0.5, runs_model=False),
    "curve": Step(2, "curves:score", 40),
    "curvesuper": Step(2, "curves:score_super", 3),
    "curvetables": Step(2, "curves:tables", 2, runs_model=False),
    "samemask": Step(1, "same_score.computed:search", 15),
    "samescore": Step(1, "same_score.computed:score", 1),
    "sameprobe": Step(1, "same_score.computed:probe", 4),
    "samecore": Step(1, "same_score.computed:score_core", 100),
    "sametables": Step(1, "same_score.tables:tables", 2, runs_model=False, partial=True),
    "across": Step(1, "searching:across", 1, runs_model=False),
    "mask": Step(1, "searching:of_mask", 0.2, runs_model=False),
    "evaluate": Step(4, "scoring:score", 1),
    "words": Step(4, "scoring:score_words", 1, runs_model=False),
    "partial": Step(1, "easy_hard:partial_by_ngrams", 1, runs_model=False),
    "partialencoder": Step(1, "easy_hard:partial_by_encoder", 40),
    "difficulty": Step(1, "easy_hard:difficulty", 0.2, runs_model=False),
    "probe": Step(4, "probing:probe", 4),
    "survivors": Step(1, "surviving:survivors", 1, runs_model=False),
}
"""Every step of a run; nothing here imports torch."""

VERSIONS: Mapping[str, int] = {name: step.version for name, step in STEPS.items()}


def find_step(name: str) -> Step:
    """A step by name.

    Raises:
        UnknownNameError: if there is no such step.
    """
    if name not in STEPS:
        raise UnknownNameError("step", name, STEPS)
    return STEPS[name]
