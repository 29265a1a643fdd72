"""The two halves of a corpus: one is used for choosing, the other for scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError
from ...data.sentences.sentence import Example, Sentence

Selection = Literal["held-out", "reported"]


def check_selection(selection: str) -> None:
    """Raise unless `selection` names a protocol.

    Raises:
        ConfigError: listing both.
    """
    if selection not in ("held-out", "reported"):
        raise ConfigError(f"unknown selection {selection!r}", remedy="choose held-out or reported")


def text_digest(sentence: Sentence) -> str:
    """Hash of the words: equal sentences get equal digests."""
    return hashlib.sha256("\x1f".join(sentence.words).encode()).hexdigest()


def unit_digest(example: Example, sentence: Sentence) -> str:
    """Hash of the sampling unit of a sentence: its example's cluster, or its own words."""
    if not example.cluster:
        return text_digest(sentence)
    return hashlib.sha256(f"\x1e{example.cluster}".encode()).hexdigest()


def halves(digests: Sequence[str]) -> npt.NDArray[np.int64]:
    """Half 0 or 1 for each sentence [N]: half 0 is for choosing, half 1 for scoring.

    The distinct texts, sorted by hash, are assigned to the halves in turn. The split therefore does
    not depend on the order of the corpus, is even, and keeps repeated sentences on one side, as it
    does those of a cluster, which have one digest (`unit_digest`).
    """
    rank = {digest: place for place, digest in enumerate(sorted(set(digests)))}
    return np.array([rank[digest] % 2 for digest in digests], dtype=np.int64)
