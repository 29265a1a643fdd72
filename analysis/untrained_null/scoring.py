"""Score the masks of a task in one encoder: full model, mask, complement, random masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...data.output.tables import items_frame
from ...data.tasks.task import TaskParts
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, evaluate
from ...pruning.controls import random_like
from ...pruning.knock_out import searched_complement
from ..statistics.clusters import units_of
from ..steps.identity import DONORS_BY_LABEL, by_label, identity
from ..steps.performance import performance_rows
from .contrasts import Gold
from .names import PROBE, UNTRAINED
from .rows import Scored, null_rows


def masks_of(good: Subnetwork, seed: int, draws: int) -> Iterator[Subnetwork | None]:
    """The full model (None), the mask, its complement, and random masks of its size.

    Args:
        good: the mask that a search found.
        seed: of the random masks.
        draws: how many there are.
    """
    yield None
    yield good
    yield searched_complement(good)
    for draw in range(draws):
        yield random_like(good, seed, draw)


def gold_of(evaluation: Evaluation, parts: TaskParts) -> Gold:
    """The examples, and the primary metric with the score of its baseline."""
    rows = performance_rows(evaluation, parts)
    first = rows[rows["metric"].eq(parts.spec.metric)].iloc[0]
    clusters = evaluation.clusters or tuple(one.cluster for one in parts.report)
    return Gold(
        parts.spec.metric, evaluation.ids, evaluation.labels, units_of(clusters),
        float(first["baseline_value"]),
    )  # fmt: skip


@dataclass
class NullScores:
    """Collects the scores of both encoders.

    Attributes:
        name: the user's name of the model.
        parts: the task; its reported examples are scored.
        tokenizer: of both encoders.
        max_length: subwords that an example keeps.
        seed: of random masks.
        draws: how many there are for each mask.
        say: receives messages about a lack of memory.
    """

    name: str
    parts: TaskParts
    tokenizer: Any
    max_length: int
    seed: int
    draws: int
    say: Callable[[str], None] | None = None
    models: list[Scored] = field(default_factory=list)
    items: list[pd.DataFrame] = field(default_factory=list)
    _gold: Gold | None = None

    def add(
        self, model: Any, good: Subnetwork, state: str, *, flag: str = "", seed: int = 0
    ) -> None:
        """Score a mask in the encoder in which it was found, with its controls.

        Args:
            model: the encoder with its task head.
            good: the mask.
            state: of the rows about masks: `pruned` or `untrained`.
            flag: of the rows, if the model or the mask supports no conclusion.
            seed: of the model, for the rows.
        """
        for mask in masks_of(good, self.seed, self.draws):
            found = evaluate(
                model, self.tokenizer, self.parts.report, self.parts.spec, subnetwork=mask,
                max_length=self.max_length, say=self.say,
            )  # fmt: skip
            self._gold = self._gold or gold_of(found, self.parts)
            kind, draw = (mask.kind, mask.draw) if mask else ("full", 0)
            # a full model that was trained from random weights stays untrained
            named = "finetuned" if mask is None and state != UNTRAINED else state
            about = {
                **identity(self.name, mask, named),
                "cell_id": f"{state} {kind} {draw}", "task": self.parts.spec.name,
                "method": good.method, "selection": good.selection, "seed": seed, "flag": flag,
            }  # fmt: skip
            if mask is not None and mask.empty:
                about["flag"] = flag or "degenerate"
            elif by_label(mask):
                about["flag"] = flag or DONORS_BY_LABEL
            rows = performance_rows(found, self.parts)
            own = {name: value for name, value in about.items() if value != ""}
            self.models.append(
                Scored(state, kind, draw, np.asarray(found.read_by(self.parts.spec.metric)),
                       rows.assign(**own))
            )  # fmt: skip
            self.items.append(found.items().assign(cell_id=about["cell_id"], probe=PROBE))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Rows and items of all models that were added."""
        assert self._gold is not None
        return (
            null_rows(self._gold, self.models),
            items_frame(pd.concat(self.items, ignore_index=True)),
        )
