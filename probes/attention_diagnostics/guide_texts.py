"""The attention weights that guide a word classifier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..attention_explanation.first_rows import attention_pass
from ..attention_explanation.sorted_batches import batches_of
from ..forward.base import Context
from ..forward.texts import Texts
from .guide import GuidedText


def guide_weights(
    context: Context, texts: Texts, layers: Sequence[int], size: int
) -> list[npt.NDArray[np.float64]]:
    """The mean first row of the kept heads over the pieces of words, summing to 1, text by text.

    Uniform where no head is kept, or none of its weight is on a word.
    """
    found: dict[int, npt.NDArray[np.float64]] = {}
    alive = torch.tensor(context.alive[list(layers)])
    for batch in batches_of(context, texts, range(len(texts.examples)), size):
        passed = attention_pass(context, batch)
        rows = passed.maps[list(layers)][:, :, :, 0].transpose(0, 1)
        mean = rows[:, alive.to(rows.device)].mean(1).nan_to_num()
        for place, row, inside in zip(
            batch.position.tolist(), mean, batch.real & ~batch.special, strict=True
        ):
            weights = row[inside].double().cpu().numpy()
            total = weights.sum()
            found[place] = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
    return [found[place] for place in range(len(texts.examples))]


def guided_texts(
    context: Context,
    texts: Texts,
    own: Sequence[npt.NDArray[np.float64]],
    against: Sequence[npt.NDArray[np.float64]],
) -> list[GuidedText]:
    """The input of word classifiers for each text, with uniform, own and other weights."""
    device, dtype = context.model.device, context.model.dtype
    found = []
    for example, encoded, mine, theirs in zip(
        texts.examples, texts.encoded, own, against, strict=True
    ):
        ids = [i for i, s in zip(encoded.input_ids, encoded.special, strict=True) if not s]
        weights = np.stack([np.full(len(ids), 1 / len(ids)), mine, theirs])
        assert example.label is not None
        found.append(
            GuidedText(
                torch.tensor(ids, device=device),
                torch.tensor(weights, dtype=dtype, device=device),
                int(example.label),
            )
        )
    return found
