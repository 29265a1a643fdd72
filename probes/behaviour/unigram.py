"""A model without context: the probability of each piece wherever it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.masking.unigram import unigram_of
from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Example

Floats = npt.NDArray[np.float64]

FROM_BIAS, FROM_TEXT = "output bias", "unigram"
"""Values of the column `baseline`: both are probabilities without context."""


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


def text_log_probs(tokenizer: Any, corpus: str) -> Floats:
    """Log-probabilities of pieces by their frequency in a corpus, with one added to each [V].

    Args:
        tokenizer: of the model.
        corpus: .txt, .conllu, or `natural`.

    Raises:
        DataFileError: if the file is missing, empty or malformed.
    """
    examples = [Example(one.id, one) for one in read_corpus(corpus)]
    found: Floats = -np.log(2) * unigram_of(tokenizer, examples).bits
    return found
