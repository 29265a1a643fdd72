"""Whether attributions are plausible: their agreement with human rationales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from ...data.errors import InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..attribution.word_scores import word_scores
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .faithfulness_rows import Column, column_items, column_rows
from .rationale_agreement import Marks, auprc, marked_words, random_auprc, token_f1
from .readable_texts import settings_and_texts

NAME = "plausibility"

Floats = npt.NDArray[np.float64]


def run_plausibility(
    context: Context,
    examples: Sequence[Example],
    *,
    method: Sequence[str] = ("integrated-gradients",),
    target: str = "predicted",
    baseline: str = "pad",
    n_steps: int = 16,
    tolerance: float = 0,
    n_samples: int = 25,
    layer: int = 0,
    scores: Literal["signed", "absolute"] = "signed",
    random_draws: int = 20,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Token F1 and AUPRC of attributions against human rationales (DeYoung et al. 2020).

    F1 is of the words with the highest scores; their share of the text is the mean share of words
    that people marked, the same for every text. Texts without a marked word that the model reads
    have neither score; they are counted.

    Args:
        context: a model with a task head, and its mask.
        examples: examples of the model's task with rationales.
        method: methods of attribution.
        target: whose logit is attributed: `predicted` or `gold`.
        baseline: what replaces the embeddings of words.
        n_steps: steps of methods that integrate.
        tolerance: convergence delta, in logits, above which steps are doubled; 0 = never.
        n_samples: samples of methods that draw at random.
        layer: block of layer conductance, from 0.
        scores: whether words are ranked by signed scores or by absolute values.
        random_draws: random attributions whose mean AUPRC is its null. That of F1 is exact.
        batch_size: examples attributed together.
        internal_batch_size: texts per forward pass.
        seed: seed of all random draws.
        progress: called with (examples done, N), from 0 again for each method.

    Raises:
        InputError: without examples or task head, for a head that predicts a number, when a pair
            model gets single sentences, if a text has no whole word after truncation, or no word
            that is read is marked.
        CheckpointError: if there is no padding token, or a requested token is missing.
        UnknownNameError: for an unknown method.
    """
    settings, texts = settings_and_texts(
        context, examples, method, target=target, baseline=baseline, n_steps=n_steps,
        tolerance=tolerance or None, n_samples=n_samples, layer=layer, batch_size=batch_size,
        internal_batch_size=internal_batch_size, seed=seed,
    )  # fmt: skip
    marks = [
        marked_words(example, words.kept)
        for example, words in zip(texts.examples, texts.words, strict=True)
    ]
    share = float(np.mean([one.mean() for one in marks]))
    if not share:
        raise InputError(
            "the rationales mark no word that the model reads",
            remedy="check the column named by rationale=..., or raise `max_length`",
        )
    columns: list[Column] = []
    for one in settings:
        found = [given.words for given in word_scores(context, texts, one, progress)]
        ranked = [np.abs(words) if scores == "absolute" else words for words in found]
        columns += _columns(
            f"{one.variant};scores={scores}", ranked, marks, share, draws=random_draws, seed=seed
        )
    rows = column_rows(columns, texts.n_dropped).assign(probe=NAME)
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: column_items(NAME, texts.examples, columns),
        notes={
            "n_examples": len(texts.examples),
            "n_unmarked": sum(not one.any() for one in marks),
            "rationale_share": share,
        },
    )
    return texts.counted(result)


def _columns(
    variant: str, scores: Sequence[Floats], marks: Sequence[Marks], share: float, *, draws: int,
    seed: int,
) -> list[Column]:  # fmt: skip
    """The columns of one method."""
    f1, areas = np.full((2, len(marks)), np.nan), np.full((2, len(marks)), np.nan)
    for place, (words, marked) in enumerate(zip(scores, marks, strict=True)):
        if marked.any():
            f1[:, place] = token_f1(words, marked, max(1, round(share * len(marked))))
            random = random_auprc(len(marked), int(marked.sum()), draws, seed)
            areas[:, place] = auprc(words, marked), random
    return [Column("token_f1", variant, *f1), Column("auprc", variant, *areas)]
