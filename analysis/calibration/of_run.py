"""Calibration and metrics by label of every kind of model in a run, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.tasks.metrics import BITS
from ..comparison.pair_records import frame_of, pair_columns
from ..comparison.pairs import Model, pairs_of, spoken
from ..comparison.run_items import Answers, answers_of, model_columns
from ..labels.by_label import by_label
from ..statistics.corrections import adjust_rows
from ..statistics.paired import expanded_limits
from ..summary.kinds import by_method
from .binned import BINNED, BINS, BRIER, NLL, OVERCONFIDENCE
from .curve import reliability
from .exchange import TEST, exchange_tests
from .forecasts import Forecasts
from .rows import baseline_of, class_shares, constant_forecast
from .stored import stored_forecasts
from .summary import NO_SPREAD, ONE_UNIT, Resampled, resampled_measures, summed

RESAMPLES = 500
"""Fewer than of a single model: a run has hundreds of them."""
_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
_WHO = dict.fromkeys(("model", "task", "method", "kind", "state"), _TEXT)
_VALUE = {"value": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT}
_NULL = {"baseline": _TEXT, "baseline_value": _REAL}
_P = {
    "p_value": _REAL, "p_adjusted": _REAL, "correction": _TEXT, "family_size": _WHOLE,
}  # fmt: skip
_COUNTS = dict.fromkeys(("n", "n_clusters", "n_seeds", "n_draws"), _WHOLE)
TABLES: Mapping[str, dict[str, str]] = {
    "labels": {**_WHO, "target": _TEXT, "metric": _TEXT, **_VALUE, **_NULL, "support": _WHOLE,
               **_COUNTS, "flag": _TEXT},
    "calibration": {**_WHO, "metric": _TEXT, "better": _TEXT, **_VALUE, **_NULL, **_P, **_COUNTS,
                    "flag": _TEXT},
    "reliability": {**_WHO, "bin": _WHOLE, "bin_low": _REAL, "bin_high": _REAL, **_VALUE,
                    "confidence": _REAL, **_COUNTS, "flag": _TEXT},
    "calibration_differences": {
        **dict.fromkeys(("model", "task"), _TEXT),
        **{f"{name}_{side}": _TEXT for side in "ab" for name in ("method", "kind", "state")},
        "question": _TEXT, "metric": _TEXT, "value_a": _REAL, "value_b": _REAL,
        "difference": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT,
        "test": _TEXT, **_P, "n": _WHOLE, "n_clusters": _WHOLE, "n_seeds": _WHOLE, "flag": _TEXT,
    },
    "calibration_notes": {"note": _TEXT},
}  # fmt: skip
"""Table -> its columns with their types."""
TESTED = ("calibration", "calibration_differences")
"""Tables with tests, which are corrected for all lines of a task together."""
COMPARED = (*BINNED, BRIER, NLL, OVERCONFIDENCE)

Classes = Mapping[str, Mapping[str, int]]
"""Task -> class -> how often it is in train."""


def classes_of(manifest: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The classes of each task of a run, in order; tasks without classes are left out."""
    found = {}
    for data in manifest.get("data") or ():
        splits = data.get("splits") if isinstance(data, Mapping) else None
        train = splits.get("train") if isinstance(splits, Mapping) else None
        classes = train.get("classes") if isinstance(train, Mapping) else None
        if isinstance(classes, Mapping) and classes:
            found[str(data.get("task"))] = {str(name): int(n) for name, n in classes.items()}
    return found


def answer_tables_of(
    rows: pd.DataFrame, cells: Path, classes: Classes, *, bins: int = BINS,
    resamples: int = RESAMPLES, correction: str = "holm",
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """What the answers of all models say beyond their scores.

    A line is about one kind and state: the mean over seeds of each seed's mean over draws.
    Intervals resample examples or clusters, for these seeds and draws, and tests of differences
    exchange them. The tests of calibration of one task are a family, and those of differences
    another. Lines of the full model are repeated for each method.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        classes: of each task, see `classes_of`.
        bins: number of bins of confidence.
        resamples: bootstrap samples.
        correction: `holm` or `fdr_bh`.

    Returns:
        The tables of `TABLES`; `calibration_notes` says what could not be computed.
    """
    lines: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    scored = model_columns(rows[(rows["probe"] == "performance") & rows["value"].notna()])
    for (model, task), mine in scored.groupby(["model", "task"], sort=False):
        known, about = classes.get(str(task)), {"model": model, "task": task}
        if not known or (mine["metric"] == BITS).any():
            lines["calibration_notes"].append({"note": f"{task}: no classes"})
            continue
        answers, notes = answers_of(mine[mine["metric"] == mine["metric"].iloc[0]], cells)
        lines["calibration_notes"] += [{"note": f"{task}: {note}"} for note in notes]
        measured: dict[Model, Resampled] = {}
        said: dict[Model, Mapping[int, Forecasts]] = {}
        for who, seeds in answers.items():
            line = about | dict(zip(("method", "kind", "state"), who, strict=True)) | _counts(seeds)
            lines["labels"] += [
                {**found, **line} for found in by_label(seeds, list(known), resamples=resamples)
            ]
            forecasts = stored_forecasts(seeds, cells, len(known))
            if len(forecasts) < len(seeds):
                why = f"{task}: {spoken(*who[1:])}: its cells hold no confidences of each class"
                lines["calibration_notes"].append({"note": why})
                continue
            said[who] = forecasts
            measured[who] = resampled_measures(forecasts, bins=bins, resamples=resamples)
            chance = constant_forecast(
                class_shares_of(known), next(iter(seeds.values())).gold.astype(int)
            )
            lines["calibration"] += [{**one, **line} for one in _measures(measured[who], chance)]
            lines["reliability"] += [
                {**line, **found}
                for found in reliability(forecasts, bins=bins, resamples=resamples)
            ]
        gaps = _differences(measured, said, bins)
        lines["calibration_differences"] += [about | one for one in gaps]
    tables = {name: frame_of(found, TABLES[name]) for name, found in lines.items()}
    for name in TESTED:
        if len(tested := tables[name]):
            tested = adjust_rows(tested, ["model", "task"], correction)
            tables[name] = frame_of(tested, TABLES[name])
    return {name: by_method(table) if "kind" in table else table for name, table in tables.items()}


def class_shares_of(known: Mapping[str, int]) -> Any:
    """The share of each class in train [K]."""
    counts = np.array(list(known.values()))
    return class_shares(np.repeat(np.arange(len(counts)), counts).tolist(), len(counts))


def _counts(seeds: Mapping[int, Answers]) -> dict[str, Any]:
    flags = {flag for said in seeds.values() for flag in said.flag.split(", ") if flag}
    return {
        "n_seeds": len(seeds), "n_draws": min(len(said.draws) for said in seeds.values()),
        "flag": ", ".join(sorted(flags)),
    }  # fmt: skip


def _measures(found: Resampled, chance: dict[str, float]) -> Iterator[dict[str, Any]]:
    for one in summed(found):
        yield {
            "metric": one.metric, "value": one.value, "ci_low": one.low, "ci_high": one.high,
            "ci_method": one.method, "n": found.n, "n_clusters": found.n_units,
            "p_value": one.p_value, "better": None if one.metric == OVERCONFIDENCE else "lower",
            **baseline_of(one, chance),
        }  # fmt: skip


def _differences(
    measured: Mapping[Model, Resampled], said: Mapping[Model, Mapping[int, Forecasts]], bins: int
) -> Iterator[dict[str, Any]]:
    """Each pair of interest: differences on the same resamples, over the seeds of both.

    Those of binned errors are reflected at the value, as in `summed`.
    """
    for pair in pairs_of(list(measured)):
        first, second = measured[pair.first], measured[pair.second]
        seeds = sorted(set(first.seeds) & set(second.seeds))
        if not seeds:
            continue
        tests = exchange_tests(said[pair.first], said[pair.second], seeds)
        for metric in COMPARED:
            a, b = first.mean(metric, seeds), second.mean(metric, seeds)
            drawn = first.drawn(metric, seeds) - second.drawn(metric, seeds)
            low, high = expanded_limits(drawn, first.n_units)
            method = f"paired {first.over}, {'this seed' if len(seeds) == 1 else 'these seeds'}"
            if metric in BINNED:
                low, high, method = 2 * (a - b) - high, 2 * (a - b) - low, f"basic {method}"
            if np.isnan(low):
                method = ONE_UNIT if first.n_units < 2 else NO_SPREAD
            yield {
                **pair_columns(pair), "metric": metric, "value_a": a, "value_b": b,
                "difference": a - b, "ci_low": low, "ci_high": high, "ci_method": method,
                "test": TEST, "p_value": tests[metric].p_value, "flag": tests[metric].flag,
                "n": first.n, "n_clusters": first.n_units, "n_seeds": len(seeds),
            }  # fmt: skip
