"""The steps that score a model under a mask, and the baselines that need no encoder."""

from __future__ import annotations

import pandas as pd

from ...models.training.evaluate import Evaluation, evaluate
from ..calibration.stored import confidence_items
from ..cell_output import CellOutput
from ..steps.identity import BY_LAYER
from ..steps.performance import performance_rows
from ..steps.said import read_said
from .bag_of_words import NAME, bag_of_words
from .work import Nothing, Work


def score(work: Work) -> CellOutput:
    """Score a trained model under a mask on the reported examples."""
    (model, tokenizer), mask = work.model("model"), work.mask()
    state, length = str(work.options["state"]), int(work.options["max_length"])
    evaluation = evaluate(
        model, tokenizer, work.parts.report, work.parts.spec, subnetwork=mask, max_length=length,
        say=work.say,
    )  # fmt: skip
    rows = performance_rows(evaluation, work.parts)
    if state == "finetuned":
        count, name = evaluation.n_examples, work.parts.report_name
        for line in read_said(evaluation, count, length, f"{name} examples"):
            work.say(line)
    rows = of_training(work, rows, state)
    notes = {"n_truncated": evaluation.n_truncated, "n_wordless": evaluation.n_wordless}
    items = _items_of(evaluation)
    return work.named(CellOutput(rows, items, notes=notes), mask, reported_state(work, state))


def _items_of(evaluation: Evaluation) -> pd.DataFrame:
    """The predictions, and of three or more classes what calibration needs in addition."""
    items, further = evaluation.items().assign(probe="performance"), confidence_items(evaluation)
    return pd.concat([items, further], ignore_index=True) if len(further) else items


def reported_state(work: Work, state: str) -> str:
    """The state in rows: a lottery ticket on weights of a later step is `rewound`."""
    rewound = state == "retrained" and work.output("model").notes.get("rewind")
    return "rewound" if rewound else state


def of_training(work: Work, rows: pd.DataFrame, state: str) -> pd.DataFrame:
    """The scores of a trained model with the outcome of its training: route, kind and flag."""
    if state == "pruned":
        return rows
    notes = work.output("model").notes
    if state == "untrained":
        rows = rows.assign(kind="untrained")
    if "route" in notes:
        by_layer = [BY_LAYER] if work.options.get("match") == "layer" else []
        rows = rows.assign(variant=";".join([f"route={notes['route']}", *by_layer]))
    return flagged_by_training(rows, str(notes["flag"]))


def flagged_by_training(rows: pd.DataFrame, flag: str) -> pd.DataFrame:
    """Rows with the flag of the model's training; rows of pruned heads keep their own flag."""
    if not flag or not len(rows):
        return rows
    given = rows.get("flag", pd.Series(pd.NA, index=rows.index, dtype="string"))
    return rows.assign(flag=given.where(given.eq("dead").fillna(False), flag))


def score_words(work: Work) -> CellOutput:
    """Score a linear model on counted words, a baseline without an encoder."""
    if work.parts.spec.masked:
        raise Nothing("a bag of words predicts no masked pieces")
    evaluation = bag_of_words(work.parts)
    rows = performance_rows(evaluation, work.parts).assign(kind=NAME)
    return work.named(CellOutput(rows, _items_of(evaluation)), None, "trained")
