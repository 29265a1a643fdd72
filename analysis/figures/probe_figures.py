"""Pictures of what probes found, each compared with random subnetworks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd

from ...probes.attention.entries import ATTENTION_STATS
from ...probes.registry import entries_of, find_probe
from ..summary.kinds import BESIDE_FULL
from ..verdict.answer import Answer
from ..wording import decimal
from .charts import COLOURS, GREY, Figure, file_name, kind_scales, spec_of, told
from .claims import difference_claim
from .differences import (
    Items,
    compared,
    difference_panels,
    differences,
    how_to_read,
    ordered,
    said_differences,
)

_KINDS = list(COLOURS)
ATTENTION_ORDER = [
    one.metric for one in ATTENTION_STATS.rows if one.metric.startswith("attention_to_")
]
SHOWN = ["probe", "metric", "relation", "baseline", "kind", "state", "n_seeds", "n_draws", "mean",
          "seed_low", "seed_high", "lowest", "highest", "reference", "baseline_value", "null_low",
          "null_high", "p_value", "p_adjusted", "n"]  # fmt: skip


def lines_of(answer: Answer, figure: str, name: str = "summary_probes") -> pd.DataFrame:
    """The headlines that are drawn so: of the probes whose entry says it, else of that name."""
    table = answer.tables[name]
    drawn = {one.name: one.figure for one in entries_of(table["probe"].dropna().unique())}
    return table[table["probe"].map(lambda probe: drawn.get(probe, probe)) == figure]


def _draws_of(answer: Answer, figure: str) -> pd.DataFrame:
    """Every draw of every seed behind the lines of a probe."""
    return lines_of(answer, figure, "summary_probe_draws")


def means(table: pd.DataFrame) -> str:
    """The mean of the lines of each kind and state, in words."""
    lines = table.groupby(["kind", "state"], sort=False)["mean"].mean()
    return ", ".join(f"{kind} {state} {decimal(mean, 3)}" for (kind, state), mean in lines.items())


RELATIONS = Items("relation", "difference in accuracy of the best head", "arcs")
TARGETS = Items("to", "difference in share of attention", "heads", may_be_small=False)
ENTROPY = Items("to", "difference in entropy (nats)", "heads", may_be_small=False)
GROUPS = Items("relation", "difference in share of attribution", "examples")


def claim(answer: Answer, subject: str, noun: str, table: pd.DataFrame, items: Items) -> str:
    """The title: where good lies among the random draws, in the first state that has some."""
    for state in BESIDE_FULL:
        mine = table[(table["state"] == state) & (table["kind"] == "good")]
        if len(mine):
            mine = mine.set_index(items.column)
            return difference_claim(answer.label, subject, noun, mine)
    return f"{subject[0].upper()}{subject[1:]} on {answer.label}"


def dependency_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy of the best head of each relation, compared with random subnetworks."""
    lines, draws = (
        table[~table["relation"].isin(["all", "all-relations"])]
        for table in (lines_of(answer, "dependencies"), _draws_of(answer, "dependencies"))
    )
    table = compared(differences(draws, "relation"), RELATIONS)
    if lines.empty or table.empty:
        return
    order = ordered(table, RELATIONS)
    yield Figure(
        file_name("dependencies", answer.label),
        claim(answer, "best-head accuracy", "relations", table, RELATIONS),
        "How often the best kept head of each dependency relation attends most to the syntactic "
        f"head (chosen on other sentences), compared with random subnetworks of the same size. "
        f"{how_to_read(table, RELATIONS)} The table has the accuracies themselves with the best "
        "fixed offset, and those of the full model.",
        f"Good minus random. {said_differences(table, RELATIONS, order)}. Means over relations: "
        f"{means(lines)}.",
        spec_of(difference_panels(draws, RELATIONS, order)),
        lines[SHOWN],
        "summary_probes.csv",
    )


def survivor_figure(answer: Answer) -> Iterator[Figure]:
    """Best survivors within the null of random head sets."""
    table = lines_of(answer, "survivors")
    table = table[table["relation"] == "all-relations"]
    if table.empty:
        return
    names = {"random-heads": "equal number", "random-heads-per-layer": "equal number per layer"}
    table = table.assign(null=table["baseline"].replace(names))
    colour, shape = kind_scales(table["kind"].unique().tolist())
    y = alt.Y("kind:N", sort=_KINDS, title=None)
    unit = "best-head accuracy, mean over relations"
    drawn = ["kind", "null", "mean", "null_low", "null_high", "p_value"]
    draws = _draws_of(answer, "survivors")
    draws = draws[draws["relation"] == "all-relations"]
    draws = draws.assign(null=draws["baseline"].replace(names)).rename(columns={"value": "mean"})
    each = draws[["kind", "null", "mean"]].assign(of="draw")
    # the layers of a facet share one data set
    both = pd.concat([table[drawn].assign(of="mean"), each], ignore_index=True)
    base = alt.Chart(both).transform_filter("datum.of == 'mean'")
    middle = base.mark_rule(strokeWidth=9, color=GREY, opacity=0.45).encode(
        x=alt.X("null_low:Q", title=unit, scale=alt.Scale(zero=False)),
        x2=alt.X2("null_high:Q"),
        y=y,
    )
    seen = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=alt.X("mean:Q"),
        y=y,
        color=alt.Color("kind:N", scale=colour, legend=None),
        shape=alt.Shape("kind:N", scale=shape, legend=None),
        tooltip=told("kind:N", "null:N", alt.Tooltip("mean:Q", format=".3f"),
                     alt.Tooltip("p_value:Q", format=".3f")),
    )  # fmt: skip
    small = (
        alt.Chart(both)
        .transform_filter("datum.of == 'draw'")
        .mark_point(filled=True, size=12, opacity=0.5)
        .encode(x="mean:Q", y=y, color=alt.Color("kind:N", scale=colour, legend=None))
    )
    chart = (
        alt.layer(middle, small, seen, data=both)
        .properties(width=250, height=alt.Step(26))
        .facet(facet=alt.Facet("null:N", title="against random sets of heads of"), columns=2)
    )
    said = [
        f"{line.kind} {decimal(line.mean)} (null {decimal(line.null_low)} to "
        f"{decimal(line.null_high)})"
        for line in table[table["baseline"] == "random-heads"].itertuples()
    ]
    yield Figure(
        file_name("survivors", answer.label),
        f"What the surviving heads keep of dependency relations on {answer.label}, against chance",
        "Marks: best surviving head of each relation, scored in the full model, mean over "
        "relations; large: mean over seeds and draws, small: each of them. Grey bands: the middle "
        "95% of random sets of as many heads.",
        f"{', '.join(said)}.",
        spec_of(chart),
        table[SHOWN],
        "summary_probes.csv",
    )


def _named_to(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with what attention goes to, from the name of their metric."""
    return lines.assign(to=lines["metric"].str.replace("attention_to_", ""))


def attention_figure(answer: Answer) -> Iterator[Figure]:
    """Where kept heads attend, compared with random subnetworks."""
    table = lines_of(answer, "attention")
    shares = table[table["metric"].isin(ATTENTION_ORDER)]
    draws = _draws_of(answer, "attention")
    of_shares = _named_to(draws[draws["metric"].isin(ATTENTION_ORDER)])
    of_entropy = draws[draws["metric"] == "attention_entropy"].assign(to="entropy")
    found = compared(differences(of_shares, "to"), TARGETS)
    if shares.empty or found.empty:
        return
    order = [name.removeprefix("attention_to_") for name in ATTENTION_ORDER]
    panels: Any = difference_panels(of_shares, TARGETS, order)
    if len(of_entropy):
        panels = alt.vconcat(panels, difference_panels(of_entropy, ENTROPY, ["entropy"]))
        panels = panels.resolve_scale(color="shared", shape="shared")
    special = shares[shares["metric"] == "attention_to_special"]
    yield Figure(
        file_name("attention", answer.label),
        claim(answer, "attention", "targets", found, TARGETS),
        "Mean share of attention over the heads that each subnetwork keeps, compared with random "
        f"subnetworks of the same size. {how_to_read(found, TARGETS)} Kinds differ also because "
        "they keep different heads: the column reference of the table is the full model's mean "
        "over the same heads.",
        f"Good minus random. {said_differences(found, TARGETS, order)}. To special tokens: "
        f"{means(special)}.",
        spec_of(panels),
        table[SHOWN],
        "summary_probes.csv",
    )


def attribution_figure(answer: Answer) -> Iterator[Figure]:
    """Shares of the attribution on groups of words, compared with random subnetworks."""
    table, draws = lines_of(answer, "attributions"), _draws_of(answer, "attributions")
    found = compared(differences(draws, "relation"), GROUPS)
    if table.empty or found.empty:
        return
    order = ordered(found, GROUPS)
    yield Figure(
        file_name("attributions", answer.label),
        claim(answer, "attribution", "groups of words", found, GROUPS),
        "Mean share of |attribution|, by the first method named, on each group of words, over the "
        "examples that have such a word, compared with random subnetworks of the same size. "
        f"{how_to_read(found, GROUPS)} The table has the shares themselves, next to those of "
        "shuffled attributions.",
        f"Good minus random. {said_differences(found, GROUPS, order)}. Means over groups: "
        f"{means(table)}.",
        spec_of(difference_panels(draws, GROUPS, order)),
        table[SHOWN],
        "summary_probes.csv",
    )


LANGUAGE = "language"
"""The figure of an entry whose headline is an accuracy for each construction."""

CONSTRUCTIONS = Items("relation", "difference in accuracy", "pairs")


def language_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy on each construction, compared with random subnetworks: one figure per score."""
    lines, draws = lines_of(answer, LANGUAGE), lines_of(answer, LANGUAGE, "summary_probe_draws")
    # means over constructions have other metrics, or no relation
    lines, draws = (
        one[one["metric"].str.startswith("accuracy") & one["relation"].fillna("").ne("")]
        for one in (lines, draws)
    )
    for (probe, metric), mine in lines.groupby(["probe", "metric"], sort=False):
        each = draws[(draws["probe"] == probe) & (draws["metric"] == metric)]
        table = compared(differences(each, "relation"), CONSTRUCTIONS)
        if table.empty:
            continue
        order = ordered(table, CONSTRUCTIONS)
        parts = is_part(mine["relation"])
        noun = "groups of pairs" if parts.any() else "constructions"
        headline = find_probe(str(probe)).headline
        named = headline is not None and headline.by_variant
        score = "accuracy" if named else str(metric).replace("_", " ")
        overlap = " A pair counts in its file and in each of its groups." * bool(parts.any())
        yield Figure(
            file_name(f"{probe}-{str(metric).removeprefix('accuracy_')}", answer.label),
            claim(answer, f"{probe} {score}", noun, table, CONSTRUCTIONS),
            f"Accuracy of the probe {probe} ({find_probe(str(probe)).help}), compared with random "
            f"subnetworks of the same size. {how_to_read(table, CONSTRUCTIONS)}{overlap} The table "
            "has the accuracies themselves, and those of the full model.",
            f"Good minus random. {said_differences(table, CONSTRUCTIONS, order)}. Means over "
            f"{'files' if parts.any() else 'constructions'}: {means(mine[~parts])}.",
            spec_of(difference_panels(each, CONSTRUCTIONS, order)),
            mine[SHOWN],
            "summary_probes.csv",
        )


DIFFICULTY = "difficulty"
"""The figure of an entry whose headline is an accuracy on easy and hard examples."""
PARTS_OF_EXAMPLES = Items("relation", "difference in accuracy", "examples")


def difficulty_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy on easy and on hard examples, compared with random subnetworks."""
    lines, draws = lines_of(answer, DIFFICULTY), lines_of(answer, DIFFICULTY, "summary_probe_draws")
    accuracy, draws = (one[one["metric"] == "accuracy"] for one in (lines, draws))
    table = compared(differences(draws, "relation"), PARTS_OF_EXAMPLES)
    if accuracy.empty or table.empty:
        return
    order = sorted(set(table["relation"]))  # easy, hard
    yield Figure(
        file_name("difficulty", answer.label),
        claim(answer, "accuracy", "parts of the examples", table, PARTS_OF_EXAMPLES),
        "Accuracy on easy and on hard examples, which a classifier of part of the input gets right "
        "or wrong, compared with random subnetworks of the same size. "
        f"{how_to_read(table, PARTS_OF_EXAMPLES)} The table has the accuracies themselves, their "
        "gap, and those of the full model.",
        f"Good minus random. {said_differences(table, PARTS_OF_EXAMPLES, order)}.",
        spec_of(difference_panels(draws, PARTS_OF_EXAMPLES, order)),
        lines[SHOWN],
        "summary_probes.csv",
    )


def is_part(relations: pd.Series[str]) -> pd.Series[bool]:
    """Whether each relation is a part of another one, as `FILE/GROUP` is of `FILE`."""
    return relations.str.split("/").str[0].isin(set(relations)) & relations.str.contains("/")
