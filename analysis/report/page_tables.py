"""Tables of the report as text, every number with the cell of the CSV file that it stands in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ..statistics.variation import CROSSED_T, SIGN_FLIPS
from ..summary.headline import IN_BOTH, RANKED
from ..summary.summaries import kept_columns
from ..wording import MISSING, bare_p, between, decimal, percent, seen

MOST_LINES = 40
"""Lines of a table that the page shows; the CSV file beside it has all of them."""

STATES = {
    "finetuned": "fine-tuned",
    "pruned": "pruned",
    "retrained": "retrained",
    "untrained": "from random weights",
}
"""State -> as tables of the report and of a paper write it."""
_NUMBER = re.compile(r"[-–]?[\d.,%×\[\] e+-]*( to [-\d.]+)?")


@dataclass(frozen=True)
class Cell:
    """A text, and where it stands if not in the line and column of its table.

    Attributes:
        text: what is shown.
        row: line of the CSV file, counted from 0.
        columns: columns of the CSV file, parted by spaces.
    """

    text: str
    row: int | None = None
    columns: str = ""


@dataclass(frozen=True)
class Table:
    """A table as text.

    Attributes:
        caption: what it shows.
        source: the CSV file.
        header: column titles.
        columns: for each title the columns of the CSV file that its cells show, parted by spaces.
        rows: for each line its number in the CSV file; None where cells name their own.
        lines: cells of each line.
        left_out: lines that are only in the file.
    """

    caption: str
    source: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[int | None, ...]
    lines: tuple[tuple[Cell, ...], ...]
    left_out: int = 0

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers alone: they are set to the right."""
        return tuple(
            all(_NUMBER.fullmatch(line[i].text) for line in self.lines)
            for i in range(len(self.header))
        )


def _cells(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def frame_table(frame: pd.DataFrame, source: str, caption: str) -> Table:
    """The first lines of a frame, without the columns that are empty in all of it.

    Args:
        frame: its index counts the lines of `source`.
        source: the CSV file.
        caption: what it shows.
    """
    frame = frame.loc[
        :, [name for name in frame if (frame[name].notna() & (frame[name] != "")).any()]
    ]
    shown = frame.head(MOST_LINES)
    return Table(
        caption,
        source,
        tuple(str(name).replace("_", " ") for name in frame.columns),
        tuple(map(str, frame.columns)),
        tuple(int(row) for row in shown.index),
        tuple(_cells(*map(cell_text, line)) for line in shown.itertuples(index=False, name=None)),
        max(0, len(frame) - MOST_LINES),
    )


def cell_text(value: Any) -> str:
    """A value as the page writes it: three decimals, a dash where there is none."""
    if value is None or pd.isna(value):
        return MISSING
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) > 1 else decimal(value, 3)
    return str(value)


def score_table(scores: pd.DataFrame, caption: str) -> Table:
    """The performance table of one answer."""
    kept = kept_columns(scores)
    several = len(set(scores["metric"])) > 1
    flagged = bool(scores["flag"].fillna("").ne("").any())
    clustered = bool((scores["n_clusters"] < scores["n"]).any())
    columns = {
        "subnetwork": "kind", "state": "state", **({"metric": "metric"} if several else {}),
        **{title: f"{name}_kept" for title, name in kept.items()}, "mean": "mean",
        "over seeds": "seed_low seed_high", "over draws": "lowest highest",
        "seeds × draws": "n_seeds n_draws", "n": "n",
        **({"clusters": "n_clusters"} if clustered else {}),
        **({"flag": "flag"} if flagged else {}),
    }  # fmt: skip
    lines = [
        _cells(
            str(line.kind),
            STATES.get(str(line.state), str(line.state)),
            *([str(line.metric)] if several else []),
            *(percent(getattr(line, f"{name}_kept")) for name in kept.values()),
            decimal(line.mean, 3),
            seen(line.seed_low, line.seed_high, 3) if line.n_seeds > 1 else MISSING,
            seen(line.lowest, line.highest, 3) if line.n_draws > 1 else MISSING,
            f"{line.n_seeds} × {line.n_draws}",
            str(int(line.n)),
            *([str(int(line.n_clusters))] if clustered else []),
            *([str(line.flag)] if flagged else []),
        )
        for line in scores.itertuples()
    ]
    return Table(
        caption,
        "summary_performance.csv",
        tuple(columns),
        tuple(columns.values()),
        tuple(int(row) for row in scores.index),
        tuple(lines),
    )


_OF_STATE = {
    "score": "score",
    "gain kept": "gain_kept",
    "minus random [95%]": "difference ci_low ci_high",
    "p": "p_adjusted",
}
_KEPT = {
    "heads": "heads_kept",
    "MLPs": "mlps_kept",
    "neurons": "neurons_kept",
    "weights": "weights_kept",
}
_OVER = {
    "over seeds and": "seeds and examples",
    "grid of seeds": "crossed seeds and examples",
    "over clusters": "groups of examples",
    "": "examples",
}
"""Part of the name of an interval -> what varies in it."""
_TESTS = {RANKED: "masks", SIGN_FLIPS: "seeds", CROSSED_T: "crossed seeds"}
"""Test -> what varies in it."""
_COSTS = {"parameters": "parameters", "FLOPs": "flops"}
_FLAG = {"flag": "flag"}
_SHARES = {*_KEPT.values(), *_COSTS.values(), "gain_kept"}


def headline_table(headline: pd.DataFrame, labels: Mapping[tuple[str, ...], str]) -> Table:
    """What full, good, random and bad keep, score and cost: one line for each.

    Args:
        headline: the headline table of the run.
        labels: (model, task, method) -> its name, in the order of the lines.
    """
    found = [
        (label, line)
        for who, label in labels.items()
        for line in headline.itertuples()
        if (line.model, line.task, line.method) == who
    ]
    wanted = {
        **_KEPT,
        **_COSTS,
        **{f"pruned: {title}": names for title, names in _OF_STATE.items()},
        **{
            f"retrained: {title}": " ".join(f"retrained_{name}" for name in names.split())
            for title, names in _OF_STATE.items()
        },
        **_FLAG,
    }
    shown = {
        title: names
        for title, names in wanted.items()
        if any(not _empty(getattr(line, names.split()[0])) for _, line in found)
    }
    several = len(labels) > 1
    lines = [
        (
            *([Cell(label)] if several else []),
            Cell(str(line.kind)),
            *(Cell(_headline_text(line, names)) for names in shown.values()),
            Cell(str(line.n_seeds)),
            Cell(str(line.n_draws)),
        )
        for label, line in found
    ]
    metrics = " or ".join(dict.fromkeys(str(line.metric) for _, line in found))
    caption = (
        f"Means of {metrics} over seeds; heads, MLPs, parameters and FLOPs are shares of the full "
        "model"
    )
    if any(IN_BOTH in str(line.note) for _, line in found):
        caption += "; the fine-tuned full model counts in both states"
    lines_of_all = [line for _, line in found]
    said = {title: _varied(title, names, lines_of_all) for title, names in shown.items()}
    if any("p (" in title for title in said.values()):
        caption += "; p: corrected by Holm's method"
    return Table(
        caption,
        "summary_headline.csv",
        (*["task"] * several, "subnetwork", *said.values(), "seeds", "draws per seed"),
        (*[""] * several, "kind", *shown.values(), "n_seeds", "n_draws"),
        tuple(int(line.Index) for _, line in found),
        tuple(lines),
    )


def _varied(title: str, names: str, lines: list[Any]) -> str:
    """The title with what varies in its intervals, or in its p."""
    last = names.split()[-1]
    if last.endswith("ci_high"):
        methods = [getattr(line, last.replace("ci_high", "ci_method")) for line in lines]
        over = [_over(str(method)) for method in methods if not _empty(method)]
        known = [of for of in _OVER.values() if of in over]
        return title.replace("[95%]", f"[95%, {' or '.join(known)}]") if known else title
    if last.endswith("p_adjusted"):
        tests = [getattr(line, last.replace("p_adjusted", "test")) for line in lines]
        known = [of for test, of in _TESTS.items() if test in [t for t in tests if not _empty(t)]]
        return f"{title} ({' or '.join(known)})" if known else title
    return title


def _over(method: str) -> str:
    return next(of for over, of in _OVER.items() if over in method)


def _empty(value: Any) -> bool:
    return bool(pd.isna(value)) or value == ""


def _headline_text(line: Any, names: str) -> str:
    values = [getattr(line, name) for name in names.split()]
    if names == "flag":
        return MISSING if _empty(values[0]) else str(values[0])
    if len(values) == 3:
        return " ".join(filter(None, (decimal(values[0], 3), between(*values[1:]))))
    if names.endswith("p_adjusted"):
        return bare_p(values[0])
    if names.removeprefix("retrained_") in _SHARES:
        return percent(values[0])
    return decimal(values[0], 3)


_AGREEMENT = {
    "kept": "survival_mean", "kappa": "fleiss_kappa", "p of kappa": "permutation_p",
    "Jaccard": "jaccard_mean", "Jaccard by chance": "jaccard_expected",
    "kept in all": "kept_in_all", "in all by chance": "kept_in_all_expected",
}  # fmt: skip


def agreement_table(stability: pd.DataFrame) -> Table | None:
    """The stability statistics with one line for each task and unit."""
    several = len(set(stability["method"])) > 1
    lines = []
    for (method, task, unit), mine in stability.groupby(["method", "task", "unit"], sort=False):
        found = mine.drop_duplicates("statistic").set_index("statistic")
        places = dict(zip(mine["statistic"], mine.index, strict=False))
        first = places[next(iter(places))]
        line = [
            Cell(f"{task} ({method})" if several else str(task)),
            Cell(str(unit), int(first), "unit"),
        ]
        for name in _AGREEMENT.values():
            text = cell_text(float(found["value"].get(name, float("nan"))))
            line.append(Cell(text, int(places[name]), "value") if name in places else Cell(text))
        lines.append((*line, Cell(str(found["n_seeds"].iloc[0]), int(first), "n_seeds")))
    if not lines:
        return None
    header = ("task", "unit", *_AGREEMENT, "seeds")
    return Table(
        "Agreement of the good masks of different seeds",
        "summary_stability.csv",
        header,
        ("",) * len(header),
        (None,) * len(lines),
        tuple(lines),
    )
