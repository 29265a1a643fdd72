"""Rows about the gates that a run has learned."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from ...data.output.tables import rows_frame
from ...data.tasks.task import TaskParts
from ...models.training.evaluate import evaluate
from ...pruning.sized.size_gates import SizedGates
from ..gates.search import HARDENED, SOFT, binary_row, soft_evaluation
from ..steps.performance import performance_rows


def gate_rows(found: SizedGates, tokenizer: Any, parts: TaskParts, max_length: int) -> pd.DataFrame:
    """Scores of soft and of hardened gates on the selection examples, and the share of binary ones.

    Args:
        found: gates that a run has learned.
        tokenizer: the tokenizer of their model.
        parts: the task.
        max_length: maximum subwords per example.
    """
    held = replace(parts, report=parts.selection, report_name=parts.selection_name, n_unreadable=0)
    examples, spec = parts.selection, parts.spec
    outputs = {
        SOFT: soft_evaluation(found, tokenizer, examples, spec, max_length),
        HARDENED: evaluate(
            found.model, tokenizer, examples, spec, subnetwork=found.subnetwork,
            max_length=max_length,
        ),
    }  # fmt: skip
    frames = [binary_row(found)]
    for gates, one in outputs.items():
        rows = performance_rows(one, held).head(1)
        # not scores of the run's own: they belong to the description of the mask
        frames.append(
            rows.assign(
                probe="mask", target=rows["metric"], metric="gate_score", variant=f"gates={gates}"
            )
        )
    return pd.concat([rows_frame(frame) for frame in frames], ignore_index=True)
