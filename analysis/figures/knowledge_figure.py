"""One picture of what probes read in hidden states: a row a property, a column a subnetwork."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ..summary.headlines import state_headlines
from ..verdict.answer import Answer
from ..wording import decimal, named
from .charts import COLOURS, GREY, Figure, file_name, spec_of, told


def headlines_of_states(table: pd.DataFrame) -> pd.DataFrame:
    """The lines of `summary_probes` that are means over hidden states, with a name each."""
    lines = state_headlines(table)
    kind = lines["kind"].mask(lines["state"] == "pretrained", "pretrained")
    about = (" of " + lines["relation"].astype("string")).fillna("")
    metric = lines["metric"].map(named).astype("string")
    return lines.assign(kind=kind, property=metric + about + ", " + lines["probe"])


def knowledge_figure(answer: Answer) -> Iterator[Figure]:
    """A heat map of the headline figures of hidden states."""
    table = headlines_of_states(answer.tables["summary_probes"])
    shown = table[table["state"].isin(["finetuned", "pretrained", "untrained", "pruned"])]
    if shown["property"].nunique() < 1 or shown["kind"].nunique() < 2:
        return
    cells = shown[["property", "kind", "mean", "lowest", "highest", "n_draws"]].copy()
    ends = cells.groupby("property")["mean"]
    low, high = ends.transform("min"), ends.transform("max")
    # each row has a scale of its own: bits and shares do not compare
    cells["place"] = ((cells["mean"] - low) / (high - low)).fillna(0.5)
    cells["text"] = cells["mean"].map(decimal)
    kinds = [kind for kind in COLOURS if kind in set(cells["kind"])]
    base = alt.Chart(cells).encode(
        x=alt.X("kind:N", sort=kinds, title=None, axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("property:N", sort=None, title=None, axis=alt.Axis(labelLimit=320)),
    )
    squares = base.mark_rect(stroke=GREY, strokeWidth=0.4).encode(
        color=alt.Color(
            "place:Q",
            scale=alt.Scale(scheme="blues", domain=[-0.2, 1.4]),
            legend=None,
        ),
        tooltip=told(
            "property:N", "kind:N", *(alt.Tooltip(f"{name}:Q", format=".3f")
            for name in ("mean", "lowest", "highest")), "n_draws:Q",
        ),
    )  # fmt: skip
    numbers = base.mark_text(color="black").encode(text="text:N")
    chart = alt.layer(squares, numbers).properties(width=alt.Step(84), height=alt.Step(24))
    first = shown[shown["property"] == shown["property"].iloc[0]]
    said = ", ".join(f"{line.kind} {decimal(line.mean)}" for line in first.itertuples())
    yield Figure(
        file_name("knowledge", answer.label),
        f"What hidden states hold, subnetwork beside subnetwork, on {answer.label}",
        "Each number is the mean over hidden states 1 to L, then over seeds and draws. Shades run "
        "from the lowest to the highest number of a row, and say nothing across rows. The curves "
        "below show each state; random is the mean over random subnetworks of the good one's size.",
        f"A table of shades. {first['property'].iloc[0]}: {said}.",
        spec_of(chart),
        table.drop(columns=["model", "task", "method", "property"]),
        "summary_probes.csv",
    )
