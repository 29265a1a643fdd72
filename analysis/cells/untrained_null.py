"""The steps of the untrained null: the search, the scores, and the comparison of both encoders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...data.tasks.metrics import BITS
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import evaluate, is_finite
from ...pruning.knock_out import searched_complement
from ..cell_output import CellOutput
from ..flags import OF_A_SEED
from ..statistics.clusters import units_of
from ..steps.performance import performance_rows
from ..steps.selection import find_good
from ..untrained_null.contrasts import Gold
from ..untrained_null.names import PROBE, UNTRAINED
from ..untrained_null.rows import Scored, difference_rows
from .work import Nothing, Work, noted

_ITEM_METRICS = (BITS, "negative_error", "gold_probability")
"""Metrics of the items that hold predictions; others are about calibration."""


def search(work: Work) -> CellOutput:
    """The mask that the search of the run finds in the encoder trained from random weights."""
    model, tokenizer = work.model("model")
    flag = str(work.output("model").notes["flag"])
    if flag and not is_finite(model):
        raise Nothing(f"the encoder with random weights: {OF_A_SEED[flag]}")
    with work.progress.stage(work.title) as advance:
        found = find_good(
            model,
            tokenizer,
            work.parts,
            work.materials.config.prune,
            max_length=work.setting.recipe.max_length,
            seeds=work.seeds,
            method=str(work.options["method"]),
            model_name=work.materials.prepared.source.name,
            progress=advance,
            say=work.say,
        )
    work.save_mask(found)
    return noted({"history": list(found.history)})


def score(work: Work) -> CellOutput:
    """Score a mask of the null: of the untrained encoder, or the complement in the trained one."""
    (model, tokenizer), mask = work.model("model"), _mask(work)
    state, length = str(work.options["state"]), int(work.options["max_length"])
    found = evaluate(
        model, tokenizer, work.parts.report, work.parts.spec, subnetwork=mask, max_length=length,
        say=work.say,
    )  # fmt: skip
    flag = str(work.output("model").notes["flag"]) if state == UNTRAINED else ""
    flag = flag or ("degenerate" if mask.empty else "")
    rows = performance_rows(found, work.parts).assign(probe=PROBE)
    items = found.items().assign(probe=PROBE)
    return work.named(CellOutput(rows.assign(flag=flag) if flag else rows, items), mask, state)


def _mask(work: Work) -> Subnetwork:
    if work.options["kind"] == "complement":
        return searched_complement(work.read_mask("good"))
    mask = work.mask()
    assert mask is not None
    return mask


def contrast(work: Work) -> CellOutput:
    """The differences between masks, complements and random masks of both encoders.

    The scores that the run has anyway are repeated as rows of the null, so that its rows are one
    group.
    """
    metric, models, repeated = work.parts.spec.metric, [], []
    gold: Gold | None = None
    for role in work.order.inputs:
        encoder, kind, draw = role.split("/")
        output = work.output(role)
        items = output.items
        items = items[items["metric"].isin(_ITEM_METRICS)]
        state = UNTRAINED if encoder == UNTRAINED else "pruned"
        rows = output.rows
        if gold is None:
            gold = _gold(items, rows, metric)
        models.append(Scored(state, kind, int(draw), _read(items, metric), rows))
        own = rows["probe"].eq("performance")
        if own.any():
            repeated.append(_repeated(rows[own], kind, work.order.id))
    assert gold is not None
    about = {"cell_id": work.order.id, "seed": work.seed}
    differences = difference_rows(gold, models).assign(**about)
    return CellOutput(pd.concat([*repeated, differences], ignore_index=True), pd.DataFrame())


def _read(items: pd.DataFrame, metric: str) -> Any:
    column = "score" if metric == BITS else "prediction"
    return items[column].to_numpy(dtype=np.float64)


def _gold(items: pd.DataFrame, rows: pd.DataFrame, metric: str) -> Gold:
    clusters = [None if pd.isna(name) else str(name) for name in items["cluster_id"]]
    chance = rows.loc[rows["metric"].eq(metric), "baseline_value"].iloc[0]
    return Gold(
        metric, tuple(items["item_id"].astype(str)), items["gold"].to_numpy(dtype=np.float64),
        units_of(clusters), float(chance),
    )  # fmt: skip


def _repeated(rows: pd.DataFrame, kind: str, cell: str) -> pd.DataFrame:
    """Scores of the run as rows of the null; the untrained encoder is its full model."""
    kept = rows.drop(columns=[name for name in ("schema_version",) if name in rows])
    return kept.assign(probe=PROBE, kind=kind, cell_id=cell)
