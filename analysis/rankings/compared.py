"""Attributions to heads and MLPs, compared with their importance in the same model.

Attributions and importances are taken from one half of the examples; the subnetworks that they keep
are scored on the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.item_parts import ItemParts
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...models.training.evaluate import Scorer
from ...probes.forward.base import Context, ProbeResult
from ...probes.forward.held_out import halves, unit_digest
from ..statistics.corrections import adjust_rows
from .agreement import agreement_rows
from .kept import kept_items, kept_rows, kept_tops, random_rankings
from .ranking import Ranking, attribution_rankings, importance_rankings

FAMILY = ("metric",)
"""What makes a family of tests: each kind of number is one (Holm)."""


def beside_importances(
    result: ProbeResult,
    context: Context,
    examples: Sequence[Example],
    *,
    importances: Sequence[str],
    keep: Sequence[float],
    draws: int,
    seed: int,
    say: Callable[[str], None] | None = None,
) -> ProbeResult:
    """A result of `head-attributions` with rows that compare it with importance scores.

    Args:
        result: what the probe found.
        context: the model and its mask.
        examples: those that the probe was given; where one has no label, nothing is compared.
        importances: definitions of importance; none = nothing is compared.
        keep: shares of the units that are kept.
        draws: random rankings, the null of what is kept.
        seed: of these, and of shuffles and resamples.
        say: receives the reason if some or all importances are not compared.

    Returns:
        The result with the importance of each unit, agreement of the rankings, and scores of the
        subnetworks that they keep; items have the answers of these.
    """
    if not importances:
        return result
    if why := _not_comparable(context, examples):
        if say is not None:
            say(f"attributions are not compared with importances: {why}")
        return result
    half = halves([unit_digest(one, one.first) for one in examples])
    ranked, scored = ([one for one, at in zip(examples, half, strict=True) if at == side]
                      for side in (0, 1))  # fmt: skip
    items, ids = result.item_parts, {example.id for example in ranked}
    attributed = attribution_rankings(items, context, ids)
    if not attributed:
        return result
    whole = attributed[0]
    known = [one.among(whole) for one in importance_rankings(context, ranked, importances)]
    lost = [name for name in importances if name not in {one.name for one in known}]
    if lost and say is not None:
        say(
            f"not compared with the importance {', '.join(lost)}, which reads weights by their "
            "position in the full model: this model is a compact one"
        )
    spec = context.spec
    assert spec is not None
    scorer = Scorer(
        context.model, context.tokenizer, scored, spec, max_length=context.max_length, say=say
    )
    rankings = [*attributed, *known]
    tops = kept_tops(context, scorer, rankings, keep)
    null = kept_tops(context, scorer, random_rankings(whole, draws, seed), keep)
    rows = [
        *(row for one in known for row in _importance_rows(one)),
        *agreement_rows(attributed, known, keep, seed=seed),
        *kept_rows(tops, null, [one.name for one in known], seed=seed),
    ]
    floors = pd.Series([row.pop("floor", np.nan) for row in rows], dtype=np.float64)
    table = rows_frame([{"probe": result.probe, **row} for row in rows])
    found = adjust_rows(table, FAMILY, floors=floors)
    answers = [items_frame(part.assign(probe=result.probe)) for part in kept_items(tops)]
    return replace(
        result,
        rows=rows_frame(pd.concat([result.rows, found], ignore_index=True)),
        make_items=lambda: ItemParts.joined([items, ItemParts(lambda: iter(answers))]),
        notes={
            **result.notes,
            f"{result.probe}_n_ranked_on": len(ranked),
            f"{result.probe}_n_scored_on": len(scored),
        },
    )


def _not_comparable(context: Context, examples: Sequence[Example]) -> str:
    """Why no importance can be computed or subnetwork scored; empty if both can."""
    if context.spec is None:
        return "the task of the model is not known"
    if any(example.label is None for example in examples):
        return "some examples have no label"
    if len({unit_digest(one, one.first) for one in examples}) < 2:
        return "needs at least two different examples: one half for ranking, one for scoring"
    return ""


def _importance_rows(ranking: Ranking) -> list[dict[str, Any]]:
    """The score of each unit that was attributed to."""
    rows: list[dict[str, Any]] = []
    for unit, scores in (("head", ranking.head), ("mlp", ranking.mlp)):
        for place in np.argwhere(~np.isnan(scores)):
            layer, *head = place.tolist()
            rows.append(
                {
                    "unit": unit,
                    "layer": layer,
                    "head": head[0] if head else None,
                    "metric": f"{unit}_importance",
                    "variant": ranking.name,
                    "value": float(scores[tuple(place)]),
                    "n": ranking.n,
                    "ci_method": "no interval: the score is a single number for all examples",
                }
            )
    return rows
