"""Logits of texts without some of their pieces, in batches of nearly equal length.

One text gives rise to dozens: each word left out, the words that an attribution puts first, random
words. Identical texts are read once, and texts are sorted by length, so that there is little
padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.alignment import Encoded
from ...data.errors import CheckpointError

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]
Ids = npt.NDArray[np.int64]

Removal = Literal["delete", "pad", "mask"]
"""How pieces are removed: deleted (the text gets shorter), or replaced by a token."""


@dataclass(frozen=True)
class Reduced:
    """One text without some of its pieces.

    Attributes:
        text: number of the text.
        out: which of its S pieces are left out; padding behind them counts for nothing [>= S].
    """

    text: int
    out: Chosen


class PackedReader:
    """Reads texts with pieces left out.

    Args:
        model: gives logits [B, K] of `inputs_embeds`, such as that of `classifying_as`.
        embeddings: its word embeddings.
        tokenizer: provides the replacement token.
        encoded: the texts [N].
        removal: how pieces are removed.
        batch_size: texts per forward pass.

    Raises:
        CheckpointError: if the tokenizer has no such replacement token.
    """

    def __init__(
        self,
        model: Any,
        embeddings: Any,
        tokenizer: Any,
        encoded: Sequence[Encoded],
        *,
        removal: Removal = "delete",
        batch_size: int = 64,
    ):
        self._model, self._embeddings = model, embeddings
        self._batch_size = batch_size
        self._ids = [np.array(one.input_ids, dtype=np.int64) for one in encoded]
        types = [one.token_type_ids for one in encoded]
        self._types = [None if one is None else np.array(one, dtype=np.int64) for one in types]
        self._pad = tokenizer.pad_token_id or 0
        self._instead = None if removal == "delete" else _stand_in(tokenizer, removal)

    def logits(self, wanted: Sequence[Reduced]) -> Floats:
        """Logits of each text [M, K], in the order of `wanted`."""
        place: dict[tuple[int, bytes], int] = {}
        rows: list[tuple[Ids, Ids | None]] = []
        where = np.empty(len(wanted), dtype=np.int64)
        for number, one in enumerate(wanted):
            out = one.out[: len(self._ids[one.text])]
            key = (one.text, out.tobytes())
            if key not in place:
                place[key] = len(rows)
                rows.append(self._without(one.text, out))
            where[number] = place[key]
        order = sorted(range(len(rows)), key=lambda row: -len(rows[row][0]))
        found: list[Floats] = []
        with torch.inference_mode():
            for batch in self._batches([rows[row] for row in order]):
                ids = batch.pop("input_ids")
                logits = self._model(inputs_embeds=self._embeddings(ids), **batch).logits
                found.append(logits.double().cpu().numpy())
        read = np.concatenate(found)
        ordered = np.empty_like(read)
        ordered[order] = read
        return np.asarray(ordered[where])

    def _without(self, text: int, out: Chosen) -> tuple[Ids, Ids | None]:
        """Ids and token types of a text without some pieces."""
        ids, types = self._ids[text], self._types[text]
        if self._instead is not None:
            return np.where(out, self._instead, ids), types
        return ids[~out], None if types is None else types[~out]

    def _batches(self, rows: Sequence[tuple[Ids, Ids | None]]) -> Iterator[dict[str, torch.Tensor]]:
        """Inputs of texts in their order, padded on the right to the longest of each batch."""
        device = self._model.device
        for start in range(0, len(rows), self._batch_size):
            chosen = rows[start : start + self._batch_size]
            lengths = np.array([len(ids) for ids, _ in chosen])
            real = np.arange(lengths.max())[None, :] < lengths[:, None]
            ids = np.full(real.shape, self._pad, dtype=np.int64)
            ids[real] = np.concatenate([row for row, _ in chosen])
            arrays = {"input_ids": ids, "attention_mask": real.astype(np.int64)}
            given = [types for _, types in chosen if types is not None]
            if given:
                arrays["token_type_ids"] = np.zeros(real.shape, dtype=np.int64)
                arrays["token_type_ids"][real] = np.concatenate(given)
            yield {name: torch.from_numpy(one).to(device) for name, one in arrays.items()}


def _stand_in(tokenizer: Any, removal: Removal) -> int:
    """The replacement token for removed pieces.

    Raises:
        CheckpointError: if there is none.
    """
    found = tokenizer.pad_token_id if removal == "pad" else tokenizer.mask_token_id
    if found is None:
        name = {"pad": "padding", "mask": "mask"}.get(removal)
        raise CheckpointError(
            f"the tokenizer has no {name} token to replace words with",
            remedy="delete words instead: `removal` delete",
        )
    return int(found)
