"""Good minus random in the headline number of every probe: what a run says first of its probes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd

from ...probes.entry import ProbeEntry
from ...probes.registry import entries_of
from ..comparison.found_better import FOUND, Reported, good_minus_random
from ..comparison.probe_comparisons import WITHOUT_ITEMS
from ..comparison.probe_items import Key
from ..statistics.corrections import ALPHA
from ..statistics.weighted import RESAMPLES

FILE = "probe_differences"


def probe_differences(
    rows: pd.DataFrame, cells: Path, *, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Good minus the mean of all random draws, in the headline numbers of every probe.

    A number about hidden states pools states 1 to L, which chooses no layer; a number about heads
    pools the heads that good and random both keep. See `found_better` for interval and test; p is
    corrected over all lines of one model, task, method and state (Holm).

    Args:
        rows: tidy rows of a run.
        cells: its folder of cells, which hold the items.
        resamples: bootstrap samples.

    Returns:
        The columns of `found_better.FOUND`. Of each model, task, method and state those lines come
        first that are clear (corrected p <= .05, interval without 0); of these, those whose good
        value lies outside the range of the random draws; then those whose difference is largest
        compared with that range, or with the interval where a seed has one draw.
    """
    reported = {
        entry.name: _headline(rows, entry)
        for entry in entries_of(rows["probe"].dropna().unique())
        if entry.headline is not None and entry.name not in WITHOUT_ITEMS
    }
    found = good_minus_random(rows, cells, reported, resamples=resamples)
    if found.empty:
        return found
    who = found.groupby(["model", "task", "method", "state"], sort=False).ngroup()
    ranked = found.assign(
        _who=who, _unclear=~clear(found), _within=~beyond_draws(found), _small=-_size(found)
    )
    ranked = ranked.sort_values(["_who", "_unclear", "_within", "_small"], kind="stable")
    return ranked[list(FOUND)].reset_index(drop=True)


def clear(found: pd.DataFrame) -> pd.Series:
    """Which differences have a corrected p up to .05 and an interval without 0."""
    sided = (found["ci_low"] > 0) | (found["ci_high"] < 0)
    return (found["p_adjusted"].le(ALPHA) & sided).fillna(False).astype(bool)


def beyond_draws(found: pd.DataFrame) -> pd.Series:
    """Where the good value lies outside the range of several random draws."""
    outside = (found["good"] > found["random_high"]) | (found["good"] < found["random_low"])
    return (outside & found["n_draws"].gt(1)).fillna(False).astype(bool)


def _size(found: pd.DataFrame) -> pd.Series:
    """Each difference over the range of the random draws, of one draw over its own interval."""
    draws, interval = (
        (found[f"{name}_high"] - found[f"{name}_low"]).astype(float) for name in ("random", "ci")
    )
    scale = draws.where(found["n_draws"].gt(1), interval)
    sizes = found["difference"].astype(float).abs() / scale.where(scale > 0)
    return sizes.fillna(0.0)


def _headline(rows: pd.DataFrame, entry: ProbeEntry) -> Reported:
    """The items of a probe's headline metrics, of the variants that the summary speaks of."""
    headline = entry.headline
    assert headline is not None
    mine = rows[(rows["probe"] == entry.name) & (rows["unit"] == headline.unit)]
    names = [name for name in mine["metric"].dropna().unique()
             if fnmatchcase(name, headline.metric)]  # fmt: skip
    variants = {name: list(dict.fromkeys(of["variant"].dropna()))
                for name, of in mine[mine["metric"].isin(names)].groupby("metric")}  # fmt: skip
    if not headline.by_variant:
        variants = {name: of[:1] for name, of in variants.items()}
    hidden = headline.unit == "layer"

    def reported(key: Key) -> Key | None:
        probe, metric, variant, relation, direction, layer = key
        if metric not in variants or (hidden and layer == 0):
            return None
        if variant and variants[metric] and variant not in variants[metric]:
            return None
        return (probe, metric, variant, relation, direction, -1)

    return reported
