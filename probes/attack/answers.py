"""What an attack asks of models: class probabilities, parts of speech, embeddings of texts.

Equal questions are asked once, and many at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import TextBatches, to_inputs
from ...data.encoding.literal import encode_literally, makes_token_types
from ...data.errors import InputError
from ...data.words.tags import Spelled, universal_tags
from ...models.encoder.anatomy import max_tokens
from ...models.encoder.evaluating import evaluating
from ...models.folder.text_lengths import USUAL_LENGTH
from ...models.smaller.candidate import classifying_as
from ..forward.base import Context

Floats = npt.NDArray[np.float64]
DECIMALS = 6
"""Probabilities and similarities are rounded, so that rounding errors decide nothing."""


class Classifier(Protocol):
    """A model that gives class probabilities."""

    def __call__(self, texts: Sequence[tuple[str, ...]]) -> Floats:
        """Class probabilities [N, K] of N texts or pairs of texts."""


class Tagger(Protocol):
    """What finds the part of speech of a word in a text."""

    def __call__(self, asked: Sequence[tuple[Spelled, int]]) -> list[str]:
        """The universal part of speech of the word at a place, for each of N texts."""


class Encoder(Protocol):
    """What represents a text by a vector."""

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors of length 1 [N, D] of N texts."""


@contextmanager
def classifying(context: Context, batch_size: int) -> Iterator[Classifier]:
    """The classifier of a context, under its mask.

    Args:
        context: a model with a task head over classes.
        batch_size: texts per forward pass; texts of similar length are read together.

    Raises:
        InputError: on use, if logits are NaN or infinite.
    """
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.model))
        model = stack.enter_context(classifying_as(context.model, context.subnetwork))
        stack.enter_context(torch.inference_mode())
        device = context.model.device

        def probabilities(texts: Sequence[tuple[str, ...]]) -> Floats:
            inputs = [one if len(one) == 2 else one[0] for one in texts]
            logits = np.zeros((len(texts), int(model.config.num_labels)))
            for batch in _batches(context.tokenizer, inputs, context.max_length, batch_size):
                found = model(**to_inputs(batch, device)).logits
                logits[list(batch.index)] = found.double().cpu().numpy()
            if not np.isfinite(logits).all():
                raise InputError(
                    "logits contain NaN or infinity", remedy="check the model's weights"
                )
            raised = np.exp(logits - logits.max(axis=1, keepdims=True))
            return np.asarray((raised / raised.sum(axis=1, keepdims=True)).round(DECIMALS))

        yield probabilities


class SentenceEncoder:
    """Mean-pooled hidden states of an encoder (Reimers and Gurevych 2019), as vectors of length 1.

    Args:
        model: an encoder without a task head.
        tokenizer: its fast tokenizer.
        batch_size: texts per forward pass.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int):
        self._model, self._tokenizer, self._batch_size = model, tokenizer, batch_size
        self._length = min(USUAL_LENGTH, max_tokens(model))

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Vectors [N, D]."""
        found = np.zeros((len(texts), int(self._model.config.hidden_size)))
        batches = _batches(self._tokenizer, list(texts), self._length, self._batch_size)
        with evaluating(self._model), torch.inference_mode():
            for batch in batches:
                inputs = to_inputs(batch, self._model.device)
                states = self._model(**inputs).last_hidden_state.double()
                weight = inputs["attention_mask"][..., None].double()
                mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
                found[list(batch.index)] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
        return found


def tagging(pipeline: str = "") -> Tagger:
    """The tagger of a spaCy pipeline.

    Args:
        pipeline: its name; empty = the default one.
    """

    def tags(asked: Sequence[tuple[Spelled, int]]) -> list[str]:
        texts = list(dict.fromkeys(spelled for spelled, _ in asked))
        found = dict(zip(texts, universal_tags(texts, pipeline), strict=True))
        return [found[spelled][place] for spelled, place in asked]

    return tags


def similarity(one: Floats, other: Floats) -> float:
    """The similarity of the authors' code: 1 minus the angle between two vectors, in radians."""
    angle = np.arccos(np.clip(one @ other, -1.0, 1.0))
    return round(float(1.0 - angle), DECIMALS)


def _batches(tokenizer: Any, inputs: list[Any], max_length: int, size: int) -> Iterable[Any]:
    fitted = encode_literally(tokenizer, inputs, pre_split=False, max_length=max_length)
    rows = [(one.kept.ids, one.kept.type_ids) for one in fitted]
    return TextBatches(
        rows,
        None,
        sorted(range(len(rows)), key=lambda place: -len(rows[place][0])),
        batch_size=size,
        padding=tokenizer.pad_token_id,
        token_types=makes_token_types(tokenizer),
        n_truncated=0,
        n_wordless=0,
    )
