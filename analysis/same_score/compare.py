"""Several masks of one model: every table of `subprobe same-score`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..spread.columns import framed
from ..spread.panel import PERFORMANCE
from ..statistics.corrections import adjust_rows
from ..statistics.row_units import items_metric
from ..steps.progress import Progress
from ..wording import counted
from .agreement import pair_table, stability_table
from .columns import METRIC, PREDICTIONS, SPREAD
from .core import Sets, asked_sets, core_table, scored_sets, size_notes, unit_table
from .masks import Masks, equal_pairs
from .measure import DRAWS, SameScore, measure_points, note_of, with_notes
from .predictions import Answers, answers_of, differing, prediction_table
from .scoring import Measuring, Scored, metric_values, score_masks


@dataclass(frozen=True)
class Asked:
    """What is asked of the masks.

    Attributes:
        draws: random sets beside the core; 59 are the least for three corrected tests.
        permutations: of each test.
        correction: of p-values.
        seed: of permutations, resamples and draws.
    """

    draws: int = 59
    permutations: int = DRAWS
    correction: str = "holm"
    seed: int = 0


def compare_masks(
    measuring: Measuring, masks: Masks, asked: Asked, progress: Progress
) -> SameScore:
    """Score the masks, and compare what they keep, score, predict and otherwise do.

    Args:
        measuring: the model and what is measured.
        masks: checked and numbered masks of it.
        asked: numbers of draws, and the correction.
        progress: receives progress and messages.

    Raises:
        UnknownNameError: for a metric that does not exist.
    """
    scored = score_masks(measuring, masks, progress)
    sets, core = None, None
    if not next(iter(masks.values())).weight_masks:
        sets = Sets.of(masks)
        if not sets.core.empty:
            asked_for = asked_sets(sets, asked.draws, asked.seed)
            with progress.stage("scoring the core and random sets") as advance:
                rows = scored_sets(asked_for, measuring, advance)
            core = core_table(asked_for, metric_values(rows, measuring.metrics), asked.correction)
    return tables_of(scored, masks, asked, sets, core)


def tables_of(
    scored: Scored, masks: Masks, asked: Asked, sets: Sets | None, core: pd.DataFrame | None
) -> SameScore:
    """The tables about masks that were scored.

    Args:
        scored: the masks and the full model.
        masks: the masks.
        asked: numbers of draws, and the correction.
        sets: the core of the masks; None = masks of single weights, which have none.
        core: the scores of the core, if there are any.
    """
    found = measure_points(
        scored.points, draws=asked.permutations, correction=asked.correction, seed=asked.seed
    )
    stability, said = stability_table(masks, draws=asked.permutations, seed=asked.seed)
    notes = [note_of("mask_agreement", line) for line in said]
    notes += [note_of("mask_spread", line) for line in _at_chance(found.spread)]
    if alike := equal_pairs(masks):
        notes.append(
            note_of("mask_pairs", f"the two masks are equal in {counted(len(alike), 'pair')}")
        )
    more = {
        "rows": scored.rows,
        "mask_pairs": pair_table(masks, asked.correction),
        "mask_agreement": stability,
        "mask_predictions": _predictions(scored, asked.seed),
    }
    if sets is not None:
        more |= {"core_units": unit_table(sets)} | ({} if core is None else {"core": core})
        notes += [note_of("core", line) for line in size_notes(sets)]
        if sets.core.empty:
            notes.append(note_of("core", "no unit is kept in all masks: there is no core to score"))
    spread = _differing(found.spread, scored, asked)
    return replace(found, spread=spread, more=more, notes=with_notes(found, notes))


def _at_chance(spread: pd.DataFrame) -> Iterator[str]:
    """Scores that are no better than those of a model without knowledge."""
    for line in spread[spread["primary"].fillna(False)].itertuples():
        if pd.isna(line.baseline_value) or line.mean > line.baseline_value:
            continue
        yield (
            f"the masks' mean {line.metric} of {line.mean:.3f} is no better than the "
            f"{line.baseline} baseline of {line.baseline_value:.3f}: equal scores say nothing; "
            "keep more units, or fine-tune longer"
        )


def _of(scored: Scored, line: Any) -> Answers | None:
    """The answers behind one metric of the table of spread."""
    probe, metric, relation = ("" if pd.isna(line[name]) else str(line[name]) for name in METRIC)
    if probe == PERFORMANCE:
        # accuracy is a mean over examples; other metrics of the task are not
        return answers_of(scored.items, probe) if metric == "accuracy" else None
    return answers_of(scored.items, probe, items_metric(probe, metric), relation)


def _predictions(scored: Scored, seed: int) -> pd.DataFrame:
    """Agreement of predictions on the task's own examples."""
    answers = answers_of(scored.items, PERFORMANCE)
    if answers is None or answers.said is None or _regression(scored):
        return framed([], PREDICTIONS)
    about = {"probe": PERFORMANCE, "metric": "accuracy"}
    return prediction_table(answers, about, seed)


def _regression(scored: Scored) -> bool:
    metrics = scored.rows.loc[scored.rows["probe"].eq(PERFORMANCE), "metric"]
    return bool(metrics.isin(["pearson", "spearman", "pearson_spearman"]).any())


def _differing(spread: pd.DataFrame, scored: Scored, asked: Asked) -> pd.DataFrame:
    """The table of spread with a test of each mean over examples: do the masks differ in it?"""
    lines = list(_tested(spread, scored, asked))
    table = framed(lines, SPREAD)
    floors = framed(lines, {"floor": "Float64"})["floor"]
    return framed(adjust_rows(table, (), asked.correction, floors=floors, flag="note"), SPREAD)


def _tested(spread: pd.DataFrame, scored: Scored, asked: Asked) -> Iterator[dict[str, Any]]:
    for line in spread.to_dict("records"):
        answers = _of(scored, line)
        yield line | (differing(answers, asked.permutations, asked.seed) if answers else {})
