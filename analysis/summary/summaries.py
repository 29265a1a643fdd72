"""Subnetworks compared with each other: their scores, and all summaries of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from ..statistics.draws import LEAST_DRAWS
from ..statistics.variation import grid_in, pairs_in
from .agreement import overlap_summary, stability_summary
from .heads import heads_table
from .kinds import WHO, flags_by_group, performance_of, plain, tidy_kinds
from .layers import layer_summary, pattern_summary
from .probes import Drawn, probe_draws, probe_table
from .ranks import good_against_random
from .survival import content_summary, survival_table
from .unit_attributions import unit_attributions


def performance_table(rows: pd.DataFrame) -> pd.DataFrame:
    """What full models and subnetworks score: one line for each task, metric, kind and state.

    Returns:
        `mean` is the mean over seeds (of each seed's mean over draws), `seed_low` and `seed_high`
        the lowest and highest seed; `seed_grid` is the grid that crossed seeds form; `lowest`,
        `highest`, `median`, `draw_low` and `draw_high` describe all draws of all seeds by their
        range, median and middle 95%, the latter empty where a seed has fewer than 29 draws.
        `heads_kept`, `mlps_kept`, `neurons_kept` and `weights_kept` are mean shares of all there
        are; the last two are empty where no method masks them. `heads_borrowed` and so on are the
        mean shares of the units of a bad, anti or middle mask that others had to fill up.
    """
    scores = performance_of(rows)
    pairs = pairs_in(scores)
    line = [*WHO, "metric", "primary", "kind", "state"]
    found = scores.groupby(line, observed=True, sort=False, dropna=False)
    per_seed = scores.groupby([*line, "seed"], observed=True, sort=False)["value"].mean()
    over_seeds = per_seed.groupby(line, observed=True, sort=False)
    draws = found["draw"].nunique()
    enough = draws >= LEAST_DRAWS
    table = pd.DataFrame(
        {
            "n_seeds": over_seeds.size(),
            "seed_grid": found["seed"].agg(lambda seeds: grid_in(map(int, set(seeds)), pairs)),
            "n_draws": draws,
            "mean": over_seeds.mean(),
            "seed_low": over_seeds.min(),
            "seed_high": over_seeds.max(),
            "lowest": found["value"].min(),
            "highest": found["value"].max(),
            "median": found["value"].median(),
            "draw_low": found["value"].quantile(0.025).where(enough),
            "draw_high": found["value"].quantile(0.975).where(enough),
            "baseline": found["baseline"].first(),
            "baseline_value": found["baseline_value"].mean(),
            "n": found["n"].min(),
            "n_clusters": found["n_clusters"].min(),
            "split": found["split"].first(),
            "selection": found["selection"].first(),
            "flag": flags_by_group(found["flag"]),
        }
    ).reset_index()
    table = table.astype({"kind": "string", "seed_grid": "string"})
    for shares in (_kept_shares(rows), _shares(_masks(rows, "borrowed_share"), _BORROWED)):
        table = table.merge(shares, on=[*WHO, "kind"], how="left")
    whole = table["kind"].isin(["full", "untrained"])
    for share in _KEPT.values():
        # a method that does not mask neurons or weights says nothing of them, in no line
        told = table.groupby(WHO)[share].transform("count") > 0
        everywhere = share in ("heads_kept", "mlps_kept")
        table[share] = table[share].mask(whole & (told | everywhere), 1.0).astype(float)
    order = tidy_kinds(table.assign(minor=~table["primary"]))
    order = order.sort_values([*WHO, "minor", "metric", "state", "kind"], kind="stable")
    return plain(order.drop(columns="minor"))


_KEPT = {
    "heads": "heads_kept",
    "mlps": "mlps_kept",
    "neurons": "neurons_kept",
    "weights": "weights_kept",
}
"""Target of a mask row -> column of the performance table."""
_BORROWED = {target: f"{target}_borrowed" for target in _KEPT}


def kept_columns(scores: pd.DataFrame) -> dict[str, str]:
    """Title -> target of the shares that one method's lines fill: the finest that it prunes."""
    for finer in ("weights", "neurons"):
        if scores[f"{finer}_kept"].notna().any():
            return {finer: finer}
    return {"heads": "heads", "MLPs": "mlps"}


def _kept_shares(rows: pd.DataFrame) -> pd.DataFrame:
    masks = _masks(rows, "kept_share")
    # the ticket itself, trained from other weights: its mask is the good one
    ticket = masks[(masks["method"] == "imp") & (masks["kind"] == "good")]
    masks = pd.concat([masks, *(ticket.assign(kind=kind) for kind in ("reinit", "shuffled"))])
    return _shares(masks, _KEPT)


def _masks(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    masks = rows[(rows["probe"] == "mask") & (rows["metric"] == metric)]
    return masks[masks["target"].isin(list(_KEPT))]


def _shares(masks: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Mean share over seeds and draws, a column a target."""
    shares = masks.pivot_table(values="value", index=[*WHO, "kind"], columns="target")
    return shares.astype(float).reindex(columns=list(names)).reset_index().rename(columns=names)


SUMMARIES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary_performance": performance_table,
    "summary_against_random": good_against_random,
    "summary_probes": probe_table,
    "summary_probe_draws": probe_draws,
    "summary_survival": survival_table,
    "summary_survival_content": content_summary,
    "summary_stability": stability_summary,
    "summary_overlap": overlap_summary,
    "summary_layers": layer_summary,
    "summary_patterns": pattern_summary,
    "summary_head_attributions": unit_attributions,
    "heads": heads_table,
}
"""Name of the CSV file -> how it is computed from the rows of a run."""


def summaries(
    rows: pd.DataFrame, known: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, pd.DataFrame]:
    """Every summary of a run by the name of its CSV file; those that are known as they are."""
    drawn = Drawn.of(rows)
    there = {
        "summary_probes": probe_table(rows, drawn),
        "summary_probe_draws": probe_draws(rows, drawn),
        **(known or {}),
    }
    return {name: there[name] if name in there else made(rows) for name, made in SUMMARIES.items()}
