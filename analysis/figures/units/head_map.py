"""The map of heads: how many seeds keep each head, and what the head does in the full model."""

from __future__ import annotations

from collections.abc import Iterator

import altair as alt
import pandas as pd

from ...statistics.corrections import ALPHA
from ...verdict.answer import Answer
from ...wording import counted, percent
from ..charts import GREY, INK, Figure, file_name, shade, spec_of, told
from ..claims import survival_claim

LEAST_SHARE = 0.25
"""A head of which no target has this share of the attention has no job by its attention."""
MOST_LETTERS = 6
"""Letters of a job that fit into a cell."""
_TARGETS = {
    "first": "first",
    "separator": "sep",
    "punctuation": "punct.",
    "previous": "prev",
    "next": "next",
    "self": "self",
}
"""Target of attention -> its text in a cell."""
_PATTERNS = {
    "vertical": "vert",
    "diagonal": "diag",
    "vertical+diagonal": "v+d",
    "block": "block",
    "heterogeneous": "heter",
}
"""Class of attention pattern -> its text in a cell."""
_CELL, _HIGH = 44, 26
_SHOWN = ["layer", "head", "kept_share", "kept_seeds", "n_seeds", "importance", "pattern",
          "best_relation", "best_relation_direction", "best_relation_accuracy",
          "best_relation_baseline", "best_relation_baseline_value", "best_relation_p_adjusted",
          "attends_to", "attends_to_share"]  # fmt: skip


def jobs_of(heads: pd.DataFrame) -> pd.DataFrame:
    """What each head does, in short (`job`) and in words (`said`).

    A dependency relation counts where the head is clearly above the positional baseline (adjusted
    p at most .05); else the class of its attention pattern, else the target with at least a
    quarter of its attention; else the job is empty.
    """
    jobs, said = [], []
    for line in heads.itertuples():
        p = line.best_relation_p_adjusted
        if pd.notna(p) and p <= ALPHA:
            jobs.append(str(line.best_relation)[:MOST_LETTERS])
            said.append(f"relation {line.best_relation}, {line.best_relation_direction}")
        elif pd.notna(line.pattern):
            jobs.append(_PATTERNS.get(line.pattern, str(line.pattern)[:MOST_LETTERS]))
            said.append(f"pattern {line.pattern}")
        elif pd.notna(line.attends_to) and line.attends_to_share >= LEAST_SHARE:
            jobs.append(_TARGETS.get(line.attends_to, str(line.attends_to)[:MOST_LETTERS]))
            said.append(f"{percent(line.attends_to_share)} of attention to {line.attends_to}")
        else:
            jobs.append("")
            said.append("none clear")
    return heads.assign(job=jobs, said=said)


def head_map_figure(answer: Answer) -> Iterator[Figure]:
    """The good subnetworks: fill is the share of seeds that keep a head, text is its job."""
    survival = answer.tables["summary_survival"]
    good = survival[survival["kind"] == "good"].astype({"share": float})
    heads = answer.tables["heads"]
    heads = heads[heads["kept_share"].notna()]
    # masks of single weights keep every head and MLP: nothing to see
    if heads.empty or (good["share"] == 1).all():
        return
    shown = jobs_of(heads)
    n_seeds = int(heads["n_seeds"].max())
    title = survival_claim(answer.label, heads, answer.tables["summary_stability"])
    some = shown.loc[shown["job"] != "", "job"].value_counts()
    most = ", ".join(f"{job} {count}" for job, count in some.items())
    yield Figure(
        file_name("heads", answer.label),
        title,
        (
            f"Fill: share of {counted(n_seeds, 'seed')} whose good mask keeps the head or MLP."
            if n_seeds > 1
            else "Filled: heads and MLPs that the good mask keeps."
        )
        + _key(shown),
        f"Map of {len(heads)} heads. {title}." + (f" Jobs of heads: {most}." if most else ""),
        spec_of(_map(shown, good[good["unit"] == "mlp"], n_seeds)),
        heads[_SHOWN],
        "heads.csv",
    )


def _key(shown: pd.DataFrame) -> str:
    """What the texts in the cells mean."""
    if shown["job"].eq("").all():
        return ""
    text = " Text: what the head does in the full model."
    first = shown["said"].str.split(" ").str[0]
    if (first == "relation").any():
        text += (
            " Bold: a dependency relation that it finds clearly above the positional baseline "
            f"(adjusted p at most .05; chosen and scored on the same arcs; first {MOST_LETTERS} "
            "letters)."
        )
    names = _PATTERNS if (first == "pattern").any() else _TARGETS
    rest = shown.loc[first != "relation", "job"]
    there = [
        short if short == full else f"{short} = {full}"
        for full, short in names.items()
        if (rest == short).any()
    ]
    if there and names is _PATTERNS:
        text += f" Plain: the class of its attention pattern ({', '.join(there)})."
    elif there:
        text += (
            f" Plain: the target with the largest share of its attention, where that is at least "
            f"{percent(LEAST_SHARE)} ({', '.join(there)})."
        )
    if shown["job"].eq("").any():
        text += " No text: none of these."
    return text


def _map(heads: pd.DataFrame, mlps: pd.DataFrame, n_seeds: int) -> alt.HConcatChart:
    fields = ["layer", "head", "kept_share", "kept_seeds", "n_seeds", "job", "said"]
    shown = heads[fields].astype({"layer": int, "head": int, "kept_share": float})
    shown["relation"] = heads["said"].str.startswith("relation ")

    def fill(name: str) -> alt.Color:
        title = "share of seeds that keep it" if n_seeds > 1 else "kept (100%) or pruned (0%)"
        return shade(name, "good", title)

    # light text on the dark fill of what most seeds keep
    ink = alt.condition("datum.kept_share >= 0.7", alt.value("#ffffff"), alt.value(INK))
    base = alt.Chart(shown).encode(
        x=alt.X("head:O", title="head", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("layer:O", title="layer"),
        tooltip=told(
            alt.Tooltip("layer:O", title="layer"),
            alt.Tooltip("head:O", title="head"),
            alt.Tooltip("kept_seeds:Q", title="seeds that keep it"),
            alt.Tooltip("n_seeds:Q", title="of seeds"),
            alt.Tooltip("said:N", title="job in the full model"),
        ),
    )
    cells = base.mark_rect(stroke=GREY, strokeWidth=0.6)
    grid = alt.layer(
        cells.encode(color=fill("kept_share")),
        base.transform_filter("!datum.relation")
        .mark_text(fontSize=11, aria=False)
        .encode(text="job:N", color=ink),
        base.transform_filter("datum.relation")
        .mark_text(fontSize=11, fontWeight="bold", aria=False)
        .encode(text="job:N", color=ink),
    ).properties(width=alt.Step(_CELL), height=alt.Step(_HIGH))
    if mlps.empty:
        return alt.hconcat(grid)
    side = mlps[["layer", "share", "n_seeds"]].astype({"layer": int}).assign(name="MLP")
    column = (
        alt.Chart(side)
        .mark_rect(stroke=GREY, strokeWidth=0.6)
        .encode(
            x=alt.X("name:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("layer:O", title=None, axis=None),
            color=fill("share"),
            tooltip=told(
                alt.Tooltip("layer:O", title="MLP of layer"),
                alt.Tooltip("share:Q", title="share of seeds that keep it", format=".0%"),
                alt.Tooltip("n_seeds:Q", title="of seeds"),
            ),
        )
        .properties(width=alt.Step(_CELL - 8), height=alt.Step(_HIGH))
    )
    return alt.hconcat(grid, column, spacing=8)
