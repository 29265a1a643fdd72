"""Masks of other tasks compared with the full model, the own mask, random masks, and the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...data.seeds import Pairs, design_of
from ..comparison.answer_tests import SIGNS_OF_CLUSTERS, SIGNS_OF_EXAMPLES
from ..comparison.pair_records import BEYOND, COMPARED, ONE_SEED, difference_records
from ..comparison.pairs import Model, Pair
from ..comparison.run_items import Answers
from ..comparison.score_comparisons import Draws
from ..statistics.clusters import alone
from ..statistics.corrections import adjust_rows
from ..statistics.paired_tests import Tested, cluster_signs, swap_draws
from ..statistics.uncertainty import Floats

_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
QUESTIONS = {
    "full": "what the mask loses",
    "own": "what the mask of another task lacks",
    "random": "whether the mask carries over more than its size",
    "complement": "whether the mask has more of the task than the rest of the model",
}
"""Reference -> what the difference from it answers."""
DIFFERENCES: dict[str, str] = {
    "model": _TEXT, "method": _TEXT, "reading": _TEXT, "mask_task": _TEXT, "task": _TEXT,
    "reference": _TEXT, "question": _TEXT, "metric": _TEXT, "primary": "boolean",
    **{name: COMPARED[name] for name in (
        "level", "seed", "value_a", "value_b", "difference", "ci_low", "ci_high", "ci_method",
        "coverage", "n", "n_clusters", "n_seeds", "draws_b")},
    "varies": _TEXT, "test": _TEXT, "p_value": _REAL, "p_floor": _REAL, "p_adjusted": _REAL,
    "correction": _TEXT, "family": _TEXT, "family_size": _WHOLE, "flag": _TEXT,
}  # fmt: skip
"""Column -> type of the table of differences."""


def differences(
    about: Mapping[str, str],
    answers: Mapping[Model, dict[int, Answers]],
    sides: Mapping[tuple[Model, str], Draws],
    metrics: list[str],
    pairs: Pairs | None = None,
) -> Iterator[dict[str, Any]]:
    """The difference of each mask from each reference: in each seed, over seeds, and beyond them.

    The p-value stands in the line over these seeds, or in that of the only seed. It exchanges the
    answers of the two to an example, or to a cluster of examples, in all seeds and draws alike, so
    that it is about other examples, not about other seeds or draws.

    Args:
        about: `model` and `task`, which every line repeats.
        answers: model (method, `KIND of TASK`, reading) -> seed -> answers.
        sides: the same models' scores, whole and resampled.
        metrics: of the task, the primary one first.
        pairs: what seeds stand for, where those of initialisation and order are crossed.
    """
    for model in answers:
        if not model[1].startswith("good of "):
            continue
        method, name, reading = model
        of = name.removeprefix("good of ")
        for reference, other in _references(model, of, about["task"]).items():
            if other not in answers:
                continue
            first, second = answers[model], answers[other]
            seeds = sorted(set(first) & set(second))
            for metric in metrics:
                line = {**about, "mask_task": of, "reference": reference, "reading": reading,
                        "metric": metric, "primary": metric == metrics[0]}  # fmt: skip
                share = float(np.mean([_differing(first[s], second[s]) for s in seeds]))
                both = sides[model, metric].mean(), sides[other, metric].mean()
                pair = Pair(model, other, QUESTIONS[reference])
                for record in difference_records(
                    pair, line, *both, design_of(seeds, pairs), outcome=metric, share=share
                ):
                    over = record["level"] != BEYOND and (
                        len(seeds) == 1 or record["level"] != ONE_SEED
                    )
                    tested = _tested(metric, first, second, seeds) if over else {}
                    yield {**record, "method": method, **tested}


def corrected(table: pd.DataFrame, correction: str) -> pd.DataFrame:
    """The table with p-values corrected: one family for each reading, reference and primary."""
    further = table["primary"].map({True: "", False: " · further metrics"}).astype("string")
    named = table["model"] + " · " + table["reading"] + " · " + table["reference"] + further
    found = adjust_rows(table.assign(family=named), ["family"], correction)
    return found.reindex(columns=list(DIFFERENCES)).astype(DIFFERENCES)


def _references(model: Model, of: str, task: str) -> dict[str, Model]:
    """What a mask is compared with: a task's own mask is not compared with itself."""
    method, _, reading = model
    found: dict[str, Model] = {"full": ("full", "full", "")}
    if of != task:
        found["own"] = (method, f"good of {task}", reading)
    return found | {kind: (method, f"{kind} of {of}", reading) for kind in ("random", "complement")}


def _differing(first: Answers, second: Answers) -> float:
    """Share of examples on which the one draw of the first and those of the second differ."""
    return float(np.mean(first.predictions[:, :1] != second.predictions))


def _tested(
    metric: str, first: dict[int, Answers], second: dict[int, Answers], seeds: list[int]
) -> dict[str, Any]:
    """The exchange test over all seeds and draws."""
    one = first[seeds[0]]
    draws = min(len(second[seed].draws) for seed in seeds)
    a: Floats = np.concatenate([first[seed].read_by(metric)[:, :1] for seed in seeds], axis=1)
    b: Floats = np.concatenate([second[seed].read_by(metric)[:, :draws] for seed in seeds], axis=1)
    gold, units = one.gold, one.units
    if metric == "accuracy":
        name = SIGNS_OF_EXAMPLES if alone(units) else SIGNS_OF_CLUSTERS
        tested: Tested = cluster_signs(a == gold[:, None], b == gold[:, None], units)
    else:
        name = "exchanged answers"
        tested = swap_draws(metric, np.repeat(a, draws, axis=1), b, gold, units)
    found: dict[str, Any] = {"test": name, "p_value": tested.p_value, "p_floor": tested.floor}
    return found | ({"flag": tested.flag} if tested.flag else {})
