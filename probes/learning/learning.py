"""The training data of a probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ...data.sentences.sentence import Example
from ..forward.needs import NAMES, Layer, split_readable
from ..states.cache import StateCache

Arrays = Mapping[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Learning:
    """Training texts, and the store of hidden states.

    The texts are disjoint from those that are scored.

    Attributes:
        train: the part that weights are trained on.
        dev: the part for early stopping and for choosing settings such as the learning rate.
        how: how the parts were made: `given`, `by document`, `by sentence` or `generated`.
        states: the hidden states of texts, shared by all probes on a model.
        whole: the `arrays` of the same probe on the full model if a mask of it is probed, else
            empty; transferred probes are read from them.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    how: str
    states: StateCache
    whole: Arrays = field(default_factory=dict)

    def readable(self, probe: str, needs: Sequence[Layer]) -> Learning:
        """The same, restricted to examples that have some annotation layers.

        Raises:
            InputError: if none is left to learn from.
        """
        train, _ = split_readable(self.train, needs)
        dev, _ = split_readable(self.dev, needs)
        for part, kept in (("train", train), ("dev", dev)):
            if not kept:
                missing = " and no ".join(NAMES[layer] for layer in needs)
                raise InputError(
                    f"no sentence of the {part} part can be read: they have no {missing}",
                    where=probe,
                    remedy="name an annotated treebank, or parse this one with spaCy (`reparse`)",
                )
        return replace(self, train=tuple(train), dev=tuple(dev))
