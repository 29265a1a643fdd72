"""The inputs of a model without padding, and a key of their content.

What replaces a unit on an input depends only on that content, so that batches, their order and
their padding do not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.encoding.collate import Batch

Ids = npt.NDArray[np.int32]
Types = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class InputRow:
    """One input as the model reads it, without padding.

    Attributes:
        ids: subword ids, special tokens included [S].
        types: segment of each subword [S]; zeros where the model reads none.
    """

    ids: Ids
    types: Types

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def key(self) -> int:
        """A hash of ids and segments, 64 bits with a sign; the same on every machine."""
        content = self.ids.astype("<i4").tobytes() + b"\0" + self.types.astype("u1").tobytes()
        hashed = hashlib.blake2b(content, digest_size=8).digest()
        return int.from_bytes(hashed, "little", signed=True)


def input_rows(ids: Any, attention: Any = None, types: Any = None) -> list[InputRow]:
    """The inputs of a batch, in order.

    Args:
        ids: subword ids [..., S], such as [B, S] or [B, K, S] of questions with K options.
        attention: 1 for subwords, 0 for padding on either side, in the same shape; None = there is
            no padding.
        types: segments in the same shape; None = all 0.
    """
    flat = np.asarray(ids).reshape(-1, np.shape(ids)[-1])
    real = np.ones(flat.shape, dtype=np.bool_) if attention is None else np.asarray(attention) != 0
    segments = np.zeros(flat.shape) if types is None else np.asarray(types)
    real, segments = real.reshape(flat.shape), segments.reshape(flat.shape)
    return [
        InputRow(row[here].astype(np.int32), own[here].astype(np.uint8))
        for row, here, own in zip(flat, real, segments, strict=True)
    ]


def rows_of_batches(batches: Iterable[Batch]) -> list[tuple[InputRow, ...]]:
    """The inputs of each example, in the order of the examples: one, or one for each option."""
    found: dict[int, tuple[InputRow, ...]] = {}
    for batch in batches:
        types = None if batch.token_type_ids is None else batch.token_type_ids.numpy()
        rows = input_rows(batch.input_ids.numpy(), batch.attention_mask.numpy(), types)
        each = len(rows) // len(batch.index)
        for place, example in enumerate(batch.index):
            found[example] = tuple(rows[place * each : place * each + each])
    return [found[example] for example in sorted(found)]
