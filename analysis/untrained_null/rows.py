"""Rows of the untrained null: scores of each model, and the differences between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ..flags import flags_of
from ..statistics.corrections import adjust_rows
from ..statistics.draws import too_few_draws
from ..statistics.uncertainty import permutation_p
from .contrasts import Gold, Reading, contrast
from .names import (
    MASK_MINUS_COMPLEMENT,
    MASK_MINUS_RANDOM,
    PROBE,
    TRAINED_MINUS_UNTRAINED,
    UNTRAINED,
)


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


def null_rows(gold: Gold, models: Sequence[Scored]) -> pd.DataFrame:
    """All rows: the scores of every model, then the differences.

    Args:
        gold: the examples and the primary metric.
        models: the full models, masks, complements and random masks of both encoders.

    Returns:
        Tidy rows, in the order of the models, then those of `difference_rows`.
    """
    scores = [one.rows.assign(probe=PROBE) for one in models]
    every = [rows_frame(one) for one in [*scores, difference_rows(gold, models)]]
    return rows_frame(pd.concat(every, ignore_index=True))


def difference_rows(gold: Gold, models: Sequence[Scored]) -> pd.DataFrame:
    """Rows of the differences between the models, which are scored on the same examples.

    Args:
        gold: the examples and the primary metric.
        models: masks, complements and random masks of one encoder or of both.

    Returns:
        Mask minus complement and mask minus the mean of random masks in each encoder, the latter
        with the p-value of the mask among them (the p-values are one family); and trained minus
        untrained encoder of the mask, the complement, and mask minus complement. A difference has
        the flags of the models that it compares.
    """
    found = pd.DataFrame(_differences(gold, models)).assign(
        probe=PROBE, unit="model", target=gold.metric
    )
    if "p_value" not in found:
        return found
    flagged = found.assign(flag=found["flag"].replace("", pd.NA).astype("string"))
    return adjust_rows(flagged, floors=found["floor"]).drop(columns="floor")


def _differences(gold: Gold, models: Sequence[Scored]) -> list[dict[str, Any]]:
    named = [one for one in models if one.kind in ("good", "complement", "random")]
    read = gold.read(np.stack([one.read for one in named], axis=1))
    known: dict[tuple[str, str], list[Reading]] = {}
    for one, reading in zip(named, read, strict=True):
        known.setdefault((one.state, one.kind), []).append(reading)
    states = [state for state, kind in known if kind == "good"]
    flags = _flags_by(named)
    about = {state: _identity(named, state) for state in states}
    found, gaps = [], {}
    for state in states:
        (good,) = known[state, "good"]
        if (state, "complement") in known:
            gaps[state] = good - known[state, "complement"][0]
            about_gap = {**about[state], "metric": MASK_MINUS_COMPLEMENT, "kind": "good",
                         "flag": flags(state, "good", "complement")}  # fmt: skip
            found.append({**about_gap, **contrast(gaps[state], gold)})
        if null := known.get((state, "random"), []):
            said = contrast(good - Reading.mean(null), gold)
            about_random = {**about[state], "metric": MASK_MINUS_RANDOM, "kind": "good",
                            "flag": flags(state, "good", "random")}  # fmt: skip
            tested = {"p_value": _among(good, null), "floor": 1 / (len(null) + 1)}
            found.append({**about_random, **said, **tested})
    trained = next((state for state in states if state != UNTRAINED), "")
    if {trained, UNTRAINED} - set(states):
        return found
    for kind in ("good", "complement"):
        if (trained, kind) in known and (UNTRAINED, kind) in known:
            gap = known[trained, kind][0] - known[UNTRAINED, kind][0]
            flag = flags("", kind)
            found.append({**_against(about[trained], kind, kind, gap, gold), "flag": flag})
    if trained in gaps and UNTRAINED in gaps:
        gap = gaps[trained] - gaps[UNTRAINED]
        flag = flags("", "good", "complement")
        line = _against(about[trained], "good", MASK_MINUS_COMPLEMENT, gap, gold)
        found.append({**line, "flag": flag})
    return found


def _flags_by(models: Sequence[Scored]) -> Callable[..., str]:
    """A function of an encoder (empty = both) and kinds that gives the flags of these models."""

    def flags(state: str, *kinds: str) -> str:
        return flags_of(
            one.rows for one in models if state in ("", one.state) and one.kind in kinds
        )

    return flags


def _among(good: Reading, null: Sequence[Reading]) -> float:
    """One-sided p-value of a mask among random masks; NaN for too few."""
    if too_few_draws(len(null)):
        return float("nan")
    values = np.array([one.value for one in null])
    return permutation_p(good.value, values, alternative="greater")


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
