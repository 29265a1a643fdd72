"""Whether good finds a relation, or does better in a metric of a probe, than random masks do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import ConfigError, UnknownNameError
from ...probes.registry import PROBES
from ..statistics.corrections import adjust_rows
from ..statistics.variation import EXAMPLES
from ..statistics.weighted import RESAMPLES
from .pair_records import THESE_SEEDS
from .pairs import Pair
from .probe_comparisons import ComparedProbe, Weights, probed_rows
from .probe_items import Key
from .probed_models import ProbedModels, Table

Reported = Callable[[Key], Key | None]
"""What items of a key are reported as; None = not at all. Items of several keys may be pooled."""

RELATIONS = next(
    (entry.name, entry.headline.metric)
    for entry in PROBES.values()
    if entry.survivors == "heads" and entry.headline
)
"""Probe and metric that answer for a dependency relation: the head that is best at it."""
_TEXT, _WHOLE, _REAL = "string", "Int64", "Float64"
FOUND: dict[str, str] = {
    "model": _TEXT, "task": _TEXT, "method": _TEXT, "state": _TEXT, "probe": _TEXT,
    "metric": _TEXT, "variant": _TEXT, "relation": _TEXT, "direction": _TEXT, "layer": _WHOLE,
    "good": _REAL, "random": _REAL, "random_low": _REAL, "random_high": _REAL,
    "difference": _REAL, "ci_low": _REAL, "ci_high": _REAL, "ci_method": _TEXT, "varies": _TEXT,
    "test": _TEXT, "p_value": _REAL, "p_floor": _REAL, "p_adjusted": _REAL, "correction": _TEXT,
    "family_size": _WHOLE, "baseline": _TEXT, "baseline_value": _REAL, "n": _WHOLE,
    "n_sentences": _WHOLE, "n_seeds": _WHOLE, "n_draws": _WHOLE, "flag": _TEXT,
}  # fmt: skip
"""Column -> type of the table of answers; `n` counts pairs of words, or items of another probe."""


def found_better(
    rows: pd.DataFrame,
    cells: Path,
    *,
    relations: Sequence[str] = (),
    metrics: Sequence[str] = (),
    correction: str = "holm",
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Good compared with random in what was asked, on the same sentences.

    The difference is the mean over seeds of good minus the mean of the random draws. Its interval
    resamples sentences; its p-value exchanges sentences between good and random in all seeds and
    draws alike, and is corrected over all lines of one model, task, method and state.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        relations: dependency relations; without `metrics` of the head that is best at each.
        metrics: metrics of probes, as PROBE/METRIC; of each relation where relations are named.
        correction: `holm` or `fdr_bh`.
        resamples: bootstrap samples.

    Returns:
        The columns of `FOUND`, one line per state and question.

    Raises:
        UnknownNameError: for a relation or metric that the run does not have, listing those.
        ConfigError: if the run has probed no good or no random subnetworks.
    """
    asked = [_probe_and_metric(text) for text in metrics] or [RELATIONS]
    _check(probed_rows(rows), relations, asked)
    reported = {
        probe: _only([metric for of, metric in asked if of == probe], relations)
        for probe in dict.fromkeys(probe for probe, _ in asked)
    }
    table = good_minus_random(rows, cells, reported, correction=correction, resamples=resamples)
    if table.empty:
        raise ConfigError(
            "good and random have no items of this probe in common",
            where=str(cells),
            remedy="add the probe to the run (`subprobe run` with `add`), or name another metric",
        )
    return table


def good_minus_random(
    rows: pd.DataFrame,
    cells: Path,
    reported: Mapping[str, Reported],
    *,
    correction: str = "holm",
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Good compared with all random draws in chosen metrics of probes, as `found_better` does it.

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells.
        reported: probe -> what its items are reported as.
        correction: `holm` or `fdr_bh`.
        resamples: bootstrap samples.

    Returns:
        The columns of `FOUND`; no line where good or random has no items.
    """
    probed = probed_rows(rows)
    mine = probed[probed["probe"].isin(list(reported)) & probed["kind"].isin(["good", "random"])]
    records: list[dict[str, Any]] = []
    for (model, task), of_task in mine.groupby(["model", "task"], sort=False):
        # one probe after the other: the items of all of them may not fit into the memory
        for probe in (name for name in reported if of_task["probe"].eq(name).any()):
            own = of_task[of_task["probe"] == probe]
            seeds = {
                int(seed): ProbedModels.read(of_seed, cells)
                for seed, of_seed in own.groupby("seed", sort=True)
            }
            for pair in _pairs(own):
                about = {"model": model, "task": task, "method": pair.first[0],
                         "state": pair.first[2]}  # fmt: skip
                lines = _of_pair(pair, probe, reported[probe], seeds, own, resamples)
                records += [about | line for line in lines]
    family = ["model", "task", "method", "state"]
    if not records:
        return pd.DataFrame(columns=list(FOUND)).astype(FOUND)
    table = pd.DataFrame(records).reindex(columns=list(FOUND)).astype(FOUND)
    table = adjust_rows(table, family, correction)
    return table.reindex(columns=list(FOUND)).astype(FOUND).reset_index(drop=True)


def _probe_and_metric(text: str) -> tuple[str, str]:
    probe, slash, metric = text.partition("/")
    if not (probe and slash and metric):
        raise ConfigError(
            f"a metric is written as PROBE/METRIC, got {text!r}",
            remedy=f"for example {'/'.join(RELATIONS)}",
        )
    return probe, metric


def _check(
    probed: pd.DataFrame, relations: Sequence[str], asked: Sequence[tuple[str, str]]
) -> None:
    whole = probed[probed["unit"].isin(["model", "layer"])]
    there = set(zip(whole["probe"], whole["metric"], strict=True))
    for probe, metric in asked:
        if (probe, metric) not in there:
            names = [f"{a}/{b}" for a, b in there]
            raise UnknownNameError("metric", f"{probe}/{metric}", names)
        of = whole[(whole["probe"] == probe) & (whole["metric"] == metric)]
        known = sorted(set(of["relation"].dropna()) - {""})
        for relation in relations:
            if relation not in known:
                raise UnknownNameError("relation", relation, known)


def _pairs(rows: pd.DataFrame) -> list[Pair]:
    """Good and random of each method and state that both were probed in."""
    there = set(rows[["method", "kind", "state"]].itertuples(index=False, name=None))
    return [
        Pair((method, kind, state), (method, "random", state), "")
        for method, kind, state in dict.fromkeys(
            rows[["method", "kind", "state"]].astype(str).itertuples(index=False, name=None)
        )
        if kind == "good" and (method, "random", state) in there
    ]


def _of_pair(
    pair: Pair, probe: str, reported: Reported, seeds: dict[int, ProbedModels],
    rows: pd.DataFrame, resamples: int,
) -> list[dict[str, Any]]:  # fmt: skip
    tables = {
        seed: [(draw, found.tables(pair, draw)) for draw in found.pairs(pair)]
        for seed, found in seeds.items()
        if {pair.first, pair.second} <= set(found.draws)
    }
    tables = {
        seed: [
            (draw, (_pooled(both[0], reported), _pooled(both[1], reported)))
            for draw, both in of_draws
        ]
        for seed, of_draws in tables.items()
    }
    tables = {seed: of for seed, of in tables.items() if any(both[0] for _, both in of)}
    if not tables:
        return []
    whole = ComparedProbe(pair, probe, tables, seeds, Weights(resamples), {})
    compared, tested = pd.DataFrame(whole.compared), whole.over_all()
    found = []
    for key, test, sizes in tested:
        _, metric, variant, relation, direction, layer = key
        line = compared[
            compared["metric"].eq(metric)
            & compared["variant"].fillna("").eq(variant)
            & compared["relation"].fillna("").eq(relation)
            & compared["direction"].fillna("").eq(direction)
            & compared["layer"].fillna(-1).eq(layer)
        ]
        mean = line[line["level"] == (THESE_SEEDS if len(tables) > 1 else "one seed")].iloc[0]
        draws = line[line["level"] == "one draw"]
        low, high = (draws if len(draws) else mean.to_frame().T)["value_b"].agg(["min", "max"])
        own = rows[(rows["probe"] == probe) & (rows["metric"] == metric)
                   & rows["unit"].isin(["model", "layer"]) & rows["kind"].eq("good")
                   & rows["relation"].fillna(rows["target"]).fillna("").eq(relation)]  # fmt: skip
        found.append(
            {
                "probe": probe, "metric": metric, "variant": variant or pd.NA,
                "relation": relation or pd.NA, "direction": direction or pd.NA,
                "layer": pd.NA if layer < 0 else layer, "good": mean["value_a"],
                "random": mean["value_b"], "random_low": low, "random_high": high,
                "difference": mean["difference"], "ci_low": mean.get("ci_low"),
                "ci_high": mean.get("ci_high"), "ci_method": mean["ci_method"],
                "varies": EXAMPLES, "test": "exchanged sentences", "p_value": test.p_value,
                "p_floor": test.floor, "flag": test.flag or mean["flag"], **_baseline(own),
                "n": sizes[0], "n_sentences": sizes[1], "n_seeds": len(tables),
                "n_draws": min(len(of) for of in tables.values()),
            }
        )  # fmt: skip
    return found


def _only(metrics: Sequence[str], relations: Sequence[str]) -> Reported:
    """These metrics alone, of these relations if any are named, each layer apart."""

    def reported(key: Key) -> Key | None:
        _, metric, _, relation, *_ = key
        return key if metric in metrics and (not relations or relation in relations) else None

    return reported


def _pooled(side: Table, reported: Reported) -> Table:
    """Sums of what is reported by key and sentence."""
    found: Table = {}
    for (key, sentence), sums in side.items():
        named = reported(key)
        if named is not None:
            at = named, sentence
            found[at] = found[at] + sums if at in found else sums
    return found


def _baseline(own: pd.DataFrame) -> dict[str, Any]:
    known = own[own["baseline_value"].notna()]
    if known.empty:
        return {"baseline": pd.NA, "baseline_value": np.nan}
    # a row may stand next to several baselines; the first is the one that it is tested against
    name = str(known["baseline"].iloc[0])
    known = known[known["baseline"] == name]
    return {
        "baseline": "positional" if name == "offset" else name,
        "baseline_value": float(known["baseline_value"].astype(float).mean()),
    }
