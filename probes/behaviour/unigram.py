"""A model without context: the probability of each piece wherever it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.literal import encode_literally
from ...data.sentences.plain_text import read_corpus

Floats = npt.NDArray[np.float64]

FROM_BIAS, FROM_TEXT = "unigram (output bias)", "unigram (text)"
"""Values of the column `baseline`."""
_LONGEST = 1_000_000


def bias_log_probs(model: Any) -> Floats | None:
    """Log-softmax of the bias of the output layer [V]; None if the layer has no bias.

    A network whose states are constant gives these probabilities at each place.
    """
    decoder = model.get_output_embeddings()
    bias = getattr(decoder, "bias", None)
    if bias is None:
        return None
    found: Floats = torch.log_softmax(bias.detach().double(), dim=0).cpu().numpy()
    return found


def text_log_probs(tokenizer: Any, path: str, size: int) -> Floats:
    """Log-probabilities of pieces by their frequency in a text file, with one added to each [V].

    Args:
        tokenizer: of the model.
        path: a corpus: .txt, .conllu, or `natural`.
        size: number of pieces V.

    Raises:
        DataFileError: if the file is missing, empty or malformed.
    """
    lines = [sentence.raw_text() for sentence in read_corpus(path)]
    counts = np.ones(size)
    for fitted in encode_literally(tokenizer, lines, pre_split=False, max_length=_LONGEST):
        own = [piece for piece, segment in zip(fitted.kept.ids, fitted.kept.sequence_ids,
                                               strict=True) if segment is not None]  # fmt: skip
        np.add.at(counts, own, 1)
    found: Floats = np.log(counts / counts.sum())
    return found
