"""The steps that find easy and hard examples, and score every model on each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...data.tasks.task import TaskParts
from ...models.training.evaluate import Evaluation
from ..artefacts.difficulty import difficulty_output
from ..artefacts.measure import PARTIAL, artefact_rows, difficulty_of, variant_of
from ..artefacts.partial import (
    ENCODER,
    NGRAMS,
    by_encoder,
    by_ngrams,
    chosen_text,
    only,
    without_classes,
)
from ..cell_output import CellOutput
from .bag_of_words import NAME
from .work import Nothing, Work

_OF_MODEL = (
    "model", "task", "seed", "draw", "method", "kind", "state", "mask_id", "selection", "split",
    "corpus", "sparsity", "sparsity_of", "ablation", "flag",
)  # fmt: skip
"""Columns of a score that the rows derived from it repeat."""


def partial_by_ngrams(work: Work) -> CellOutput:
    """Classify the reported examples by n-grams; items say which are easy or hard."""
    _check_classes(work)
    text = chosen_text(work.parts.spec)
    parts = only(work.parts, text)
    found = by_ngrams(parts)
    return _partial(work, parts, found, text, NGRAMS, kind=NAME)


def partial_by_encoder(work: Work) -> CellOutput:
    """The same by the encoder of the run, fine-tuned on the second text of pairs alone."""
    _check_classes(work)
    spec, config = work.parts.spec, work.materials.config
    if not spec.pair:
        raise Nothing(f"{spec.name} has one text per example: an encoder would see the whole input")
    text = chosen_text(spec)
    parts = only(work.parts, text)
    with work.progress.stage(work.title) as advance:
        found = by_encoder(
            work.materials.prepared.source.name, parts, work.setting.recipe, seed=work.seed,
            device=config.device, allow_no_specials=config.allow_no_specials, say=work.say,
            advance=advance,
        )  # fmt: skip
    return _partial(work, parts, found, text, ENCODER, kind="full")


def _check_classes(work: Work) -> None:
    if why := without_classes(work.parts.spec):
        raise Nothing(f"{why}: artefacts are measured for classes")


def _partial(
    work: Work, parts: TaskParts, found: Evaluation, text: str, classifier: str, *, kind: str
) -> CellOutput:
    rows = artefact_rows(parts, text, {classifier: found}).assign(kind=kind)
    difficulty = difficulty_of(found)
    if len(set(difficulty)) < 2:
        work.say(f"all {len(difficulty)} reported examples are {difficulty[0]}")
    items = found.items().assign(
        probe=PARTIAL, variant=variant_of(text, classifier), relation=difficulty
    )
    counts = np.bincount([int(one.label or 0) for one in parts.train])
    notes = {"majority": int(counts.argmax()), "n_wordless": found.n_wordless}
    return work.named(CellOutput(rows, items, notes=notes), None, "trained")


def difficulty(work: Work) -> CellOutput:
    """The accuracy of a scored model on easy and on hard examples, from its predictions."""
    scored, partial = work.output("scored"), work.output("partial")
    known = partial.items.set_index("item_id")["relation"]
    variant = str(partial.items["variant"].iloc[0])
    rows, items = difficulty_output(scored.items, known, int(partial.notes["majority"]), variant)
    first = scored.rows.iloc[0]
    about = {name: first[name] for name in _OF_MODEL if pd.notna(first[name])}
    rows = rows.assign(**about, cell_id=work.order.id)
    return CellOutput(rows, items.assign(cell_id=work.order.id))
