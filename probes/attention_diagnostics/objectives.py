"""Training objectives of copies: the task, or different attention with the same output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import torch

from ..attention_explanation.agreement import total_variation
from ..attention_explanation.first_rows import attention_pass
from ..attention_explanation.replaced_attention import attention_replaced
from ..forward.base import BatchView, Context
from .copies import Loss


def labels_of(batch: BatchView) -> torch.Tensor:
    """The classes of a batch [B]."""
    known = [int(example.label) for example in batch.examples if example.label is not None]
    return torch.tensor(known, device=batch.real.device)


@contextmanager
def uniform_attention(context: Context, batch: BatchView, layers: Sequence[int]) -> Iterator[None]:
    """Equal weights on all real tokens, in every row of the layers."""
    weights = batch.real.to(batch.source.dtype)
    weights = weights / weights.sum(1, keepdim=True)
    S = weights.shape[1]
    maps = weights[:, None, None].expand(-1, 1, S, S)
    with attention_replaced(context, dict.fromkeys(layers, maps)):
        yield


def task_loss(layers: Sequence[int], *, uniform: bool = False) -> Loss:
    """Cross-entropy, with equal weights in some layers if asked for."""

    def loss(context: Context, batch: BatchView) -> torch.Tensor:
        with ExitStack() as stack:
            if uniform:
                stack.enter_context(uniform_attention(context, batch, layers))
            logits = context.model(**batch.inputs).logits
        return torch.nn.functional.cross_entropy(logits, labels_of(batch), reduction="none")

    return loss


def adversary_loss(original: Context, layers: Sequence[int], factor: float) -> Loss:
    """Total variation of the output, less lambda times KL(adversary || model) of the rows."""
    alive = torch.tensor(original.alive[list(layers)])

    def loss(context: Context, batch: BatchView) -> torch.Tensor:
        base = attention_pass(original, batch)
        found = attention_pass(context, batch, gradient=True)
        moved = total_variation(found.logits.softmax(-1), base.logits.softmax(-1))
        if not alive.any() or not factor:
            return moved
        rows, own = (
            one.maps[list(layers)][:, :, :, 0].transpose(0, 1)[:, alive.to(batch.real.device)]
            for one in (found, base)
        )
        least = torch.finfo(rows.dtype).eps  # weights below rounding are no evidence
        away = rows * (rows.clamp_min(least).log() - own.clamp_min(least).log())
        return moved - factor * away.sum(-1).mean(1)

    return loss
