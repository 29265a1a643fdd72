"""The probe of syntactic heuristics: does a model of entailment judge by the overlap of words?

McCoy, Pavlick and Linzen (2019, ACL), Right for the Wrong Reasons. In each pair a heuristic
predicts entailment, because the hypothesis consists of words, of a subsequence or of a constituent
of the premise; in half of the pairs the heuristic is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...data.challenge.classes import entailment_class
from ...data.challenge.generated import generated_heuristics
from ...data.challenge.hans import read_hans
from ...data.challenge.heuristic_pair import HeuristicPair, HeuristicSet
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task_parts import spread
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.undefined import with_undefined
from .entries import HEURISTICS
from .heuristic_rows import Judged, heuristic_items, heuristic_rows
from .predictions import evaluated, notes_of, predicts_entailment, task_of


def run_heuristics(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    file: str = "",
    merging: str = "argmax",
    limit: int = 0,
    generated: int = 608,
    seed: int = 1,
    batch_size: int = 64,
) -> ProbeResult:
    """Classify pairs in which a syntactic heuristic is right or wrong.

    *Reliance* is the accuracy on entailed pairs minus that on pairs that are not entailed, in
    [-1, 1]. It is 1 for a model that always says what the heuristic says, 0 for a model that
    recognises both labels equally well, and negative for a model that avoids entailment; lower is
    less reliance. A difference between two models below 0 means that the first relies less on the
    heuristics.

    Args:
        context: a classifier with a class that is named entailment, and the mask.
        examples: not read.
        progress: called with (pairs done, all).
        file: a file of HANS; empty = generated pairs.
        merging: `argmax` or `sum`, see `predicts_entailment`.
        limit: maximum number of pairs per subcase; 0 = all.
        generated: number of generated pairs.
        seed: seed of the generated pairs.
        batch_size: pairs per forward pass.

    Returns:
        rows by heuristic and gold label, subcase and template, and over all pairs; items of each
        pair and metric, whose cluster is the template.

    Raises:
        ConfigError: if there are fewer generated pairs.
        DataFileError: for a file that is not HANS.
        InputError: if no class is named entailment.
    """
    spec = task_of(context, HEURISTICS)
    entailment = entailment_class(spec.labels)
    read = read_hans(file) if file else generated_heuristics(seed, generated)
    pairs = chosen(read, limit)
    other = next(place for place in range(len(spec.labels)) if place != entailment)
    asked = [replace(one.example, label=entailment if one.entailed else other) for one in pairs]
    found = evaluated(context, spec, asked, batch_size=batch_size)
    if progress is not None:
        progress(len(asked), len(asked))
    said = predicts_entailment(found.logits, entailment, merging)
    judged = Judged(read.name, pairs, said, np.array([one.entailed for one in pairs]))
    return ProbeResult(
        HEURISTICS,
        rows_frame(with_undefined(pd.DataFrame(heuristic_rows(judged, merging)), found)),
        lambda: heuristic_items(judged, merging),
        notes={f"{HEURISTICS}_pairs": len(pairs), **notes_of(found, HEURISTICS)},
    )


def chosen(read: HeuristicSet, limit: int) -> tuple[HeuristicPair, ...]:
    """At most `limit` pairs of each subcase, in the order of the set; 0 = all."""
    if not limit:
        return read.pairs
    by_subcase: dict[str, list[int]] = {}
    for place, pair in enumerate(read.pairs):
        by_subcase.setdefault(pair.subcase, []).append(place)
    kept = sorted(at for places in by_subcase.values() for at in spread(tuple(places), limit))
    return tuple(read.pairs[at] for at in kept)
