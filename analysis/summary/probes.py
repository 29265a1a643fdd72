"""What each kind of subnetwork knows, in a few headline figures a probe."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from .kinds import WHO, by_method, plain, tidy_kinds, with_flags
from .over_draws import RANGE, each_draw, over_draws_and_seeds

_MODEL = [*WHO, "kind", "state", "seed", "draw"]


def _attention(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each statistic over living heads, beside the same heads of the full model."""
    cells = rows[(rows["probe"] == "attention-stats") & (rows["unit"] == "head")]
    cells = cells[cells["value"].notna()]
    place = [*WHO, "seed", "metric", "layer", "head"]
    full = cells[cells["kind"] == "full"].drop_duplicates(place)
    paired = cells.merge(
        full[[*place, "value"]].rename(columns={"value": "reference"}), on=place, how="left"
    )
    found = paired.groupby([*_MODEL, "metric"], observed=True, sort=False, dropna=False)
    return found.agg(
        value=("value", "mean"),
        reference=("reference", "mean"),
        baseline=("baseline", "first"),
        baseline_value=("baseline_value", "mean"),
        n=("value", "size"),
        n_clusters=("n_clusters", "min"),
    ).reset_index()


def _dependencies(rows: pd.DataFrame) -> pd.DataFrame:
    """Best living head of each relation, and their mean over relations, beside the full model's."""
    best = rows[(rows["probe"] == "dependency-heads") & (rows["metric"] == "best_head_accuracy")]
    best = best[best["value"].notna()]
    named = best[best["relation"] != "all"]
    line = [*_MODEL, "metric", "baseline"]
    mean = named.groupby(line, observed=True, sort=False, dropna=False)
    pooled = mean.agg(
        value=("value", "mean"), baseline_value=("baseline_value", "mean"), n=("n", "sum")
    ).reset_index()
    both = pd.concat([best, pooled.assign(relation="all-relations")], ignore_index=True)
    return _beside_full(both)


def _patterns(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of each pattern among the maps of living heads, beside the full model's."""
    shares = rows[(rows["probe"] == "attention-patterns") & (rows["metric"] == "pattern_share")]
    model = shares[(shares["unit"] == "model") & shares["value"].notna()]
    named = model.assign(metric="pattern_share_" + model["variant"])
    # the model's rows stand twice, for two intervals
    return _beside_full(named.drop_duplicates([*_MODEL, "metric", "relation"]))


def _attributions(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of the attribution on each group of words, beside the full model's."""
    shares = rows[(rows["probe"] == "attributions") & (rows["metric"] == "attribution_share")]
    return _beside_full(shares[shares["value"].notna()])


def _survivors(rows: pd.DataFrame) -> pd.DataFrame:
    """Best survivor against random head subsets, whose middle 95% is `null_low` to `null_high`."""
    kept = rows[(rows["probe"] == "survivors") & rows["value"].notna()]
    return kept.rename(columns={"ci_low": "null_low", "ci_high": "null_high"})


def _beside_full(rows: pd.DataFrame) -> pd.DataFrame:
    place = [*WHO, "seed", "metric", "relation"]
    full = rows[rows["kind"] == "full"].drop_duplicates(place)
    full = full[[*place, "value"]].rename(columns={"value": "reference"})
    return rows.merge(full, on=place, how="left")


_HEADLINES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "attention-stats": _attention,
    "attention-patterns": _patterns,
    "dependency-heads": _dependencies,
    "survivors": _survivors,
    "attributions": _attributions,
}


_NUMBERS = [
    "value", "reference", "null_low", "null_high", "p_value", "p_adjusted", "baseline_value", "n",
    "n_clusters",
]  # fmt: skip
_LINE = [*WHO, "probe", "metric", "relation", "baseline", "kind", "state"]
_LARGEST = ("p_value", "p_adjusted")


def probe_draws(rows: pd.DataFrame) -> pd.DataFrame:
    """What each probed subnetwork knows: the lines of `probe_table`, one for each seed and draw."""
    cells = _cells(tidy_kinds(by_method(rows)))
    found = each_draw(cells, _LINE, _NUMBERS, _LARGEST)
    columns = [*_LINE, "seed", "draw", *_NUMBERS]
    return plain(found[columns])


def _cells(tidy: pd.DataFrame) -> pd.DataFrame:
    """The headline numbers of every probe."""
    parts = [made(tidy).assign(probe=probe) for probe, made in _HEADLINES.items()]
    cells = pd.concat([part for part in parts if len(part)] or [tidy.head(0)], ignore_index=True)
    cells = cells.reindex(columns=[*dict.fromkeys([*cells.columns, "relation", *_NUMBERS])])
    return cells.astype(dict.fromkeys(_NUMBERS, float))


def probe_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What each kind of subnetwork knows: one line for each task, probe, metric, kind and state.

    Returns:
        `mean` over seeds, of each seed's mean over draws; `seed_low` and `seed_high` are the lowest
        and highest seed, `lowest` and `highest` the lowest and highest of all draws of all seeds;
        `reference` is the full model's value, for attention statistics over the heads that live in
        both (so that no mean moves only because other heads were averaged); `p_value` and
        `p_adjusted` are the largest over draws and seeds. `n` is what the smallest seed's value
        rests on: living heads, arcs or examples; `n_clusters` the independent units behind it,
        empty for a mean over relations. `flag` joins those of all rows of the probe about the kind
        and state.
    """
    tidy = tidy_kinds(by_method(rows))
    draws = each_draw(_cells(tidy), _LINE, _NUMBERS, _LARGEST)
    table = over_draws_and_seeds(draws, _LINE, _LARGEST)
    columns = [*_LINE, *RANGE, "reference", "baseline_value", "null_low", "null_high", *_LARGEST,
               "n", "n_clusters"]  # fmt: skip
    about = [*WHO, "probe", "kind", "state"]
    return plain(with_flags(table[columns], tidy[tidy["value"].notna()], about))
