"""Pictures of what probes found, kind beside kind, each with its null."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd

from ...probes.attention.entries import ATTENTION_STATS
from ...probes.registry import entries_of
from ..summary.kinds import BESIDE_FULL
from ..verdict.answer import Answer
from ..wording import decimal
from .charts import (
    COLOURS,
    GREY,
    SEEN,
    Figure,
    beside,
    dots,
    file_name,
    kind_scales,
    spec_of,
    told,
)

_KINDS = list(COLOURS)
ATTENTION_ORDER = [
    one.metric for one in ATTENTION_STATS.rows if one.metric.startswith("attention_to_")
]
_SHOWN = ["probe", "metric", "relation", "baseline", "kind", "state", "n_seeds", "n_draws", "mean",
          "seed_low", "seed_high", "lowest", "highest", "reference", "baseline_value", "null_low",
          "null_high", "p_value", "p_adjusted", "n"]  # fmt: skip


def _of(answer: Answer, figure: str, name: str = "summary_probes") -> pd.DataFrame:
    """The headlines that are drawn so: of the probes whose entry says it, else of that name."""
    table = answer.tables[name]
    drawn = {one.name: one.figure for one in entries_of(table["probe"].dropna().unique())}
    return table[table["probe"].map(lambda probe: drawn.get(probe, probe)) == figure]


def _draws_of(answer: Answer, figure: str) -> pd.DataFrame:
    """Every draw of every seed behind the lines of a probe."""
    return _of(answer, figure, "summary_probe_draws")


def _panels(table: pd.DataFrame, draws: pd.DataFrame, **options: Any) -> alt.ConcatChart:
    drawn = []
    for title, states in BESIDE_FULL.items():
        part = table[table["state"].isin(states)]
        if (part["state"] == title).any() or (title == "pruned" and len(part)):
            seen = draws[draws["state"].isin(states)]
            drawn.append(dots(part, seen, title=title, **options))
    return beside(drawn)


def _means(table: pd.DataFrame) -> str:
    lines = table.groupby(["kind", "state"], sort=False)["mean"].mean()
    return ", ".join(f"{kind} {state} {decimal(mean)}" for (kind, state), mean in lines.items())


def dependency_figure(answer: Answer) -> Iterator[Figure]:
    """Accuracy of the best head of each relation."""
    table = _of(answer, "dependencies")
    lines = table[~table["relation"].isin(["all", "all-relations"])]
    if lines.empty:
        return
    draws = _draws_of(answer, "dependencies")
    full = lines.groupby("relation")["mean"].max().sort_values(ascending=False)
    yield Figure(
        file_name("dependencies", answer.label),
        f"Dependency relations that single heads find after {answer.label}",
        "How often the best living head of each relation attends most to the syntactic head "
        f"(chosen on other sentences). Grey tick: best fixed offset. {SEEN} The best of fewer "
        "heads is lower by chance alone: see the next figure for that.",
        f"Accuracy of the best head. Means over relations: {_means(lines)}.",
        spec_of(
            _panels(
                lines,
                draws[draws["relation"].isin(full.index)],
                rows="relation",
                order=full.index.tolist(),
                unit="accuracy of best head",
                null="best fixed offset",
            )
        ),
        table[_SHOWN],
        "summary_probes.csv",
    )


def survivor_figure(answer: Answer) -> Iterator[Figure]:
    """Best survivors within the null of random head sets."""
    table = _of(answer, "survivors")
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
        table[_SHOWN],
        "summary_probes.csv",
    )


def _named_to(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with what attention goes to, from the name of their metric."""
    return lines.assign(to=lines["metric"].str.replace("attention_to_", ""))


def attention_figure(answer: Answer) -> Iterator[Figure]:
    """Mean attention statistics of the living heads."""
    table = _of(answer, "attention")
    shares = table[table["metric"].isin(ATTENTION_ORDER)]
    if shares.empty:
        return
    shares = _named_to(shares)
    draws = _draws_of(answer, "attention")
    of_shares = _named_to(draws[draws["metric"].isin(ATTENTION_ORDER)])
    order = [name.removeprefix("attention_to_") for name in ATTENTION_ORDER]
    panels: Any = _panels(
        shares, of_shares, rows="to", order=order, unit="share of attention",
        null="uniform attention",
    )  # fmt: skip
    entropy, of_entropy = (
        lines[lines["metric"] == "attention_entropy"].assign(to="entropy")
        for lines in (table, draws)
    )
    if len(entropy):
        below = _panels(
            entropy, of_entropy, rows="to", order=["entropy"], unit="nats",
            null="uniform attention",
        )  # fmt: skip
        panels = alt.vconcat(panels, below)
    special = shares[shares["metric"] == "attention_to_special"]
    yield Figure(
        file_name("attention", answer.label),
        f"Where the living heads look after {answer.label}",
        "Mean over the heads that each subnetwork keeps. Grey tick: a head that attends to all "
        f"tokens alike. {SEEN} The column reference of the table is the full model's mean over the "
        "same heads.",
        f"Shares of attention. To special tokens: {_means(special)}.",
        spec_of(panels),
        table[_SHOWN],
        "summary_probes.csv",
    )


def attribution_figure(answer: Answer) -> Iterator[Figure]:
    """Shares of the attribution on groups of words."""
    table = _of(answer, "attributions")
    if table.empty:
        return
    order = table["relation"].drop_duplicates().tolist()
    yield Figure(
        file_name("attributions", answer.label),
        f"Which words the predictions on {answer.label} rest on",
        "Mean share of |attribution|, by the first method named, on each group of words, over the "
        "examples that have such a word. Grey tick: the mean share if attributions are shuffled. "
        f"{SEEN}",
        f"Attribution shares. Means over groups: {_means(table)}.",
        spec_of(
            _panels(
                table,
                _draws_of(answer, "attributions"),
                rows="relation",
                order=order,
                unit="share of attribution",
                null="shuffled words",
            )
        ),
        table[_SHOWN],
        "summary_probes.csv",
    )
