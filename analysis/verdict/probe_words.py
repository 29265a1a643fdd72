"""What a report says first of its probes: good compared with all random draws."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ...probes.registry import entries_of
from ..profile.probe_differences import FILE, clear
from ..wording import cite, counted, named, p_text

MOST, MOST_OF_A_PROBE = 3, 2
SOURCE = f"{FILE}.csv"


def differences_found(table: pd.DataFrame | None) -> Iterator[str]:
    """At most three sentences: the clear differences that matter most, of two probes if there are.

    Args:
        table: the lines of `probe_differences` of one answer, what matters most first.
    """
    if table is None or table.empty:
        return
    found = table[clear(table) & (table["state"] == "pruned")]
    found = found[found.groupby("probe").cumcount() < MOST_OF_A_PROBE]
    for _, line in found.head(MOST).iterrows():
        yield _sentence(line)


def tested_differences(table: pd.DataFrame) -> pd.DataFrame:
    """The lines that have a corrected p and may be told."""
    return table[table["p_adjusted"].notna() & (table["state"] == "pruned")]


def _sentence(line: pd.Series) -> str:
    higher = "higher" if line["difference"] > 0 else "lower"
    what = "groups of sentences" if "clusters" in str(line["ci_method"]) else "sentences"
    seeds, draws = int(line["n_seeds"]), int(line["n_draws"])
    masks = "one random mask" if draws == 1 else f"these {draws} random masks"
    masks += " per seed" if seeds > 1 else ""
    low, high = (cite(line, name, SOURCE) for name in ("ci_low", "ci_high"))
    spread = ""
    if draws > 1:
        ends = (cite(line, name, SOURCE) for name in ("random_low", "random_high"))
        spread = f" (single random masks: {' to '.join(ends)})"
    return (
        f"{_what(line)} is {higher} in the good {'subnetworks' if seeds > 1 else 'subnetwork'} "
        f"than in random ones: {cite(line, 'good', SOURCE)} against "
        f"{cite(line, 'random', SOURCE)}{spread}. The difference is "
        f"{cite(line, 'difference', SOURCE)} [{low}, {high}] "
        f"({cite(line, 'p_adjusted', SOURCE, p_text)}, {line['correction']} over "
        f"{counted(int(line['family_size']), 'test')}; p and 95% interval over {what}, "
        f"for {masks})."
    )


def _what(line: pd.Series) -> str:
    """The number in words, with the probe and what was averaged."""
    (entry,) = entries_of([line["probe"]])
    headline, metric = entry.headline, str(line["metric"])
    measure = entry.measure_of(metric)
    text = (measure and measure.words) or named(metric)
    about = "" if pd.isna(line["relation"]) else f" of `{line['relation']}`"
    where = {"layer": ", mean over hidden states 1 to L", "head": ", heads that both keep"}
    unit = "" if headline is None else where.get(headline.unit, "")
    variant = ""
    if headline is not None and headline.by_variant and pd.notna(line["variant"]):
        variant = f"{named(line['variant'])} "
    return f"{text[:1].upper()}{text[1:]}{about} ({variant}probe `{line['probe']}`{unit})"
