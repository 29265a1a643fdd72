"""Tables of the report as text, every number with the cell of the CSV file that it stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from ..summary.summaries import kept_columns
from ..wording import MISSING, between, decimal, p_text, percent, seen

MOST_LINES = 40
"""Maximum number of lines of a table on the page; the CSV file has all of them."""

_STATES = {
    "finetuned": "fine-tuned",
    "pruned": "pruned",
    "retrained": "retrained",
    "untrained": "from random weights",
}
_NUMBER = re.compile(r"(p [<=] )?[-–]?[\d.,%×\[\] e+-]*( to [-\d.]+)?")


@dataclass(frozen=True)
class Cell:
    """A text, and where it stands if not in the line and column of its table.

    Attributes:
        text: what is shown.
        row: line of the CSV file, counted from 0.
        columns: columns of the CSV file, separated by spaces.
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
        columns: for each title the columns of the CSV file that its cells show, separated by
            spaces.
        rows: for each line its number in the CSV file; None where each cell has its own.
        lines: cells of each line.
        left_out: number of lines that are only in the file.
        groups: titles over several columns, each with the number of its columns.
        notes: sentences under the table.
    """

    caption: str
    source: str
    header: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[int | None, ...]
    lines: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    groups: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold only numbers: they are right-aligned."""
        return tuple(
            all(_NUMBER.fullmatch(line[i].text) for line in self.lines)
            for i in range(len(self.header))
        )


def _cells(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def frame_table(frame: pd.DataFrame, source: str, caption: str) -> Table:
    """The first lines of a frame, without columns that are empty in all lines.

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
    """A value as the page writes it: three decimals, a dash where it is missing."""
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
            _STATES.get(str(line.state), str(line.state)),
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


_OF_STATE = {"score": "score", "gain kept": "gain_kept",
             "minus random [95% interval]": "difference ci_low ci_high", "p": "p_adjusted"}  # fmt: skip
_KEPT = {"heads": "heads_kept", "MLPs": "mlps_kept", "neurons": "neurons_kept",
         "weights": "weights_kept"}  # fmt: skip
_COSTS = {"parameters": "parameters", "FLOPs": "flops"}
_SHARES = {*_KEPT.values(), *_COSTS.values(), "gain_kept"}


def headline_table(scores: pd.DataFrame, labels: dict[tuple[str, ...], str]) -> Table:
    """What full, good, random and bad keep, score and cost: one line for each.

    Args:
        scores: the headline table of the run.
        labels: (model, task, method) -> its name, in the order of the lines.
    """
    retrained = {title: " ".join(f"retrained_{name}" for name in names.split())
                 for title, names in _OF_STATE.items()}  # fmt: skip
    groups = {"kept": _KEPT, "pruned": _OF_STATE, "retrained": retrained,
              "of the full model": _COSTS}  # fmt: skip
    found = [
        (label, line)
        for who, label in labels.items()
        for line in scores.itertuples()
        if (line.model, line.task, line.method) == who
    ]
    several = len(labels) > 1
    titles, columns, spans = [], [], []
    for group, members in groups.items():
        shown = {title: names for title, names in members.items()
                 if any(pd.notna(getattr(line, names.split()[0])) for _, line in found)}  # fmt: skip
        titles += shown
        columns += shown.values()
        spans += [(group, len(shown))] if shown else []
    lines = [
        (
            *_cells(*([label] if several else []), str(line.kind)),
            *(Cell(_headline_text(line, names)) for names in columns),
            *_cells(str(line.n_seeds), str(line.n_draws)),
        )
        for label, line in found
    ]
    first = ["task"] * several + ["subnetwork"]
    notes = dict.fromkeys(
        f"{line.kind}: {line.note}" for _, line in found if pd.notna(line.note) and line.note
    )
    metrics = dict.fromkeys(str(line.metric) for _, line in found)
    return Table(
        f"{' or '.join(metrics)}: mean over seeds; shares are of the full model",
        "summary_headline.csv",
        (*first, *titles, "seeds", "draws per seed"),
        (*[""] * several, "kind", *columns, "n_seeds", "n_draws"),
        tuple(int(line.Index) for _, line in found),
        tuple(lines),
        groups=(("", len(first)), *spans, ("", 2)),
        notes=tuple(notes),
    )


def _headline_text(line: Any, names: str) -> str:
    values = [getattr(line, name) for name in names.split()]
    if len(values) == 3:
        return " ".join(filter(None, (decimal(values[0], 3), between(*values[1:], 3))))
    if names.endswith("p_adjusted"):
        return MISSING if pd.isna(values[0]) else p_text(values[0])
    return percent(values[0]) if names.removeprefix("retrained_") in _SHARES else decimal(values[0], 3)


_AGREEMENT = {
    "kept": "survival_mean", "kappa": "fleiss_kappa", "p of kappa": "permutation_p",
    "Jaccard": "jaccard_mean", "Jaccard expected": "jaccard_expected",
    "kept in all": "kept_in_all", "in all expected": "kept_in_all_expected",
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
        "Agreement of the masks of the good subnetworks of different seeds",
        "summary_stability.csv",
        header,
        ("",) * len(header),
        (None,) * len(lines),
        tuple(lines),
    )
