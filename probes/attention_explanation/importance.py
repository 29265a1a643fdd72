"""How much each word matters to a prediction: by gradient, and by leaving it out.

Both as Jain & Wallace (2019, algorithms 1 and 2) use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import torch

from ..forward.base import BatchView, Context
from .agreement import total_variation
from .finite_gradients import check_gradients
from .replaced_attention import attention_replaced


def gradient_importance(
    context: Context, batch: BatchView, maps: torch.Tensor | None
) -> torch.Tensor:
    """|x . dy/dx| of each word [B, W], x its word embeddings: the gradient at its one-hot vectors.

    y is the log-odds of the predicted class. In one text its gradient is that of the probability
    times a constant, which changes no rank and does not vanish where the model is sure.

    Args:
        context: a classifier that runs under its mask; its parameters need no gradient.
        batch: the texts.
        maps: attention [L, B, H, S, S] that is held fixed, as published; None lets the gradient
            flow through attention too.

    Raises:
        InputError: if a gradient is NaN or infinite.
    """
    ids, others = batch.inputs["input_ids"], _others(batch.inputs)
    fixed = {} if maps is None else dict(enumerate(maps))
    with torch.enable_grad():
        embedded = context.anatomy.embeddings(context.model)(ids).detach().requires_grad_()
        with attention_replaced(context, fixed) if fixed else nullcontext():
            logits = context.model(inputs_embeds=embedded, **others).logits
        predicted = logits.argmax(1, keepdim=True)
        rest = logits.masked_fill(torch.zeros_like(logits).bool().scatter(1, predicted, True),
                                  -torch.inf)  # fmt: skip
        odds = logits.gather(1, predicted)[:, 0] - rest.logsumexp(1)
        (slope,) = torch.autograd.grad(odds.sum(), embedded)
    pieces = (slope * embedded.detach()).sum(-1)
    words: torch.Tensor = (pieces[:, None] @ batch.target)[:, 0].abs()
    check_gradients("attention-explanation", words)
    return words


def left_out(
    context: Context, batch: BatchView, hidden: torch.Tensor, logits: torch.Tensor, texts: int
) -> torch.Tensor:
    """The change of the output when pieces are hidden from all others [B, N].

    A hidden piece gets no attention from any token, at its place: those of the others stay.

    Args:
        context: a classifier that runs under its mask.
        batch: the texts.
        hidden: which pieces are hidden together, N times per text [B, N, S].
        logits: with nothing hidden [B, K].
        texts: that are run at once.

    Returns:
        total variation distance of the class probabilities.
    """
    B, N, S = hidden.shape
    row = torch.arange(B, device=hidden.device).repeat_interleave(N)
    flat, whole = hidden.reshape(B * N, S), logits.softmax(-1)
    # what hides nothing that is read moves nothing
    wanted = (flat & batch.real[row]).any(1).nonzero()[:, 0]
    moved = whole.new_zeros(B * N)
    for chosen in torch.split(wanted, texts):
        inputs = {name: one[row[chosen]] for name, one in batch.inputs.items()}
        seen = inputs["attention_mask"] * ~flat[chosen]
        with torch.no_grad():
            found = context.model(**{**inputs, "attention_mask": seen}).logits.softmax(-1)
        moved[chosen] = total_variation(found, whole[row[chosen]])
    return moved.view(B, N)


def words_hidden(batch: BatchView) -> torch.Tensor:
    """The pieces of each word, one word at a time [B, W, S]; none for words beyond a text's own."""
    return batch.target.transpose(1, 2) > 0


def _others(inputs: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: one for name, one in inputs.items() if name != "input_ids"}
