"""Score multiple-choice questions complete and reduced, by type, and in their easy and hard parts.

Sugawara et al. (2018, EMNLP) call a question easy if a heuristic answers it. Here the heuristics
are the model itself on a question of which a part was left out, and, without a model, the option
that shares most words with the context, or with its sentence nearest to the question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.choices.reduced import FULL, OVERLAPS, REDUCED, overlap_scores
from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...models.training.evaluate import Evaluation, evaluate
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.undefined import with_undefined
from .entries import CHOICES
from .entries import REDUCED as SETTINGS

Floats = npt.NDArray[np.float64]

EASY, HARD = "easy", "hard"
EITHER = "first-2 or sentence-overlap"
"""The variant in which a question is easy if one of these two heuristics answers it."""


@dataclass(frozen=True)
class _Scored:
    """N scored questions under one setting.

    Attributes:
        metric: of the items.
        variant: the setting.
        scores: what each question adds [N].
        prediction: the option that was chosen [N]; None if no model chose.
        relations: type or part of each question [N]; empty for a value over all of them.
        chance: name of the baseline.
    """

    metric: str
    variant: str
    scores: Floats
    prediction: npt.NDArray[Any] | None = None
    relations: npt.NDArray[Any] | None = None
    chance: bool = True


def run_choices(
    context: Context,
    examples: Sequence[Example],
    *,
    heuristics: tuple[str, ...] = SETTINGS,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Score multiple-choice questions with a model under its mask.

    Args:
        context: a multiple-choice model, its task and its mask.
        examples: N questions with K options each.
        heuristics: what is left out of the questions, one or more of `entries.REDUCED`.
        batch_size: questions per forward pass; does not change the result beyond 1e-5.
        progress: called with (settings done, all).

    Returns:
        rows of accuracy over all questions and by type, for complete and reduced questions; of
        accuracy on complete questions that a heuristic answers (easy) or not (hard), and the share
        of easy ones; and of the overlap heuristics. One item per question and row; contexts are
        clusters.

    Raises:
        InputError: if the model or the examples are not for multiple choice.
    """
    spec = context.spec
    if spec is None or not spec.choices or not all(example.options for example in examples):
        raise InputError(
            "needs a model and examples of a multiple-choice task",
            where=CHOICES,
            remedy="name its task: `task` reading, quail, or your own with `columns` options=...",
        )
    settings = (FULL, *heuristics)
    found: dict[str, Evaluation] = {}
    for done, setting in enumerate(settings, start=1):
        found[setting] = evaluate(
            context.model,
            context.tokenizer,
            [REDUCED[setting](example) for example in examples],
            spec,
            subnetwork=context.subnetwork,
            batch_size=batch_size,
            max_length=context.max_length,
        )
        if progress is not None:
            progress(done, len(settings))
    scored = list(_scored(found, examples))
    notes = {
        "n_texts_read": len(examples),
        "n_texts_wordless": found[FULL].n_wordless,
        "n_texts_unlocated": 0,
        "n_texts_cut": found[FULL].n_truncated,
        "n_pieces_shared": 0,
    }
    rows = pd.DataFrame([row for one in scored for row in _rows(one, spec.choices)])
    return ProbeResult(
        CHOICES,
        rows_frame(with_undefined(rows, *found.values())),
        lambda: (_items(one, examples) for one in scored),
        notes=notes,
    )


def _scored(found: dict[str, Evaluation], examples: Sequence[Example]) -> Iterator[_Scored]:
    """Every setting with its values, over all questions, by type, and by part."""
    types = np.array([example.group for example in examples], dtype=object)
    gold = np.array([example.label for example in examples])
    right = {name: (one.predictions == gold).astype(np.float64) for name, one in found.items()}
    overlap = {name: overlap_scores(examples, name) for name in OVERLAPS}
    for name, values in right.items():
        chosen = found[name].predictions
        yield _Scored("accuracy", name, values, chosen)
        if any(types):
            yield _Scored("type_accuracy", name, values, chosen, types)
    for name, values in overlap.items():
        yield _Scored("overlap_accuracy", name, values)
        if any(types):
            yield _Scored("overlap_accuracy", name, values, relations=types)
    easy = {name: values == 1 for name, values in {**right, **overlap}.items() if name != FULL}
    if "first-2" in easy:
        easy[EITHER] = easy["first-2"] | easy["sentence-overlap"]
    for name, answered in easy.items():
        part = np.where(answered, EASY, HARD).astype(object)
        yield _Scored("part_accuracy", name, right[FULL], found[FULL].predictions, part)
        yield _Scored("easy_share", name, answered.astype(np.float64), chance=False)


def _rows(one: _Scored, choices: int) -> Iterator[dict[str, Any]]:
    """A row over all questions, or one for each type or part."""
    relations = one.relations
    for relation in [""] if relations is None else sorted({*relations} - {""}):
        values = one.scores if relations is None else one.scores[relations == relation]
        row = {
            "probe": CHOICES,
            "unit": "model",
            "variant": one.variant,
            "metric": one.metric,
            "relation": relation or None,
            "value": float(values.mean()),
            "n": len(values),
        }
        yield row | ({"baseline": "chance", "baseline_value": 1 / choices} if one.chance else {})


def _items(one: _Scored, examples: Sequence[Example]) -> pd.DataFrame:
    """One item per question that has a part in a row."""
    frame = pd.DataFrame(
        {
            "probe": CHOICES,
            "variant": one.variant,
            "item_id": [example.id for example in examples],
            "sentence_id": [example.first.id for example in examples],
            "cluster_id": [example.cluster or None for example in examples],
            "metric": one.metric,
            "relation": pd.NA if one.relations is None else one.relations,
            "numerator": one.scores,
            "denominator": 1.0,
            "prediction": pd.NA if one.prediction is None else one.prediction,
            "gold": [example.label for example in examples],
        }
    )
    return items_frame(frame[frame["relation"].ne("").fillna(True)])
