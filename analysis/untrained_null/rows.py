"""Rows of the untrained null: scores of each model, and the differences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ..statistics.corrections import adjust_rows
from ..statistics.draws import too_few_draws
from ..statistics.uncertainty import permutation_p
from .contrasts import LOWER_IS_BETTER, Gold, Reading, contrast
from .names import MASK_MINUS_COMPLEMENT, PROBE, TRAINED_MINUS_UNTRAINED, UNTRAINED


@dataclass(frozen=True)
class Scored:
    """One model of the null, scored.

    Attributes:
        state: `pruned` or `pretrained` for the trained encoder, `untrained` for the other one.
        kind: `full`, `good`, `complement` or `random`.
        draw: number of a random mask.
        read: what the metric reads of each example [N].
        rows: the rows of its scores, with the columns that identify the model.
    """

    state: str
    kind: str
    draw: int
    read: npt.NDArray[Any]
    rows: pd.DataFrame


def null_rows(gold: Gold, models: Sequence[Scored], about: Mapping[str, Any]) -> pd.DataFrame:
    """All rows: scores, with a p-value of each mask against its random masks, and differences.

    Args:
        gold: the examples and the primary metric.
        models: the full models, masks, complements and random masks of both encoders.
        about: columns of the rows of differences.

    Returns:
        Tidy rows, in the order of the models, then the differences: mask minus complement in each
        encoder, and trained minus untrained of the mask, the complement and that difference. The
        p-values are one family.
    """
    scores = [_scores(one, _null_of(one, models, gold), gold) for one in models]
    compared = pd.DataFrame(_differences(gold, models)).assign(
        probe=PROBE, unit="model", target=gold.metric, **about
    )
    every = [rows_frame(one) for one in [*scores, compared]]
    return rows_frame(adjust_rows(pd.concat(every, ignore_index=True)))


def _value(one: Scored, metric: str) -> float:
    return float(one.rows.loc[one.rows["metric"].eq(metric), "value"].iloc[0])


def _null_of(mask: Scored, models: Sequence[Scored], gold: Gold) -> list[float]:
    """The primary score of the random masks of the same encoder, for a good mask alone."""
    if mask.kind != "good":
        return []
    return [
        _value(one, gold.metric)
        for one in models
        if one.kind == "random" and one.state == mask.state
    ]


def _scores(one: Scored, null: list[float], gold: Gold) -> pd.DataFrame:
    rows = one.rows.assign(probe=PROBE)
    if null and not too_few_draws(len(null)):
        side = "less" if gold.metric in LOWER_IS_BETTER else "greater"
        p = permutation_p(_value(one, gold.metric), np.array(null), alternative=side)
        rows["p_value"] = np.where(rows["metric"].eq(gold.metric), p, np.nan)
    return rows


def _differences(gold: Gold, models: Sequence[Scored]) -> list[dict[str, Any]]:
    named = [one for one in models if one.kind in ("good", "complement")]
    read = gold.read(np.stack([one.read for one in named], axis=1))
    known: dict[tuple[str, str], Reading] = {
        (one.state, one.kind): reading for one, reading in zip(named, read, strict=True)
    }
    states = list(dict.fromkeys(one.state for one in named))
    gaps = {
        state: known[state, "good"] - known[state, "complement"]
        for state in states
        if (state, "good") in known and (state, "complement") in known
    }
    about = {state: _identity(named, state) for state in states}
    found = [
        {**about[state], "metric": MASK_MINUS_COMPLEMENT, "kind": "good", **contrast(gap, gold)}
        for state, gap in gaps.items()
    ]
    trained = next((state for state in states if state != UNTRAINED), "")
    for kind in ("good", "complement"):
        if (trained, kind) in known and (UNTRAINED, kind) in known:
            gap = known[trained, kind] - known[UNTRAINED, kind]
            found.append(_against(about[trained], kind, kind, gap, gold))
    if trained in gaps and UNTRAINED in gaps:
        gap = gaps[trained] - gaps[UNTRAINED]
        found.append(_against(about[trained], "good", MASK_MINUS_COMPLEMENT, gap, gold))
    return found


def _against(
    about: Mapping[str, Any], kind: str, what: str, gap: Reading, gold: Gold
) -> dict[str, Any]:
    """A row of the trained encoder minus the untrained one."""
    return {
        **about,
        "metric": TRAINED_MINUS_UNTRAINED,
        "kind": kind,
        "variant": f"of={'mask' if what == 'good' else what}",
        **contrast(gap, gold),
    }


_OF_MODEL = (
    "model", "task", "method", "seed", "selection", "corpus", "split", "mask_id", "sparsity",
    "sparsity_of", "ablation",
)  # fmt: skip


def _identity(models: Sequence[Scored], state: str) -> dict[str, Any]:
    """Columns of the good mask of an encoder that rows of differences repeat."""
    one = next(one for one in models if one.state == state and one.kind == "good")
    first = one.rows.iloc[0]
    kept = {name: first[name] for name in _OF_MODEL if name in first and pd.notna(first[name])}
    return {**kept, "state": state, "draw": 0}
