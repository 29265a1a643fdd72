"""A real run of ten cells: one seed, no retraining, one draw, no probe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from subprobe.analysis import conduct
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.data.output.ownership import GENERATOR
from subprobe.data.output.tables import write_parquet


def few_options(encoder: Path, **changed: Any) -> dict[str, Any]:
    """Options of a run of ten cells a seed; `changed` replaces whole sections."""
    options: dict[str, Any] = {
        "model": str(encoder),
        "tasks": ["acceptability"],
        "seeds": [1],
        "examples": [16, 16, 24],
        "workers": 1,
        "threads": 1,
        "recipe": {"learning_rate": 0.001, "epochs": 1, "batch_size": 16},
        "prune": {"keep": 0.5},
        "controls": {
            "draws": 1, "retrained_draws": 0, "untrained": False, "bag_of_words": False,
        },
        "probe": {"names": []},
    }  # fmt: skip
    return {**options, **changed}


def few_config(encoder: Path, **changed: Any) -> RunConfig:
    """The same, checked."""
    return parse_config(few_options(encoder, **changed), where="test")


def write_config(path: Path, encoder: Path, **changed: Any) -> Path:
    """The same as a file."""
    path.write_text(config_toml(few_config(encoder, **changed)), encoding="utf-8")
    return path


def write_page(_rows: Any, _manifest: Any, target: Path, **_options: Any) -> None:
    """Stands for the report: its pictures take longer than all cells of such a run."""
    target.write_text(GENERATOR, encoding="utf-8")


@contextmanager
def without_report() -> Iterator[None]:
    """Runs inside write a page of one word."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conduct, "write_report", write_page)
        yield


@contextmanager
def rows_alone() -> Iterator[None]:
    """Runs inside write their rows, and neither the tables that are made of these nor a report."""

    def write_rows(rows: Any, out: Path, _cells: Path, _manifest: Any) -> dict[str, Any]:
        write_parquet(rows, out / "rows.parquet")
        return {}

    with without_report(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(conduct, "write_tables", write_rows)
        yield


class Listening:
    """Progress that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def stage(self, _title: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: None

    def say(self, line: str) -> None:
        self.lines.append(line)
