"""What the probes found of full, good, random and bad, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ..statistics.corrections import ALPHA
from ..summary.headlines import state_headlines
from ..wording import between, cite, decimal, named, p_text, percent
from .lines import line_of, spread_of, told_of
from .pattern_words import patterns_said

MOST_PROPERTIES = 6
"""Most properties of hidden states that sentences are written about."""
PROBED = ("full", "good", "random", "bad")


def knowledge_of(probes: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """Sentences from the lines of `probe_table` of one answer, and from its tidy rows."""
    for said in (_relations, _subsets, _heads, _shares):
        yield from said(probes)
    yield from _states(probes)
    if sentence := patterns_said(probes, rows):
        yield sentence


def _found(line: pd.Series, column: str, form: Callable[[Any], str] = decimal) -> str:
    return cite(line, column, "summary_probes.csv", form)


def _kinds(table: pd.DataFrame) -> str:
    """Means of full, good, random and bad as fine-tuned or pruned."""
    states = table[table["state"].isin(["finetuned", "pruned"])]
    found = [(kind, line_of(states, kind=kind)) for kind in PROBED]
    return ", ".join(
        f"{kind} {_found(line, 'mean')}{spread_of(line, _found)}"
        for kind, line in found
        if line is not None
    )


def _relations(probes: pd.DataFrame) -> Iterator[str]:
    for about, table in told_of(probes, "kinds"):
        mean = table[table["relation"] == "all-relations"]
        if mean.empty:
            continue
        count = len(set(table["relation"]) - {"all", "all-relations"})
        baseline = _found(mean.iloc[0], "baseline_value")
        over = "of one relation" if count == 1 else f"averaged over {count} relations"
        yield f"{about.words}, {over}: {_kinds(mean)} ({about.baseline}: {baseline})."


def _states(probes: pd.DataFrame) -> Iterator[str]:
    """Sentences on what probes read in hidden states: a property each, of the first few."""
    lines = state_headlines(probes)
    each = lines.groupby(["probe", "metric", "relation"], sort=False, dropna=False)
    for count, ((probe, metric, about), mine) in enumerate(each):
        if count == MOST_PROPERTIES:
            more = each.ngroups - count
            are = "property is" if more == 1 else "properties are"
            yield f"{more} more {are} in the figure of hidden states."
            return
        of = "" if pd.isna(about) else f" of {named(about)}"
        untrained = line_of(mine, kind="untrained")
        null = "" if untrained is None else f", untrained encoder {_found(untrained, 'mean')}"
        yield (
            f"{_upper(named(metric))}{of} in hidden states (probe `{probe}`, mean over states 1 "
            f"to L): {_kinds(mine)}{null}."
        )


def _subsets(probes: pd.DataFrame) -> Iterator[str]:
    table = probes[(probes["probe"] == "survivors") & (probes["relation"] == "all-relations")]
    good = line_of(table, kind="good", baseline="random-heads")
    at = next((about.words for about, _ in told_of(probes, "survivors")), "")
    if good is None or not at:
        return
    tested = "p_value" if pd.isna(good["p_adjusted"]) else "p_adjusted"
    clear, better = good[tested] <= ALPHA, good["mean"] > good["baseline_value"]
    than = ("better than" if better else "worse than") if clear else "no better than"
    yield (
        f"In the full model, the heads that survive in the good subnetwork are {than} random sets "
        f"of as many heads at {at}: {_found(good, 'mean')} against "
        f"{_found(good, 'baseline_value')}{_null(good)}, largest {_found(good, tested, p_text)} "
        "over seeds."
    )


def _heads(probes: pd.DataFrame) -> Iterator[str]:
    for about, table in told_of(probes, "heads"):
        good = line_of(table, kind="good", state="pruned")
        if good is None:
            continue
        yield (
            f"The heads of the good subnetwork {about.words.format(_found(good, 'mean', percent))} "
            f"(the same heads in the full model: {_found(good, 'reference', percent)}; "
            f"{about.baseline}: {_found(good, 'baseline_value', percent)})."
        )


def _shares(probes: pd.DataFrame) -> Iterator[str]:
    for about, table in told_of(probes, "shares"):
        good = table[(table["kind"] == "good") & (table["state"] == "pruned")]
        if good.empty:
            continue
        parts, stars = [], False
        for _, line in good.iterrows():
            p = line["p_value"] if pd.isna(line["p_adjusted"]) else line["p_adjusted"]
            clear = not (pd.isna(p) or p > ALPHA)
            stars |= clear
            chance = _found(line, "baseline_value", percent)
            share = _found(line, "mean", percent)
            parts.append(f"{line['relation']} {share}{'*' if clear else ''} ({chance})")
        key = "* differs from chance in every seed" if stars else "none differs clearly from chance"
        yield f"{about.words} (in brackets: {about.baseline}): {', '.join(parts)}; {key}."


def _null(line: pd.Series) -> str:
    """The middle 95% of random sets of heads; it is no confidence interval."""
    known = between(line["null_low"], line["null_high"])
    ends = f"{_found(line, 'null_low')} to {_found(line, 'null_high')}"
    return f" (middle 95%: {ends})" if known else ""


def _upper(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]
