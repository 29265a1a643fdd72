"""Attribution of a class's logit to the words of each text, by any method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import InputError
from ..forward.base import Context
from ..forward.shared_pass import Progress
from ..forward.texts import Texts
from .classified import ClassifiedBatch, check_classified, check_kept_words, classifier, classify
from .gradient_methods import GRADIENT_METHODS, check_block
from .settings import COMPLETE, DRAWN, PATHS, AttributionSettings
from .word_masks import WORD_METHODS, feature_values

MOST_STEPS = 1024
"""The maximum number of steps after doubling."""


@dataclass(frozen=True)
class WordAttributions:
    """Attribution of the logit of one example's class to its words.

    Attributes:
        words: attribution of each kept word, in logits [W]; special tokens get none.
        kept: (segment, index in the sentence) of each kept word.
        predicted: the class that the model predicts.
        target: the class whose logit is attributed.
        delta: sum of attributions minus the difference between the logits of text and baseline; NaN
            for methods that need not sum to it.
        logit_difference: that difference, for the target's logit.
        n_steps: steps of integration, or draws, used; 0 for methods without.
    """

    words: npt.NDArray[np.float64]
    kept: tuple[tuple[int, int], ...]
    predicted: int
    target: int
    delta: float
    logit_difference: float
    n_steps: int


def word_scores(
    context: Context,
    texts: Texts,
    settings: AttributionSettings,
    progress: Progress | None = None,
) -> list[WordAttributions]:
    """Signed attribution of each kept word, in the order of the texts.

    Args:
        context: a model with a task head, and its mask.
        texts: what `read_texts` gives.
        settings: method, target and baseline.
        progress: called with (examples done, N) after each batch.

    Raises:
        InputError: without task head or with one of a regression, when a pair model gets single
            sentences, if an example lacks the label that is attributed, truncation leaves none of
            its words, the family does not allow the method, or numbers contain NaN or infinity.
        CheckpointError: if there is no padding or mask token where it is needed.
    """
    check_classified(context, texts.examples, target=settings.target, baseline=settings.baseline)
    check_kept_words(texts)
    order = sorted(range(len(texts.encoded)), key=lambda i: -len(texts.encoded[i].input_ids))
    found: dict[int, WordAttributions] = {}
    with classifier(context, every_token=settings.method == "layer-conductance") as own:
        for start in range(0, len(order), settings.batch_size):
            chosen = np.array(order[start : start + settings.batch_size])
            batch = classify(own, texts, chosen, target=settings.target, baseline=settings.baseline)
            if settings.method == "layer-conductance" and not found:
                check_block(batch, settings.layer)
            results = batch_scores(batch, settings)
            found.update(zip(chosen.tolist(), results, strict=True))
            if progress is not None:
                progress(len(found), len(order))
    return [found[i] for i in range(len(order))]


def batch_scores(batch: ClassifiedBatch, settings: AttributionSettings) -> list[WordAttributions]:
    """Attributions of the texts of one batch, in its order."""
    if settings.method in WORD_METHODS:
        found = feature_values(batch, settings)
        return [
            _scores(batch, settings, row, values, values.sum(), draws)
            for row, (values, draws) in enumerate(found)
        ]
    steps = settings.n_steps if settings.method in PATHS else settings.n_samples
    results: dict[int, WordAttributions] = {}
    rows = list(range(len(batch.embedded)))
    while rows:
        part = batch if len(rows) == len(batch.embedded) else batch.rows(rows)
        values = GRADIENT_METHODS[settings.method](part, settings, steps)
        pieces = values.sum(dim=-1)  # [B, S]
        by_word = (pieces[:, None] @ part.view.target)[:, 0].double()
        totals = pieces.sum(dim=1)
        again = []
        for place, row in enumerate(rows):
            one = _scores(batch, settings, row, by_word[place], totals[place], steps)
            results[row] = one
            if _misses(one, settings) and 2 * steps <= MOST_STEPS:
                again.append(row)
        rows, steps = again, 2 * steps
    return [results[row] for row in range(len(results))]


def _misses(one: WordAttributions, settings: AttributionSettings) -> bool:
    """Whether more steps are needed."""
    if settings.tolerance is None or settings.method not in PATHS:
        return False
    return abs(one.delta) > settings.tolerance


def _scores(
    batch: ClassifiedBatch,
    settings: AttributionSettings,
    row: int,
    words: torch.Tensor,
    total: torch.Tensor,
    n_steps: int,
) -> WordAttributions:
    """The result of one text, from the values of its words (and of cut pieces) and their sum."""
    kept, difference = batch.view.kept[row], batch.difference[row]
    complete = settings.method in COMPLETE
    if not bool(words.isfinite().all()):
        raise InputError(
            "attributions contain NaN or infinity",
            where=f"example {batch.view.examples[row].id!r}",
            remedy="check the model's weights",
        )
    return WordAttributions(
        words=words[: len(kept)].cpu().numpy(),
        kept=kept,
        predicted=int(batch.predicted[row]),
        target=int(batch.target[row]),
        delta=float((total - difference).double()) if complete else float("nan"),
        logit_difference=float(difference),
        n_steps=n_steps if settings.method in (*PATHS, *DRAWN) else 0,
    )
