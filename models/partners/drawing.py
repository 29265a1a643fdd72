"""Which input of a pool is the partner of an input: by a draw, or by a table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError
from ...data.seeds import SEEDS
from .donors import Donors, Table, numbers, read_donors, read_table, table_arrays
from .input_rows import InputRow

MATCHES = ("any", "label", "length", "label-length")
"""The inputs among which a partner is drawn: all others; those of the same class; those whose
length in subwords is nearest to that of the input; and of the same class, those of nearest
length."""

_LABELS, _PAIRS, _RULE = "labels", "pairs", "donors.rule"


@dataclass(frozen=True, eq=False)
class Drawn:
    """Another example as the partner, drawn by seed and content of the input.

    The draw is uniform among the inputs that `match` allows, and never gives the input itself. An
    input whose class the mask does not know, such as a sentence of another corpus, draws from all
    classes.

    Attributes:
        donors: the pool.
        seed: of the draws.
        match: one of `MATCHES`.
        own_labels: class of each input of the pool [N]; None = not known.
        labels: classes of the inputs that are known, by their content.
    """

    donors: Donors
    seed: int
    match: str = "any"
    own_labels: npt.NDArray[np.int32] | None = None
    labels: Table = field(default_factory=Table)

    def of(self, row: InputRow) -> int:
        """The number of its partner in the pool."""
        key = row.key
        others = self.donors.keys != key
        allowed = others
        if "label" in self.match and self.own_labels is not None:
            label = self.labels.get(key)
            same = others if label is None else others & (self.own_labels == label)
            allowed = same if same.any() else others
        places = np.flatnonzero(allowed)
        if "length" in self.match:
            far = np.abs(self.donors.lengths[places] - len(row))
            places = places[far == far.min()]
        drawn = hashlib.blake2b(f"{self.seed} {key}".encode(), digest_size=8).digest()
        return int(places[int.from_bytes(drawn, "little") % len(places)])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays as a mask file names them."""
        rule = np.array([self.seed, MATCHES.index(self.match)], dtype=np.int64)
        found = {**self.donors.arrays(), _RULE: rule}
        if self.own_labels is not None:
            found |= {"donors.labels": self.own_labels, **table_arrays(_LABELS, self.labels)}
        return found


@dataclass(frozen=True, eq=False)
class Paired:
    """The counterfactual input as the partner, from a table.

    Attributes:
        donors: the counterfactual inputs.
        pairs: number of the partner of each known input, by its content.
    """

    donors: Donors
    pairs: Table

    def of(self, row: InputRow) -> int:
        """The number of its partner in the pool.

        Raises:
            MaskError: if the mask has no counterfactual for the input.
        """
        number = self.pairs.get(row.key)
        if number is None:
            raise MaskError(
                f"the mask has no counterfactual for an input of {len(row)} subwords: it knows the "
                f"{len(self.pairs):,} examples for which it was made",
                remedy="pair the examples of your task anew (`ablation` counterfactual), or use "
                "the ablation resample or mean",
            )
        if len(row) != self.donors.lengths[number]:
            raise MaskError(
                f"the counterfactual of an input of {len(row)} subwords has "
                f"{int(self.donors.lengths[number])}",
                remedy="find the mask again",
            )
        return number

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays as a mask file names them."""
        return {**self.donors.arrays(), **table_arrays(_PAIRS, self.pairs)}


Partners = Drawn | Paired
"""Finds the partner of an input among `donors`."""


def draws_of(constants: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """How a mask draws partners, `seed` and `match`, as arguments of `with_ablation`.

    Empty if it draws none.

    Raises:
        MaskError: if the arrays are not sound.
    """
    if _RULE not in constants:
        return {}
    rule = numbers(constants, _RULE)
    if len(rule) != 2 or not 0 <= rule[0] < SEEDS or not 0 <= rule[1] < len(MATCHES):
        raise MaskError(f"{_RULE} of the mask is {rule.tolist()[:3]}", remedy="find the mask again")
    return {"seed": int(rule[0]), "match": MATCHES[int(rule[1])]}


def read_partners(ablation: str, constants: Mapping[str, npt.NDArray[Any]]) -> Partners:
    """The pool in a mask file and its rule.

    Args:
        ablation: `resample` or `counterfactual`.
        constants: the arrays of the mask.

    Raises:
        MaskError: if the arrays are not sound.
    """
    donors = read_donors(constants)
    if ablation == "counterfactual":
        return Paired(donors, read_table(constants, _PAIRS, len(donors)))
    draws = draws_of(constants)
    if not draws:
        raise MaskError(f"the mask has no {_RULE}", remedy="find the mask again")
    if len(np.unique(donors.keys)) < 2:
        raise MaskError("the mask has fewer than 2 different inputs to draw from")
    if "label" not in draws["match"]:
        return Drawn(donors, **draws)
    own = numbers(constants, "donors.labels").astype(np.int32)
    if len(own) != len(donors) or int(own.min()) < 0:
        raise MaskError("donors.labels of the mask are invalid", remedy="find the mask again")
    labels = read_table(constants, _LABELS, int(own.max()) + 1)
    return Drawn(donors, own_labels=own, labels=labels, **draws)
