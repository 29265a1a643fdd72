"""What a probe that learns is given beside the texts that it is scored on."""

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
    """Texts to learn from, and where hidden states are kept.

    None of the texts is among those that the probe is scored on.

    Attributes:
        train: what weights are learnt from.
        dev: what decides when training stops, and on settings such as the learning rate.
        how: how the parts were made: `given`, `by document`, `by sentence` or `generated`.
        states: the hidden states of texts, shared by all probes on a model.
        whole: the `arrays` that the same probe gave on the whole model, where this is a mask of it;
            else empty. They are what a transferred probe is read from.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    how: str
    states: StateCache
    whole: Arrays = field(default_factory=dict)

    def readable(self, probe: str, needs: Sequence[Layer]) -> Learning:
        """The same with the examples alone that have some layers of annotation.

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
