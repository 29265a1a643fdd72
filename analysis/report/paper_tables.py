"""The tables of a run as a paper prints them: scores, differences from random, probes, seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..intervals.score_intervals import LINE, score_intervals
from ..statistics.variation import seeds_text
from ..summary.headline import FILE as HEADLINE
from ..summary.kinds import answers, of_answer
from ..verdict.lines import varies
from ..wording import MISSING, bare_p, between, counted, decimal, listed, named, percent
from .page_tables import STATES, agreement_table, cell_text

_NUMBER = re.compile(r"[-–<]?[-–\d.,% \[\]]*")


@dataclass(frozen=True)
class PaperTable:
    """A table as plain text.

    Attributes:
        name: what it is about: `scores`, `against-random`, a probe, ...
        label: the task, with the method where the task has several; empty = all tasks.
        caption: task, metric, what an interval varies over, how much there is of everything.
        header: titles of columns.
        lines: cells of each line.
    """

    name: str
    label: str
    caption: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers: they are set to the right."""
        return tuple(
            all(_NUMBER.fullmatch(line[place]) for line in self.lines)
            for place in range(len(self.header))
        )


def paper_tables(
    rows: pd.DataFrame, tables: Mapping[str, pd.DataFrame], cells: Path
) -> Iterator[PaperTable]:
    """The tables of each answer, then those of all tasks.

    Args:
        rows: tidy rows of a run.
        tables: the tables of the run by name, with the summaries.
        cells: the run's folder of cells.
    """
    scores = tables["summary_performance"]
    intervals = score_intervals(rows, cells).set_index(LINE)
    for (model, _, method), label, key in answers(scores):
        about = f"{label} ({model}; subnetworks by {method} pruning)"
        yield _scores(of_answer(scores, key), intervals, about, label)
        headline = of_answer(tables[HEADLINE], key)
        if headline[["difference", "retrained_difference"]].notna().any(axis=None):
            yield _against_random(headline, about, label)
        probes = of_answer(tables["summary_probes"], key)
        for (probe, baseline), mine in probes.groupby(["probe", "baseline"], sort=False,
                                                      dropna=False):  # fmt: skip
            if (table := _probe(str(probe), baseline, mine, about, label)) is not None:
                yield table
    yield from _over_seeds(tables)


# -- scores ---------------------------------------------------------------------------------------


def _scores(scores: pd.DataFrame, intervals: pd.DataFrame, about: str, label: str) -> PaperTable:
    """Each kind and state: what it keeps, its score in every metric with interval, how many."""
    metrics = list(dict.fromkeys(scores["metric"]))
    finer = [name for name in ("neurons", "weights") if scores[f"{name}_kept"].notna().any()]
    flagged = scores["flag"].fillna("").ne("").any()
    lines, methods, missing = [], [], False
    for (kind, state), mine in scores.groupby(["kind", "state"], sort=False):
        by_metric = mine.set_index("metric")
        line = mine.iloc[0]
        written = []
        for metric in metrics:
            found = _interval(by_metric.loc[metric], metric, intervals)
            limits = "" if found is None else between(found["ci_low"], found["ci_high"])
            written.append(f"{decimal(by_metric.loc[metric, 'mean'])} {limits}".strip())
            if limits:
                methods.append(str(found["ci_method"]))  # type: ignore[index]
            missing |= not limits
        lines.append(
            (
                str(kind),
                STATES.get(str(state), str(state)),
                *(percent(line[f"{name}_kept"]) for name in ("heads", "mlps", *finer)),
                *written,
                f"{int(line['n']):,}",
                str(line["n_seeds"]),
                str(line["n_draws"]),
                *([str(line["flag"]) or MISSING] if flagged else []),
            )
        )
    header = (
        "subnetwork", "state", "heads kept", "MLPs kept", *(f"{name} kept" for name in finer),
        *(f"{named(metric)} [95%]" for metric in metrics), "n", "seeds", "draws",
        *(["flag"] if flagged else []),
    )  # fmt: skip
    caption = _score_caption(scores, metrics, methods, about)
    if missing:
        caption += (
            " No brackets: the answers to single examples are not stored, or they do not vary."
        )
    return PaperTable("scores", label, caption, header, tuple(lines))


def _interval(line: pd.Series, metric: str, intervals: pd.DataFrame) -> pd.Series | None:
    for method in (line["method"], "full"):
        place = (line["model"], line["task"], method, line["kind"], line["state"], metric)
        if place in intervals.index:
            return intervals.loc[place]
    return None


def _score_caption(scores: pd.DataFrame, metrics: list[str], methods: list[str], about: str) -> str:
    n, clusters = int(scores["n"].max()), scores["n_clusters"].max()
    grouped = pd.notna(clusters) and clusters < n
    units = f" in {counted(int(clusters), 'group')}" if grouped else ""
    split = scores["split"].dropna()
    part = f"the {split.iloc[0]} examples" if len(split) else "the reported examples"
    said = [
        f"Scores on {about}: {listed([named(metric) for metric in metrics])}, mean over seeds and, "
        "of each seed, over draws of masks.",
        f"n: {part} ({n:,}{units}); draws: masks per seed.",
    ]
    if methods:
        said.append(
            f"Brackets: {varies(methods[0], int(scores['n_seeds'].max()))} and these masks "
            "(bootstrap)."
        )
    first = scores.drop_duplicates("metric")
    baseline = listed(
        [f"{named(line.metric)} {decimal(line.baseline_value)}" for line in first.itertuples()]
    )
    return " ".join([*said, f"{str(first['baseline'].iloc[0]).capitalize()} baseline: {baseline}."])


# -- differences from random ------------------------------------------------------------------


def _against_random(headline: pd.DataFrame, about: str, label: str) -> PaperTable:
    """Scores next to those of random masks: the difference with interval, and its test."""
    lines, methods, tests = [], [], []
    for before, state in (("", "pruned"), ("retrained_", "retrained")):
        for _, line in headline[headline[f"{before}difference"].notna()].iterrows():
            random = line[f"{before}score"] - line[f"{before}difference"]
            limits = between(line[f"{before}ci_low"], line[f"{before}ci_high"])
            methods += [line[f"{before}ci_method"]] if limits else []
            tests += [line[f"{before}test"]] if pd.notna(line[f"{before}p_adjusted"]) else []
            lines.append(
                (
                    str(line["kind"]),
                    f"fine-tuned (random: {state})" if line["kind"] == "full" else state,
                    decimal(line[f"{before}score"]),
                    decimal(random),
                    f"{decimal(line[f'{before}difference'])} {limits}".strip(),
                    bare_p(line[f"{before}p_adjusted"]),
                    cell_text(line["n_seeds"]),
                    cell_text(line[f"{before}n_draws"]),
                )
            )
    metric, seeds = named(headline["metric"].iloc[0]), int(headline["n_seeds"].max())
    said = [f"Differences in {metric} from random masks of the same size on {about}."]
    if grid := next(filter(None, headline["seed_grid"].fillna("")), ""):
        said.append(f"Means over {seeds_text(seeds, grid)}.")
    if methods:
        said.append(f"Brackets: {varies(methods[0], seeds)} and these masks (paired bootstrap).")
    if tests:
        said.append(f"p (Holm): {listed(list(dict.fromkeys(map(str, tests))))}.")
    said.append("Draws: masks per seed of the subnetwork in the first column.")
    header = ("subnetwork", "state", metric, "random", "difference [95%]", "p", "seeds", "draws")
    return PaperTable("against-random", label, " ".join(said), header, tuple(lines))


# -- probes -----------------------------------------------------------------------------------


def _probe(
    probe: str, baseline: Any, mine: pd.DataFrame, about: str, label: str
) -> PaperTable | None:
    """A line for each measure, property and state; the kinds of subnetwork are columns.

    None where only the pretrained encoder was probed.
    """
    kinds = [str(kind) for kind in dict.fromkeys(mine["kind"]) if kind != "full"]
    # the pretrained encoder is of the kind full as well
    full = mine[(mine["kind"] == "full") & (mine["state"] != "pretrained")]
    full = full.drop_duplicates(["metric", "relation"])
    mine = mine[mine["kind"] != "full"] if kinds else full
    if mine.empty:
        return None
    states = {state: place for place, state in enumerate(STATES)}
    mine = mine.sort_values(
        "state", key=lambda state: state.map(states).fillna(len(states)), kind="stable"
    )
    several = {
        "about": mine["relation"].notna().any(),
        "state": len(set(mine["state"])) > 1,
    }
    lines = []
    for (metric, relation, state), of in mine.groupby(
        ["metric", "relation", "state"], sort=False, dropna=False
    ):
        whole = full[(full["metric"] == metric) & (full["relation"].fillna("") ==
                     ("" if pd.isna(relation) else relation))]  # fmt: skip
        values = of.drop_duplicates("kind").set_index("kind")
        lines.append(
            (
                named(metric),
                *([cell_text(relation)] if several["about"] else []),
                *([STATES.get(str(state), str(state))] if several["state"] else []),
                *([decimal(whole["mean"].iloc[0]) if len(whole) else MISSING] if len(full) else []),
                *(decimal(values["mean"].get(kind)) for kind in kinds),
                *([] if pd.isna(baseline) else [decimal(of["baseline_value"].iloc[0])]),
                cell_text(float(of["n"].min())),
            )
        )
    draws = ", ".join(
        f"{kind}: {counted(int(number), 'draw')}"
        for kind, number in mine.groupby("kind", sort=False)["n_draws"].min().items()
        if number > 1
    )
    state = "" if several["state"] or not len(mine) else f" ({mine['state'].iloc[0]})"
    header = (
        "measure", *(["about"] if several["about"] else []),
        *(["state"] if several["state"] else []), *(["full"] if len(full) else []), *kinds,
        *([] if pd.isna(baseline) else [f"{named(baseline)} baseline"]), "n",
    )  # fmt: skip
    caption = (
        f"Probe {probe} on {about}: means over {counted(int(mine['n_seeds'].max()), 'seed')}"
        f"{state}{f' ({draws} per seed)' if draws else ''}. Intervals of the differences are in "
        "comparisons.csv."
    )
    name = f"probe-{probe}" if pd.isna(baseline) else f"probe-{probe}-{baseline}"
    return PaperTable(name, label, caption, header, tuple(lines))


# -- agreement of seeds and tasks -----------------------------------------------------------------

_OVERLAP = {
    "task_a": "task", "task_b": "other task", "unit": "unit", "seeds": "seeds of a pair",
    "shared_mean": "shared", "shared_expected": "expected by chance", "shared_largest": "most",
    "adjusted": "size-adjusted", "p_value": "p", "n_pairs": "pairs",
}  # fmt: skip


def _over_seeds(tables: Mapping[str, pd.DataFrame]) -> Iterator[PaperTable]:
    agreement = agreement_table(tables["summary_stability"])
    if agreement is not None:
        yield PaperTable(
            "stability", "all",
            "Agreement of the good masks of different seeds. Chance and p: random masks of the "
            "same sizes.",
            agreement.header,
            tuple(tuple(cell.text for cell in line) for line in agreement.lines),
        )  # fmt: skip
    overlap = tables["summary_overlap"]
    if len(overlap):
        shown = [name for name in _OVERLAP if overlap[name].notna().any()]
        yield PaperTable(
            "overlap", "all",
            "Units that two good masks share, means over pairs of masks of two tasks or of two "
            "seeds of one task; most: the most that masks of these sizes can share; "
            "size-adjusted: 0 = expected by chance, 1 = most.",
            tuple(_OVERLAP[name] for name in shown),
            tuple(tuple(map(cell_text, line))
                  for line in overlap[shown].itertuples(index=False, name=None)),
        )  # fmt: skip
