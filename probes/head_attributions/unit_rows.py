"""Attributions of units, and interactions of two heads, as rows and items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame
from ...data.sentences.sentence import Example
from .pair_table import PairTable
from .players import MLP, Players, unit_names

NAME = "head-attributions"

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Attributed:
    """What one method attributes to U units in N examples.

    Attributes:
        variant: the method and its settings.
        scores: attributions in logits [N, U].
        gained: logit with all units that play, less that with none [N].
        sums: whether the method promises that its values sum to `gained`.
        steps: points of integration, or draws, of each example [N]; 0 = none.
        tolerance: how far a sum may miss `gained`; 0 = it is not said.
    """

    variant: str
    scores: Numbers
    gained: Numbers
    sums: bool
    steps: Numbers
    tolerance: float = 0.0

    @property
    def delta(self) -> Numbers:
        """How far the values of each example miss `gained` [N]."""
        return np.asarray(self.scores.sum(axis=1) - self.gained)


@dataclass(frozen=True)
class Interacting:
    """Interactions of units in N examples.

    Attributes:
        variant: the measure and its settings.
        table: in logits, of each two heads in the order of `combinations`; None where none were
            asked for.
    """

    variant: str
    table: PairTable | None


def attributed_rows(found: Sequence[Attributed], players: Players) -> Iterator[dict[str, Any]]:
    """The rows of each method: two of each unit, and those of the model.

    The baseline of an absolute value is its mean over units of the same kind, the value if all
    mattered equally. Pruned units have rows without a value.
    """
    for one in found:
        n = len(one.scores)
        means = {"": one.scores.mean(axis=0), "_absolute": np.abs(one.scores).mean(axis=0)}
        for end, mean in means.items():
            uniform = {kind: _mean(mean, players.head == MLP, kind) for kind in (True, False)}
            for place, (layer, head) in enumerate(zip(players.layer, players.head, strict=True)):
                yield {
                    **_unit(int(layer), int(head)),
                    "metric": f"{_kind(head)}_attribution{end}",
                    "variant": one.variant,
                    "value": float(mean[place]),
                    "n": n,
                    "baseline": "uniform" if end else None,
                    "baseline_value": uniform[head == MLP] if end else None,
                }
            for layer, head in players.dead:
                yield {
                    **_unit(layer, head),
                    "metric": f"{_kind(head)}_attribution{end}",
                    "variant": one.variant,
                    "n": 0,
                    "flag": "dead",
                }
        summed = {"logit_difference_mean": float(np.abs(one.gained).mean())}
        if one.sums:
            off = np.abs(one.delta)
            summed |= {
                "convergence_delta_mean": float(off.mean()),
                "convergence_delta_max": float(off.max()),
            }
            if one.tolerance:
                summed["unconverged_share"] = float((off > one.tolerance).mean())
        if one.steps.any():
            summed["steps_mean"] = float(one.steps.mean())
        for metric, value in summed.items():
            yield {"unit": "model", "metric": metric, "variant": one.variant, "value": value,
                   "n": n}  # fmt: skip


def interaction_rows(found: Interacting, players: Players) -> Iterator[dict[str, Any]]:
    """The rows of each two heads: mean interaction, and mean of its absolute value."""
    if found.table is None:
        return
    pairs = combinations(players.heads.tolist(), 2)
    for (one, other), *means in zip(pairs, *found.table.means(), strict=True):
        for end, mean in zip(("", "_absolute"), means, strict=True):
            yield {
                **_unit(int(players.layer[one]), int(players.head[one])),
                "layer_b": int(players.layer[other]),
                "head_b": int(players.head[other]),
                "relation": f"{players.layer[other]}.{players.head[other]}",
                "metric": f"head_interaction{end}",
                "variant": found.variant,
                "value": float(mean),
                "n": found.table.shape[0],
            }


def attributed_items(
    found: Attributed,
    players: Players,
    examples: Sequence[Example],
    classes: npt.NDArray[np.int64],
) -> Iterator[pd.DataFrame]:
    """A line for each example and unit, of the values and of their absolute values; then a line
    for each example: how far its values miss the difference of the logits, and the difference.
    """
    N, U = found.scores.shape
    head = np.where(players.head == MLP, -1, players.head)
    for block in text_blocks(N, U):
        some = found.scores[block]
        about = {
            "layer": np.tile(players.layer, len(some)),
            "head": pd.array(np.tile(head, len(some)), dtype="Int64"),
            "prediction": np.repeat(classes[block], U),
        }
        for end, values in (("", some), ("_absolute", np.abs(some))):
            frame = _items(examples[block], found.variant, U).assign(**about, score=values.ravel())
            of_mlps = frame["head"] == MLP
            kinds = of_mlps.map({True: "mlp", False: "head"}).astype("string")
            frame["metric"] = kinds + f"_attribution{end}"
            yield items_frame(frame.assign(head=frame["head"].mask(of_mlps)))
    single = {"logit_difference_mean": np.abs(found.gained)}
    if found.sums:
        single["convergence_delta_mean"] = np.abs(found.delta)
    if found.steps.any():
        single["steps"] = found.steps
    for metric, numbers in single.items():
        frame = _items(examples[:N], found.variant, 1)
        yield items_frame(frame.assign(metric=metric, score=numbers, prediction=classes[:N]))


def interaction_items(
    found: Interacting, players: Players, examples: Sequence[Example]
) -> Iterator[pd.DataFrame]:
    """A line for each example and two heads, the second one in `relation`; some texts at a time."""
    if found.table is None:
        return
    names = np.array(list(unit_names(players)))
    first, second = np.array(list(combinations(players.heads.tolist(), 2))).T
    for block, values in found.table.blocks():
        frame = _items(examples[block], found.variant, len(first)).assign(
            layer=np.tile(players.layer[first], len(values)),
            head=np.tile(players.head[first], len(values)),
            relation=np.tile(names[second], len(values)),
        )
        for end, numbers in (("", values), ("_absolute", np.abs(values))):
            metric = f"head_interaction{end}"
            yield items_frame(frame.assign(metric=metric, score=numbers.ravel()))


def _items(examples: Sequence[Example], variant: str, times: int) -> pd.DataFrame:
    """What every item says of its example, each so many times in a row."""
    return pd.DataFrame(
        {
            "probe": NAME,
            "variant": variant,
            "item_id": np.repeat([example.id for example in examples], times),
            "sentence_id": np.repeat([example.first.id for example in examples], times),
        }
    )


def _kind(head: int) -> str:
    return "mlp" if head == MLP else "head"


def _unit(layer: int, head: int) -> dict[str, Any]:
    """The columns that name a unit."""
    return {"unit": _kind(head), "layer": layer, "head": None if head == MLP else head}


def _mean(values: Numbers, of: npt.NDArray[np.bool_], kind: bool) -> float:
    """Mean over the units of one kind; NaN where there is none."""
    chosen = values[of == kind]
    return float(chosen.mean()) if len(chosen) else float("nan")
