"""The inputs whose activations replace those of pruned units, as arrays of a mask file.

A pool holds N inputs, and how an input finds its partner among them: by a table (counterfactual
inputs), or by a draw that depends only on a seed and the content of the input (another example).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import MaskError
from .input_rows import Ids, InputRow, Types

MAX_SUBWORDS = 4_000_000
"""Maximum number of subwords of all inputs of a pool, at 5 bytes each: 20 MB in the mask file."""

_PREFIX = "donors."

Keys = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Table:
    """A number for each of M inputs, found by their content.

    Attributes:
        keys: keys of the inputs, ascending [M].
        values: their numbers [M].
    """

    keys: Keys = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    values: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int32))

    @classmethod
    def of(cls, numbers: Mapping[int, int]) -> Table:
        """A table of key -> number."""
        keys = sorted(numbers)
        values = np.array([numbers[key] for key in keys], dtype=np.int32)
        return cls(np.array(keys, dtype=np.int64), values)

    def get(self, key: int) -> int | None:
        """The number of an input; None if the table does not have it."""
        place = int(np.searchsorted(self.keys, key))
        found = place < len(self.keys) and int(self.keys[place]) == key
        return int(self.values[place]) if found else None

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, eq=False)
class Donors:
    """N inputs without padding, one after another.

    Attributes:
        ids: their subword ids [T].
        types: segment of each subword [T].
        lengths: number of subwords of each input [N]; T is their sum.
    """

    ids: Ids
    types: Types
    lengths: Numbers

    @classmethod
    def of(cls, rows: Sequence[InputRow]) -> Donors:
        """Store inputs.

        Raises:
            MaskError: if there are none, or they have more than `MAX_SUBWORDS` subwords.
        """
        if not rows:
            raise MaskError("there are no inputs whose activations could replace pruned units")
        total = sum(len(row) for row in rows)
        if total > MAX_SUBWORDS:
            raise MaskError(
                f"{len(rows):,} inputs with {total:,} subwords are too many for a mask file; the "
                f"maximum is {MAX_SUBWORDS:,}",
                remedy="use fewer examples (`limit`), or the ablation resample",
            )
        return cls(
            np.concatenate([row.ids for row in rows]),
            np.concatenate([row.types for row in rows]),
            np.array([len(row) for row in rows], dtype=np.int32),
        )

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        """Where each input ends among the subwords of all [N]."""
        return np.cumsum(self.lengths, dtype=np.int64)

    @cached_property
    def keys(self) -> Keys:
        """The key of each input [N]."""
        return np.array([self.row(number).key for number in range(len(self))], dtype=np.int64)

    def row(self, number: int) -> InputRow:
        """One of the inputs."""
        end = int(self._ends[number])
        here = slice(end - int(self.lengths[number]), end)
        return InputRow(self.ids[here], self.types[here])

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays as a mask file names them."""
        named: dict[str, npt.NDArray[Any]] = {
            "ids": self.ids,
            "types": self.types,
            "lengths": self.lengths,
        }
        return {f"{_PREFIX}{name}": array for name, array in named.items()}


def read_donors(constants: Mapping[str, npt.NDArray[Any]]) -> Donors:
    """The inputs in a mask file.

    Raises:
        MaskError: if arrays are missing or do not match each other.
    """
    ids = numbers(constants, f"{_PREFIX}ids")
    types = numbers(constants, f"{_PREFIX}types")
    lengths = numbers(constants, f"{_PREFIX}lengths")
    whole = (
        lengths.size and int(lengths.min()) >= 1 and int(lengths.sum(dtype=np.int64)) == len(ids)
    )
    if not whole or len(types) != len(ids) or int(ids.min()) < 0 or int(types.max()) > 255:
        raise MaskError(
            f"the mask has {lengths.size} inputs with {int(lengths.sum(dtype=np.int64))} subwords, "
            f"but {len(ids)} subword ids and {len(types)} segments",
            remedy="find the mask again",
        )
    return Donors(ids.astype(np.int32), types.astype(np.uint8), lengths.astype(np.int32))


def table_arrays(name: str, table: Table) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a table as a mask file names them."""
    return {f"{name}.keys": table.keys, f"{name}.values": table.values}


def read_table(constants: Mapping[str, npt.NDArray[Any]], name: str, most: int) -> Table:
    """A table in a mask file.

    Args:
        constants: the arrays of the file.
        name: the name of the table.
        most: its largest number must be below this.

    Raises:
        MaskError: if an array is missing, keys are not ascending, or a number is out of range.
    """
    keys, values = numbers(constants, f"{name}.keys"), numbers(constants, f"{name}.values")
    sound = len(keys) == len(values) and bool((np.diff(keys) > 0).all())
    if not sound or (values.size and not 0 <= int(values.min()) <= int(values.max()) < most):
        raise MaskError(f"the table {name} of the mask is invalid", remedy="find the mask again")
    return Table(keys.astype(np.int64), values.astype(np.int32))


def numbers(constants: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    """An array of whole numbers with one dimension from a mask file.

    Raises:
        MaskError: if it is missing, or another kind of array.
    """
    array = constants.get(name)
    if array is None or array.ndim != 1 or array.dtype.kind not in "iu":
        found = "nothing" if array is None else f"{array.dtype} {list(array.shape)}"
        raise MaskError(
            f"the mask needs whole numbers [N] as {name}, but it has {found}",
            remedy="find the mask again",
        )
    return array
