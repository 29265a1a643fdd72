"""The diagnostic set of GLUE (Wang et al. 2019, ICLR): Matthews correlation by category."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.challenge.classes import entailment_classes, not_three_classes
from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example, plain_sentence
from ...data.suites.diagnostics import COARSE, Diagnostic, read_diagnostics
from ...data.tasks.metrics import METRICS
from ...data.tasks.task import TaskSpec
from ...data.tasks.task_parts import spread
from ...models.training.evaluate import evaluate
from ..challenge.predictions import notes_of
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.undefined import with_undefined
from .entries import (
    ACCURACY,
    CATEGORY,
    DOMAIN,
    FINE,
    GLUE_DIAGNOSTICS,
    MEASURES,
    OVERALL,
    metric_of,
)

Ints = npt.NDArray[np.int64]
TWO = "entailment against the rest"
"""The variant of a task with two classes."""


def run_glue_diagnostics(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    file: str = "",
    limit: int = 0,
    batch_size: int = 64,
) -> ProbeResult:
    """Classify the pairs of the diagnostic set with a model of natural language inference.

    Predictions and labels are matched by name. A model with the classes entailment and not
    entailment is scored on labels of which neutral and contradiction are merged.

    Args:
        context: the model with the head of its task, and the mask.
        examples: not read.
        progress: called with (pairs done, all).
        file: the scored file.
        limit: maximum number of pairs; 0 = all.
        batch_size: pairs per batch.

    Returns:
        rows overall, by coarse and fine category and by domain; one item per pair and category.

    Raises:
        InputError: if the model has no classes of entailment.
        DataFileError: for a file of another format.
    """
    spec = context.spec
    if spec is None:
        raise InputError(
            "needs the classes of a fine-tuned model",
            where=GLUE_DIAGNOSTICS,
            remedy="name the task that it was fine-tuned on, with `task`",
        )
    if why := not_three_classes(spec.labels):
        raise InputError(
            why,
            where=GLUE_DIAGNOSTICS,
            remedy="name a model of natural language inference, such as one of mnli",
        )
    pairs = read_diagnostics(file)
    pairs = spread(pairs, limit) if limit else pairs
    places = entailment_classes(spec.labels)
    texts = [_example(pair, places[pair.label]) for pair in pairs]
    found = evaluate(
        context.model, context.tokenizer, texts, _pairs_of(spec), subnetwork=context.subnetwork,
        batch_size=batch_size, max_length=context.max_length,
    )  # fmt: skip
    if progress is not None:
        progress(len(pairs), len(pairs))
    variant = "" if spec.num_labels > 2 else TWO
    gold, said = found.labels.astype(np.int64), found.predictions
    rows = pd.DataFrame(_rows(pairs, gold, said)).assign(variant=variant or pd.NA)
    return ProbeResult(
        GLUE_DIAGNOSTICS,
        rows_frame(with_undefined(rows, found)),
        lambda: _items(pairs, gold, said, variant),
        notes={f"{GLUE_DIAGNOSTICS}_pairs": len(pairs), **notes_of(found, GLUE_DIAGNOSTICS)},
    )


def _example(pair: Diagnostic, label: int) -> Example:
    return Example(
        pair.id, plain_sentence(f"{pair.id}/1", pair.premise),
        plain_sentence(f"{pair.id}/2", pair.hypothesis), label, cluster=pair.cluster,
    )  # fmt: skip


def _pairs_of(spec: TaskSpec) -> TaskSpec:
    """The classes of a task, for pairs of texts that are not its own."""
    return TaskSpec(GLUE_DIAGNOSTICS, spec.labels, ACCURACY, (ACCURACY,), pair=True)


def members(pairs: Sequence[Diagnostic]) -> Iterator[tuple[str, str, Ints]]:
    """Level, name and places of the pairs of each category, the set as a whole first."""
    yield OVERALL, "", np.arange(len(pairs))
    fine = [(c, name) for c in COARSE for pair in pairs for name in pair.categories.get(c, ())]
    domains = sorted({pair.domain for pair in pairs if pair.domain})
    for coarse in COARSE:
        inside = [place for place, pair in enumerate(pairs) if coarse in pair.categories]
        if inside:
            yield CATEGORY, coarse, np.array(inside)
    for coarse, name in sorted(set(fine), key=lambda one: (COARSE.index(one[0]), one[1])):
        inside = [p for p, pair in enumerate(pairs) if name in pair.categories.get(coarse, ())]
        yield FINE, f"{coarse}: {name}", np.array(inside)
    for domain in domains:
        yield DOMAIN, domain, np.array([p for p, one in enumerate(pairs) if one.domain == domain])


def _rows(pairs: Sequence[Diagnostic], gold: Ints, said: Ints) -> Iterator[dict[str, Any]]:
    most = int(np.bincount(gold).argmax())
    for level, name, inside in members(pairs):
        for measure in MEASURES:
            score = METRICS[measure]
            yield {
                "probe": GLUE_DIAGNOSTICS, "unit": "model", "relation": name or None,
                "metric": metric_of(level, measure), "value": score(said[inside], gold[inside]),
                "n": len(inside), "baseline": "majority",
                "baseline_value": score(np.full(len(inside), most), gold[inside]),
            }  # fmt: skip


def _items(pairs: Sequence[Diagnostic], gold: Ints, said: Ints, variant: str) -> pd.DataFrame:
    """One line per pair and category: whether it is right, its prediction and label."""
    ids = np.array([pair.id for pair in pairs], dtype=object)
    clusters = np.array([pair.cluster for pair in pairs], dtype=object)
    parts = []
    for level, name, inside in members(pairs):
        right = (said[inside] == gold[inside]).astype(np.float64)
        parts.append(
            pd.DataFrame(
                {
                    "item_id": ids[inside], "sentence_id": ids[inside],
                    "cluster_id": clusters[inside], "relation": name or None,
                    "metric": metric_of(level, ACCURACY), "numerator": right,
                    "denominator": 1.0, "prediction": said[inside], "gold": gold[inside],
                }
            )
        )  # fmt: skip
    return items_frame(pd.concat(parts, ignore_index=True).assign(variant=variant or pd.NA))
