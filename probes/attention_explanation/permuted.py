"""The change of the output when the weights of a row are permuted (Jain & Wallace 2019, 4.2)."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from ..forward.base import BatchView, Context
from .agreement import total_variation
from .first_rows import AttentionPass
from .replaced_attention import attention_replaced


def text_generator(name: str, seed: int) -> np.random.Generator:
    """Draws for one text that depend only on its id and the seed, not on other texts."""
    drawn = hashlib.sha256(f"{seed}\x1f{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(drawn[:16], "big"))


def permuted_output(
    context: Context,
    batch: BatchView,
    found: AttentionPass,
    *,
    permutations: int,
    seed: int,
    texts: int,
) -> torch.Tensor:
    """Median change of the output over permutations [B, L + 1].

    All heads of a layer get the same permutation of their weights on the real tokens of the text,
    in the row of the first token.

    Args:
        context: a classifier that runs under its mask.
        batch: the texts.
        found: their maps and logits.
        permutations: of each text, the same in every layer.
        seed: draws them.
        texts: that are run at once.

    Returns:
        total variation distance of the class probabilities, layer by layer and, last, with the rows
        of all layers permuted at once.
    """
    rows = found.maps[:, :, :, 0]  # [L, B, H, S]
    L, B, _, S = rows.shape
    orders = _orders(batch, permutations, seed).to(rows.device)  # [P, B, S]
    place = torch.arange(B, device=rows.device).repeat(permutations)
    flat, whole = orders.reshape(-1, S), found.logits.softmax(-1)
    moved = whole.new_zeros(L + 1, len(flat))
    for chosen in torch.split(torch.arange(len(flat), device=rows.device), texts):
        text, order = place[chosen], flat[chosen][:, None]
        inputs = {name: one[text] for name, one in batch.inputs.items()}
        swapped = {
            layer: rows[layer, text].gather(2, order.expand(-1, rows.shape[2], -1))
            for layer in range(L)
        }
        for part in range(L + 1):
            changed = swapped if part == L else {part: swapped[part]}
            with torch.no_grad(), attention_replaced(context, changed):
                after = context.model(**inputs).logits.softmax(-1)
            moved[part, chosen] = total_variation(after, whole[text])
    # of an even number, the mean of the two in the middle
    return moved.view(L + 1, permutations, B).quantile(0.5, dim=1).T


def _orders(batch: BatchView, permutations: int, seed: int) -> torch.Tensor:
    """Orders of the tokens [P, B, S]; padding stays where it is."""
    S = batch.real.shape[1]
    orders = np.tile(np.arange(S), (permutations, len(batch.examples), 1))
    lengths = batch.real.sum(1).tolist()
    for row, (example, n) in enumerate(zip(batch.examples, lengths, strict=True)):
        draw = text_generator(example.id, seed)
        orders[:, row, :n] = draw.permuted(orders[:, row, :n], axis=1)
    return torch.from_numpy(orders)
