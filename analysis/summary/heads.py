"""One line for each head: how many seeds keep it, and what it does in the full model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from ...probes.entry import Measure, ProbeEntry
from ...probes.registry import PROBES, declaring, entries_of
from .kinds import WHO, by_method, flags_by_group
from .survival import survival_table

TO = "to_"
"""How the columns of shares of attention begin."""
_PLACE = [*WHO, "layer", "head"]
_KEPT = ["kept_share", "kept_seeds", "n_seeds"]
_IMPORTANCE = ["importance", "importance_method"]
_PATTERN = ["pattern", "pattern_share"]
_RELATION = [
    "best_relation", "best_relation_direction", "best_relation_accuracy", "best_relation_baseline",
    "best_relation_baseline_value", "best_relation_p_adjusted", "best_relation_n",
]  # fmt: skip
_STATE = "finetuned"


def _columns_of(measures: Sequence[Measure]) -> list[str]:
    """The columns of measures: after those of which one is largest, which one and its value."""
    found: list[str] = []
    for place, one in enumerate(measures):
        found.append(one.column)
        if one.largest and one.largest not in {later.largest for later in measures[place + 1 :]}:
            found += [one.largest, f"{one.largest}_share"]
    return found


def _declared(entries: Iterable[ProbeEntry]) -> list[tuple[str, Measure]]:
    """Probe and measure of every column that entries declare."""
    return [(entry.name, one) for entry in entries for one in entry.rows if one.column]


_BUILT_IN = _declared(PROBES.values())
TARGETS = tuple(one.column.removeprefix(TO) for _, one in _BUILT_IN if one.column.startswith(TO))
"""What a token's attention is counted for."""
_MEASURED = _columns_of([one for _, one in _BUILT_IN])
COLUMNS = [*_PLACE, *_KEPT, *_IMPORTANCE, *_PATTERN, *_RELATION, *_MEASURED, "state", "flag"]
"""Those of probes of other packages follow."""
_WHOLE = ("layer", "head", "kept_seeds", "n_seeds", "best_relation_n")


def heads_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Every head of every answer: survival, importance, pattern, best relation, attention.

    Args:
        rows: tidy rows of a run.

    Returns:
        One line for each model, task, method, layer and head. `kept_share` is the share of the
        `n_seeds` good masks that keep the head. Everything else is measured on the full fine-tuned
        model, where every head has attention, and averaged over seeds. Columns of a probe that did
        not run are empty. `importance` is what the search ranked the head by in its first step;
        for a method that ranks no heads it is that of the probe `head-attributions`, if it ran.
        `importance_method` names the measure. `best_relation` is the dependency relation with the
        largest gain in accuracy over its positional baseline; it is empty where no relation has a
        gain. It is chosen on the arcs that it is scored on, so its accuracy is optimistic.
    """
    heads = rows["unit"].eq("head").fillna(False) & rows["head_b"].isna()
    full = rows["kind"].eq("full") & rows["state"].eq(_STATE) & rows["value"].notna()
    masks = rows["probe"].eq("mask") & rows["kind"].eq("good")
    read = by_method(rows[heads & (full | masks).fillna(False)])
    measured = read[read["kind"] == "full"]
    kept = survival_table(rows[masks.fillna(False)])
    kept = kept[kept["unit"] == "head"].rename(columns={"share": "kept_share"})
    kept = kept.assign(kept_seeds=(kept["kept_share"] * kept["n_seeds"]).astype(float).round())
    places = pd.concat([kept[_PLACE], measured[_PLACE]]).drop_duplicates()
    table = places.sort_values(_PLACE, kind="stable")
    foreign = _declared(one for one in entries_of(_names(measured)) if one.name not in PROBES)
    foreign = [(probe, one) for probe, one in foreign if one.column not in COLUMNS]
    others = [name for name in _columns_of([one for _, one in foreign]) if name not in COLUMNS]
    parts = (
        kept[[*_PLACE, *_KEPT]],
        _importance(measured),
        _pattern(measured),
        _best_relation(measured),
        _measures(measured, _BUILT_IN + foreign),
        _flags(kept, measured),
    )
    for part in parts:
        table = table.merge(part, on=_PLACE, how="left")
    table = table.assign(state=_STATE).reindex(columns=[*COLUMNS, *others]).reset_index(drop=True)
    return table.astype(dict.fromkeys(_WHOLE, "Int64"))


def _of(measured: pd.DataFrame, probe: str, metric: str) -> pd.DataFrame:
    """A probe's numbers of one metric, of the first variant that it was measured in."""
    mine = measured[(measured["probe"] == probe) & (measured["metric"] == metric)]
    variant = mine["variant"].fillna("")
    return mine[variant == variant.iloc[0]] if len(mine) else mine


def _first(measured: pd.DataFrame, known: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """The numbers of the first of these probes and metrics; no line if there is none."""
    return next((_of(measured, *one) for one in known), measured[:0])


def _names(measured: pd.DataFrame) -> list[str]:
    return [str(name) for name in measured["probe"].dropna().unique()]


def _mean(mine: pd.DataFrame, name: str, by: list[str] | None = None) -> pd.DataFrame:
    """The mean over seeds of each head's value."""
    found = mine.groupby([*_PLACE, *(by or [])], sort=False, dropna=False)["value"].mean()
    return found.astype(float).rename(name).reset_index()


def _importance(measured: pd.DataFrame) -> pd.DataFrame:
    """What the search ranked each head by; of a method that ranks none, what the probe measured."""
    searched = _of(measured, "mask", "importance")
    names = _names(measured)
    probed = _first(
        measured, ((one.name, "head_importance") for one in declaring(names, beside="importances"))
    )
    known = searched[WHO].drop_duplicates().assign(known=True)
    rest = probed.merge(known, on=WHO, how="left")
    mine = pd.concat([searched, rest[rest["known"].isna()].drop(columns="known")])
    return _mean(mine, "importance", ["variant"]).rename(columns={"variant": "importance_method"})


def _pattern(measured: pd.DataFrame) -> pd.DataFrame:
    """The most frequent pattern of each head's maps, and its share of them."""
    entries = declaring(_names(measured), survivors="patterns")
    mine = _first(measured, ((one.name, one.headline.metric) for one in entries if one.headline))
    shares = _mean(mine, "pattern_share", ["relation"]).rename(columns={"relation": "pattern"})
    return _largest(shares, "pattern_share")


def _largest(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """The line of each head with the largest value; of equal ones the first."""
    return table.sort_values(by, ascending=False, kind="stable").drop_duplicates(_PLACE)


def _best_relation(measured: pd.DataFrame) -> pd.DataFrame:
    entries = entries_of(_names(measured))
    mine = _first(measured, ((one.name, one.best_gain.metric) for one in entries if one.best_gain))
    mine = mine[mine["relation"].ne("all") & mine["baseline_value"].notna()]
    line = [*_PLACE, "relation", "direction", "baseline"]
    found = mine.groupby(line, sort=False, dropna=False)
    table = found.agg(
        best_relation_accuracy=("value", "mean"),
        best_relation_baseline_value=("baseline_value", "mean"),
        best_relation_p_adjusted=("p_adjusted", "max"),
        best_relation_n=("n", "min"),
    ).reset_index()
    gain = table["best_relation_accuracy"] - table["best_relation_baseline_value"]
    best = _largest(table.assign(gain=gain)[gain > 0], "gain").drop(columns="gain")
    names = {name: f"best_relation_{name}" for name in ("direction", "baseline")}
    return best.rename(columns={"relation": "best_relation", **names})


def _measures(measured: pd.DataFrame, declared: list[tuple[str, Measure]]) -> pd.DataFrame:
    """The columns that probes declare, such as shares of attention and the largest one's target."""
    found = measured[_PLACE].drop_duplicates()
    for probe, one in declared:
        mine = _of(measured, probe, one.metric)
        found = found.merge(_mean(mine, one.column), on=_PLACE, how="left")
    for name in dict.fromkeys(one.largest for _, one in declared if one.largest):
        shares = found[[one.column for _, one in declared if one.largest == name]]
        some = shares.notna().any(axis=1)
        most = shares[some].idxmax(axis=1).str.removeprefix(TO)
        largest = {name: most.reindex(found.index), f"{name}_share": shares.max(axis=1)}
        found = found.assign(**largest)
    return found


def _flags(kept: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """All flags of what a line rests on."""
    every = pd.concat([kept[[*_PLACE, "flag"]], measured[[*_PLACE, "flag"]]])
    return flags_by_group(every.groupby(_PLACE, sort=False)["flag"]).reset_index()
