"""Different attention with the same output (Jain & Wallace 2019, 4.2.2 and equation 1).

K rows per head are optimised to be as far as possible from the model's own and from each other, by
Jensen-Shannon divergence, while the class probabilities change by at most epsilon in total
variation. The constraint is a penalty: lambda times the excess over epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..forward.base import BatchView, Context
from .agreement import jensen_shannon, total_variation
from .finite_gradients import check_gradients
from .first_rows import AttentionPass
from .permuted import text_generator
from .replaced_attention import attention_replaced


@dataclass(frozen=True)
class Search:
    """Settings of the adversary.

    Attributes:
        layers: whose first rows may change.
        copies: K, started from different rows.
        steps: of Adam.
        rate: its learning rate.
        epsilon: the maximum change of the output.
        penalty: lambda.
        seed: draws the rows that the copies start from.
    """

    layers: tuple[int, ...]
    copies: int = 3
    steps: int = 100
    rate: float = 0.1
    epsilon: float = 0.01
    penalty: float = 500.0
    seed: int = 0


def adversarial_divergence(
    context: Context, batch: BatchView, found: AttentionPass, search: Search
) -> torch.Tensor:
    """The largest divergence of admissible attention from the model's own, in nats [B].

    The mean over the kept heads of the searched layers. The model's own attention is admissible, so
    the minimum is 0; rows are evaluated after every step, not only after the last. NaN for all
    texts where no searched layer has a kept head.

    Args:
        context: a classifier that runs under its mask; its parameters need no gradient.
        batch: the texts.
        found: their maps and logits.
        search: how.

    Raises:
        InputError: if a gradient is NaN or infinite.
    """
    alive = torch.tensor(context.alive[list(search.layers)]).to(batch.real.device)
    own = found.maps[list(search.layers)][:, :, :, 0].transpose(0, 1)  # [B, A, H, S]
    B, K, S = len(own), search.copies, own.shape[-1]
    if not alive.any():
        return own.new_full((B,), torch.nan)
    inputs = {name: one.repeat(K, 1) for name, one in batch.inputs.items()}
    whole, kept = found.logits.softmax(-1), ~batch.real[None, :, None, None]
    scores = _starts(batch, (K, *own.shape[1:3], S), search).to(own).requires_grad_()
    optimiser = torch.optim.Adam([scores], lr=search.rate, amsgrad=True)
    best = own.new_zeros(B)
    pairs = torch.triu_indices(K, K, 1)
    for step in range(search.steps + 1):
        with torch.enable_grad():
            rows = scores.masked_fill(kept, -torch.inf).softmax(-1)  # [K, B, A, H, S]
            flat = rows.flatten(0, 1)
            given = {layer: flat[:, place] for place, layer in enumerate(search.layers)}
            with attention_replaced(context, given):
                after = context.model(**inputs).logits.softmax(-1).view(K, B, -1)
            moved = total_variation(after, whole)  # [K, B]
            away = jensen_shannon(rows, own)[:, :, alive].mean(-1)
            apart = jensen_shannon(rows[pairs[0]], rows[pairs[1]])[:, :, alive].mean(-1)
            gained = away.sum(0) + apart.sum(0) / max(1, K * (K - 1))
            lost = search.penalty / K * (moved - search.epsilon).clamp_min(0).sum(0)
            loss = (lost - gained).sum()
        admissible = torch.where(moved <= search.epsilon, away, 0.0).detach()
        best = torch.maximum(best, admissible.max(0).values)
        if step < search.steps:
            (scores.grad,) = torch.autograd.grad(loss, scores)
            check_gradients("attention-explanation", scores.grad)
            optimiser.step()
    return best


def _starts(batch: BatchView, shape: tuple[int, ...], search: Search) -> torch.Tensor:
    """Log weights that the copies start from [K, B, A, H, S], drawn text by text."""
    K, A, H, S = shape
    scores = np.zeros((K, len(batch.examples), A, H, S))
    lengths = batch.real.sum(1).tolist()
    for row, (example, n) in enumerate(zip(batch.examples, lengths, strict=True)):
        draw = text_generator(example.id, search.seed)
        scores[:, row, :, :, :n] = draw.normal(size=(K, A, H, n))
    return torch.from_numpy(scores)
