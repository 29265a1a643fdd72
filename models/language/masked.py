"""What a masked language model says about masked places, for many texts and one mask.

Shapes: B inputs, S pieces, D states, V pieces of the vocabulary, P places that are asked for. Only
the P asked states of a batch go through the head, and only the asked numbers are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.literal import makes_token_types
from ...data.errors import CheckpointError, InputError
from ..encoder.anatomy import max_tokens
from ..encoder.evaluating import evaluating
from ..encoder.out_of_memory import once_halved
from ..masks.gates import gated
from ..masks.subnetwork import Subnetwork
from ..smaller.candidate import shrunk_to
from .head import language_head
from .masked_inputs import MaskedInput, MaskedText, asked_rows, different_inputs, length_batches

Progress = Callable[[int, int], None]
"""Called with the number of inputs that are done and the number of all."""

TOKENS = 4096
"""Maximum number of pieces per batch, padding included."""

_HEAD_ROWS = 512
"""Number of states that go through the head together: their logits are [512, V]."""

_SMALLER = "use a smaller `tokens`"


def masked_log_probs(
    model: Any,
    tokenizer: Any,
    texts: Sequence[MaskedText],
    *,
    subnetwork: Subnetwork | None = None,
    candidates: Sequence[Sequence[int]] | None = None,
    tokens: int = TOKENS,
    progress: Progress | None = None,
) -> list[npt.NDArray[np.float32]]:
    """Natural log-probabilities of pieces at the asked places; log-softmax in float32.

    Texts that are the same input after masking are run once, whatever pieces are asked for.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        texts: the texts.
        subnetwork: the mask; None = the whole model.
        candidates: for each text, the ids of the pieces whose probability is asked for at each of
            its places; None = the piece that stands there before masking.
        tokens: maximum number of pieces per batch. It is halved once if memory runs out, and does
            not change the result beyond 1e-5.
        progress: called after each batch.

    Returns:
        For each text, [len(asked)], or with candidates [len(asked), len(candidates)].

    Raises:
        CheckpointError: if the tokenizer has no mask token, or the model no masked-LM head.
        InputError: if a text is empty or longer than the model's positions, or a position or
            candidate does not exist.
        MaskError: if the mask does not fit the model.
        MemoryLimitError: if memory runs out in batches of half the size as well.
    """
    if candidates is None:
        sizes: list[tuple[int, ...]] = [(len(text.asked),) for text in texts]
        pieces: list[list[tuple[int, ...]]] = [
            [(text.ids[at],) for at in text.asked] for text in texts
        ]
    else:
        _check_candidates(texts, candidates, model.config.vocab_size)
        chosen = [tuple(given) for given in candidates]
        sizes = [(len(text.asked), len(given)) for text, given in zip(texts, chosen, strict=True)]
        pieces = [[given] * len(text.asked) for text, given in zip(texts, chosen, strict=True)]
    found = [np.zeros(size, dtype=np.float32) for size in sizes]

    def read(wants: Sequence[tuple[int, int, int]], logits: torch.Tensor) -> None:
        total = logits.logsumexp(dim=-1)
        for text, place, row in wants:
            ids = torch.tensor(pieces[text][place], device=logits.device)
            values = (logits[row, ids] - total[row]).cpu().numpy()
            found[text][place] = values if candidates is not None else values[0]

    _run(model, tokenizer, texts, subnetwork, tokens, progress, read)
    return found


def masked_top_k(
    model: Any,
    tokenizer: Any,
    texts: Sequence[MaskedText],
    k: int,
    *,
    subnetwork: Subnetwork | None = None,
    tokens: int = TOKENS,
    progress: Progress | None = None,
) -> list[npt.NDArray[np.int64]]:
    """The ids of the k most probable pieces at the asked places, most probable first.

    Equally probable pieces are in the order of their ids.

    Args:
        model: a model of `load_language_model`.
        tokenizer: its tokenizer.
        texts: the texts.
        k: number of pieces, at most the size of the vocabulary.
        subnetwork: the mask; None = the whole model.
        tokens: maximum number of pieces per batch.
        progress: called after each batch.

    Returns:
        For each text, [len(asked), k].

    Raises:
        CheckpointError, InputError, MaskError, MemoryLimitError: as `masked_log_probs`.
    """
    if not 1 <= k <= model.config.vocab_size:
        raise InputError(f"k must be between 1 and {model.config.vocab_size}, got {k}")
    found = [np.zeros((len(text.asked), k), dtype=np.int64) for text in texts]

    def read(wants: Sequence[tuple[int, int, int]], logits: torch.Tensor) -> None:
        order = logits.sort(dim=-1, descending=True, stable=True).indices[:, :k].cpu().numpy()
        for text, place, row in wants:
            found[text][place] = order[row]

    _run(model, tokenizer, texts, subnetwork, tokens, progress, read)
    return found


# -- the pass --------------------------------------------------------------------------------------

_Read = Callable[[Sequence[tuple[int, int, int]], torch.Tensor], None]


def _run(
    model: Any,
    tokenizer: Any,
    texts: Sequence[MaskedText],
    subnetwork: Subnetwork | None,
    tokens: int,
    progress: Progress | None,
    read: _Read,
) -> None:
    """Give `read` (text, place, row) of each asked place, with the logits [P, V] in float32."""
    if tokens < 1:
        raise InputError(f"tokens must be >= 1, got {tokens}")
    mask = getattr(tokenizer, "mask_token_id", None)
    if mask is None:
        raise CheckpointError(
            "the tokenizer has no mask token",
            remedy="use the tokenizer of a masked language model",
        )
    language_head(model)
    inputs = different_inputs(texts, int(mask))
    longest, positions = max((len(one.ids) for one in inputs), default=0), max_tokens(model)
    if longest > positions:
        raise InputError(
            f"a text has {longest} pieces, but the model has {positions} positions",
            remedy="leave it out or shorten it",
        )
    padding = tokenizer.pad_token_id or 0
    types = makes_token_types(tokenizer)

    def passes(size: int) -> None:
        done = 0
        smaller = shrunk_to(model, subnetwork)
        head = language_head(smaller)
        with (
            evaluating(smaller),
            gated(smaller, subnetwork if smaller is model else None),
            torch.inference_mode(),
        ):
            for batch in length_batches(inputs, size):
                states = _asked_states(smaller, batch, padding, types)
                wants = asked_rows(batch)
                for start in range(0, len(states), _HEAD_ROWS):
                    logits = head(states[start : start + _HEAD_ROWS]).float()
                    end = start + len(logits)
                    inside = [
                        (text, place, row - start)
                        for text, place, row in wants
                        if start <= row < end
                    ]
                    read(inside, logits)
                done += len(batch)
                if progress is not None:
                    progress(done, len(inputs))

    if inputs:
        once_halved(passes, tokens, what="scoring masked texts", remedy=_SMALLER)


def _check_candidates(
    texts: Sequence[MaskedText], candidates: Sequence[Sequence[int]], size: int
) -> None:
    if len(candidates) != len(texts):
        raise InputError(f"{len(candidates)} sets of candidates for {len(texts)} texts")
    for given in candidates:
        for piece in given:
            if not 0 <= piece < size:
                raise InputError(f"piece {piece} is outside a vocabulary of {size}")


def _asked_states(
    model: Any, batch: Sequence[MaskedInput], padding: int, types: bool
) -> torch.Tensor:
    """The last hidden states of the asked places, input after input: [P, D]."""
    B, S = len(batch), max(len(one.ids) for one in batch)
    ids = np.full((B, S), padding, dtype=np.int64)
    attended = np.zeros((B, S), dtype=np.int64)
    segments = np.zeros((B, S), dtype=np.int64)
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)] = one.ids
        attended[row, : len(one.ids)] = 1
        if one.segments:
            segments[row, : len(one.ids)] = one.segments
    given = {"input_ids": ids, "attention_mask": attended}
    if types:
        given["token_type_ids"] = segments
    tensors = {name: torch.from_numpy(array).to(model.device) for name, array in given.items()}
    states = model.base_model(**tensors).last_hidden_state
    rows = [row for row, one in enumerate(batch) for _ in one.asked]
    places = [at for one in batch for at in one.asked]
    asked: torch.Tensor = states[rows, places]
    return asked
