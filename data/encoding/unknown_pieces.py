"""The share of a text that is unknown to a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .literal import encode_literally

MUCH = 0.05
"""Minimum share of unknown subwords that causes a warning."""

_LONGEST = 1_000_000


def unknown_share(tokenizer: Any, texts: Sequence[str]) -> float:
    """Share of the subwords of some texts that are the unknown token.

    Special tokens around the texts are not counted. The share is 0 for tokenizers that can
    represent every text, such as byte-level ones.

    Args:
        tokenizer: a fast tokenizer.
        texts: raw texts.
    """
    unknown = tokenizer.unk_token_id
    if unknown is None or not texts:
        return 0.0
    read = unread = 0
    for one in encode_literally(tokenizer, list(texts), pre_split=False, max_length=_LONGEST):
        whole = one.whole
        own = [
            piece
            for piece, part in zip(whole.ids, whole.sequence_ids, strict=True)
            if part is not None
        ]
        read += len(own)
        unread += own.count(unknown)
    return unread / read if read else 0.0


def unknown_said(share: float, what: str) -> str:
    """A warning about texts with many unknown subwords; empty if there are few."""
    if share < MUCH:
        return ""
    return (
        f"{share:.0%} of the subwords of {what} are unknown to the tokenizer: the "
        "model sees only a placeholder for these words"
    )
