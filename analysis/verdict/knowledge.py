"""What the probes found of full, good, random and bad, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from ..statistics.corrections import ALPHA
from ..summary.headlines import state_headlines
from ..wording import between, cite, decimal, named, p_text
from .lines import line_of, spread_of
from .pattern_words import patterns_said

MOST_PROPERTIES = 6
"""Properties of hidden states that are put into words."""
PROBED = ("full", "good", "random", "bad")


def knowledge_of(probes: pd.DataFrame, rows: pd.DataFrame) -> Iterator[str]:
    """Sentences from the lines of `probe_table` of one answer, and from its tidy rows."""
    for said in (_relations, _subsets, _attention, _attributions):
        if sentence := said(probes):
            yield sentence
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


def _relations(probes: pd.DataFrame) -> str:
    table = probes[probes["probe"] == "dependency-heads"]
    mean = table[table["relation"] == "all-relations"]
    if mean.empty:
        return ""
    count = len(set(table["relation"]) - {"all", "all-relations"})
    offset = _found(mean.iloc[0], "baseline_value")
    return (
        f"The best single head of a dependency relation, averaged over {count} relations, finds "
        f"the syntactic head this often: {_kinds(mean)} (best fixed offset {offset})."
    )


def _states(probes: pd.DataFrame) -> Iterator[str]:
    """Sentences on what probes read in hidden states: a property each, of the first few."""
    lines = state_headlines(probes)
    each = lines.groupby(["probe", "metric", "relation"], sort=False, dropna=False)
    for count, ((probe, metric, about), mine) in enumerate(each):
        if count == MOST_PROPERTIES:
            yield f"Another {each.ngroups - count} properties of hidden states are in the figure."
            return
        of = "" if pd.isna(about) else f" of {named(about)}"
        untrained = line_of(mine, kind="untrained")
        null = "" if untrained is None else f", untrained encoder {_found(untrained, 'mean')}"
        yield (
            f"In hidden states, {named(metric)}{of} by {probe}, mean over states 1 to L: "
            f"{_kinds(mine)}{null}."
        )


def _subsets(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "survivors") & (probes["relation"] == "all-relations")]
    good = line_of(table, kind="good", baseline="random-heads")
    if good is None:
        return ""
    tested = "p_value" if pd.isna(good["p_adjusted"]) else "p_adjusted"
    more = "more" if good["mean"] > good["baseline_value"] else "less"
    said = f"{more} than chance" if good[tested] <= ALPHA else "what chance keeps"
    return (
        f"As heads of the full model, good's survivors reach {_found(good, 'mean')}, where random "
        f"sets of as many heads reach {_found(good, 'baseline_value')} "
        f"{_null(good)}: {said} "
        f"(largest {_found(good, tested, p_text)})."
    )


def _attention(probes: pd.DataFrame) -> str:
    table = probes[probes["metric"] == "attention_to_special"]
    good = line_of(table, kind="good", state="pruned")
    if good is None:
        return ""
    return (
        f"Good's heads give {_found(good, 'mean')} of their attention to special tokens (the same "
        f"heads in the full model {_found(good, 'reference')}, uniform attention "
        f"{_found(good, 'baseline_value')})."
    )


def _attributions(probes: pd.DataFrame) -> str:
    table = probes[(probes["probe"] == "attributions") & (probes["state"] == "pruned")]
    good = table[table["kind"] == "good"]
    if good.empty:
        return ""
    parts = []
    for _, line in good.iterrows():
        p = line["p_value"] if pd.isna(line["p_adjusted"]) else line["p_adjusted"]
        mark = "" if pd.isna(p) or p > ALPHA else "*"
        chance = _found(line, "baseline_value")
        parts.append(f"{line['relation']} {_found(line, 'mean')}{mark} (chance {chance})")
    return (
        f"Good's predictions rest on: {', '.join(parts)} of the attribution; "
        "* = other than chance in every seed."
    )


def _null(line: pd.Series) -> str:
    """The middle 95% of random sets of heads."""
    known = between(line["null_low"], line["null_high"])
    return f"[{_found(line, 'null_low')}, {_found(line, 'null_high')}]" if known else ""
