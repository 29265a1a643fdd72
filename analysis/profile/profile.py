"""The score of each kind of subnetwork for each phenomenon, one line per phenomenon.

Scores are means over hidden states 1..L, then over draws, then over seeds. The difference of good
from the mean of the random draws is tested over sentences (those that share a source together),
and the tests of one answer are one family. Whether good lies outside the variation of random draws
is a different question: it is answered by the share of draws below good, if there are at least 29
draws per seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.holmes.published import SUBFIELDS
from ...probes.registry import entries_of
from ..statistics.clusters import limits, units_of
from ..statistics.corrections import adjust_rows
from ..statistics.draws import LEAST_DRAWS
from ..statistics.paired_ratios import swap_ratios
from ..statistics.weighted import Floats, sums, weight_blocks
from ..summary.kinds import WHO, by_method
from .sentence_sums import About, SentenceSums, ratio, sentence_sums

SCORED: Mapping[str, tuple[str, str]] = {
    "full": ("full", "finetuned"),
    "good": ("good", "pruned"),
    "random": ("random", "pruned"),
    "bad": ("bad", "pruned"),
    "pretrained": ("full", "pretrained"),
    "untrained": ("full", "untrained"),
}
"""Column of the profile -> kind and state of the models that it scores."""
ABOUT = ["subfield", "phenomenon", "probe", "metric", "variant"]
COLUMNS = [
    *WHO, *ABOUT, *SCORED, "static", "static_vectors", "random_lowest", "random_highest",
    "n_seeds", "n_draws", "difference", "ci_low", "ci_high", "p_value", "p_adjusted", "correction",
    "family_size", "share_of_draws_below", "n", "n_clusters", "note",
]  # fmt: skip

Models = Mapping[tuple[str, int, int], SentenceSums]
"""Column of `SCORED`, seed and draw -> what the model has of one phenomenon."""


def has_profile(rows: pd.DataFrame) -> bool:
    """Whether a probe of the run is about a phenomenon."""
    return any(one.phenomena for one in entries_of(rows["probe"].dropna().unique()))


def profile_table(rows: pd.DataFrame, cells: Path, *, correction: str = "holm") -> pd.DataFrame:
    """The linguistic profile of a run.

    Args:
        rows: tidy rows of the run.
        cells: its folder of cells.
        correction: `holm` or `fdr_bh`, over the phenomena of one answer.

    Returns:
        one line for each encoder, task, method and phenomenon, in the order of subfields; empty
        where no probe of the run is about a phenomenon.

    Raises:
        DataFileError: if a cell is damaged.
    """
    probed = rows[rows["cell_id"].fillna("").ne("")]
    entries = {one.name: one for one in entries_of(rows["probe"].dropna().unique())}
    entries = {name: one for name, one in entries.items() if one.phenomena}
    probed = by_method(probed[probed["probe"].isin(list(entries))])
    keys = [*WHO, "probe", "kind", "state", "seed", "draw", "cell_id"]
    models = probed[keys].drop_duplicates()
    read: dict[str, dict[About, SentenceSums]] = {}
    tables = []
    for who, mine in models.groupby(WHO, sort=False):
        found: dict[About, dict[tuple[str, int, int], SentenceSums]] = {}
        for line in mine.itertuples():
            column = next(
                (name for name, of in SCORED.items() if of == (line.kind, line.state)), None
            )
            if column is None:
                continue
            if line.cell_id not in read:
                path = cells / f"{line.cell_id}.parquet"
                read[line.cell_id] = sentence_sums(path, entries[line.probe])
            draw = 0 if pd.isna(line.draw) else int(line.draw)
            for about, sums_ in read[line.cell_id].items():
                found.setdefault(about, {})[column, int(line.seed), draw] = sums_
        lines = [_line(about, found[about]) for about in sorted(found, key=_order)]
        table = pd.DataFrame(lines).assign(**dict(zip(WHO, who, strict=True)))
        tables.append(adjust_rows(table, method=correction))
    empty = pd.DataFrame(columns=COLUMNS)
    if not tables:
        return empty
    return pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS)


def _order(about: About) -> tuple[int, str, str, str, str]:
    return (
        SUBFIELDS.index(about.subfield), about.phenomenon, about.probe, about.metric, about.variant
    )  # fmt: skip


def _line(about: About, models: Models) -> dict[str, Any]:
    """One line of the table."""
    line: dict[str, Any] = {name: getattr(about, name) for name in ABOUT}
    for column in SCORED:
        line[column] = _score(models, column)
    static = [one.static for (column, _, _), one in models.items() if column == "full"]
    line["static"] = _mean([ratio(one) for one in static if one is not None])
    vectors = [one.vectors for (column, _, _), one in models.items() if column == "full"]
    line["static_vectors"] = _mean([ratio(one) for one in vectors if one is not None])
    values = [one.value for (column, _, _), one in models.items() if column == "random"]
    line["random_lowest"] = min(values, default=float("nan"))
    line["random_highest"] = max(values, default=float("nan"))
    some = next(iter(models.values()))
    line["n"] = round(float(some.sums[1].sum()))
    line["n_clusters"] = len(np.unique(units_of(some.clusters)))
    return line | _difference(models)


def _score(models: Models, column: str) -> float:
    """Mean over seeds, of each seed's mean over draws."""
    seeds: dict[int, list[float]] = {}
    for (name, seed, _), one in models.items():
        if name == column:
            seeds.setdefault(seed, []).append(one.value)
    return _mean([_mean(of_seed) for of_seed in seeds.values()])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


@dataclass(frozen=True)
class _Pairs:
    """Good and each random draw, on the sentences that all of them read.

    Attributes:
        seeds: the seed of each of the D pairs [D].
        good: numerators and denominators of good [D, 2, N].
        random: of a random draw of the same seed [D, 2, N].
        ids: the N sentences.
        clusters: the sampling cluster of each sentence.
    """

    seeds: tuple[int, ...]
    good: Floats
    random: Floats
    ids: list[str]
    clusters: list[str]


def _pairs(models: Models) -> _Pairs | None:
    """None where good or random was not probed in one seed."""
    draws = [key for key in models if key[0] == "random" and ("good", key[1], 0) in models]
    if not draws:
        return None
    sides = [models[key] for key in draws] + [models["good", seed, 0] for _, seed, _ in draws]
    shared = set.intersection(*(set(one.sentences) for one in sides))
    if len(shared) < 2:
        return None
    ids = sorted(shared)

    def stacked(chosen: Sequence[SentenceSums]) -> Floats:
        found = []
        for one in chosen:
            at = {name: place for place, name in enumerate(one.sentences)}
            found.append(one.sums[:, [at[name] for name in ids]])
        return np.stack(found)

    first = sides[0]
    cluster_of = dict(zip(first.sentences, first.clusters, strict=True))
    return _Pairs(
        tuple(seed for _, seed, _ in draws),
        stacked(sides[len(draws) :]),
        stacked(sides[: len(draws)]),
        ids,
        [cluster_of[name] for name in ids],
    )


def _difference(models: Models) -> dict[str, Any]:
    """Good minus the mean of the random draws, with interval and test, and good's percentile."""
    pairs = _pairs(models)
    if pairs is None:
        return {
            "p_value": float("nan"),
            "note": "good and random subnetworks were probed differently",
        }
    units = units_of(pairs.clusters)
    # each seed counts alike, and each draw of a seed
    share = np.array([1 / len(set(pairs.seeds)) / pairs.seeds.count(s) for s in pairs.seeds])
    seen = share @ (_ratios(pairs.good) - _ratios(pairs.random))
    resampled = []
    for block in weight_blocks(pairs.ids, units):
        change = np.zeros(len(block))
        for d in range(len(share)):
            a, b = sums(block, pairs.good[d].T), sums(block, pairs.random[d].T)
            with np.errstate(invalid="ignore", divide="ignore"):
                change += share[d] * (a[:, 0] / a[:, 1] - b[:, 0] / b[:, 1])
        resampled.append(change)
    low, high = limits(np.concatenate(resampled)[:, None])[0]
    (tested,) = swap_ratios(pairs.good[..., None], pairs.random[..., None], pairs.ids, units)
    below, notes = _below(models), [tested.flag] if tested.flag else []
    if below is None:
        notes.append(
            f"fewer than {LEAST_DRAWS} draws per seed: the rank of the good subnetwork among "
            "them is not tested"
        )
    return {
        "n_seeds": len(set(pairs.seeds)),
        "n_draws": min(pairs.seeds.count(seed) for seed in set(pairs.seeds)),
        "difference": float(seen),
        "ci_low": float(low),
        "ci_high": float(high),
        "p_value": tested.p_value,
        "share_of_draws_below": float("nan") if below is None else below,
        "note": "; ".join(notes),
    }


def _ratios(side: Floats) -> Floats:
    """Ratio of the sums of each pair [D]."""
    top, bottom = side.sum(axis=2).T
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(top / bottom)


def _below(models: Models) -> float | None:
    """Mean over seeds of the share of random draws below good, ties half; None for few draws."""
    shares = []
    for (column, seed, _), good in models.items():
        if column != "good":
            continue
        draws = np.array(
            [one.value for (name, of, _), one in models.items() if (name, of) == ("random", seed)]
        )
        if len(draws) < LEAST_DRAWS:
            return None
        shares.append(float(np.mean((draws < good.value) + 0.5 * (draws == good.value))))
    return _mean(shares) if shares else None
