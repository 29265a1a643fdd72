"""A whole run that takes seconds: a tiny random encoder on a few generated sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from subprobe.analysis import conduct
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.cells import work
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.plan.whole_run import RunPlan, read_plan
from subprobe.analysis.running import engine
from subprobe.analysis.running.execute import assess, execute
from subprobe.analysis.steps.progress import Progress, Silent
from subprobe.models.masks.subnetwork import Subnetwork
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

WORDS = ("cats", "dogs", "houses", "author", "envelope", "children", "table", "keys")


def save_tiny_encoder(folder: Path, family: str = "bert") -> Path:
    """Save a tiny random encoder with its tokenizer, as a checkpoint without a task head."""
    tiny_model(family).save_pretrained(folder)
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(folder)
    return folder


def write_toy_task(folder: Path, *, rows: int = 24) -> Path:
    """Write `train`, `validation` and `test` CSV files with the columns `text` and `side`."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, split in enumerate(("train", "validation", "test")):
        lines = ["text,side"]
        for place in range(rows):
            subject = WORDS[place % 2]
            rest = [WORDS[(place * step + number) % len(WORDS)] for step in (3, 5, 7)]
            lines.append(f"The {subject} saw {' '.join(rest)}.,{('left', 'right')[place % 2]}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def tiny_options(encoder: Path, **changed: Any) -> dict[str, Any]:
    """Options of a run that takes seconds; `changed` replaces whole sections."""
    options: dict[str, Any] = {
        "model": str(encoder),
        "tasks": ["acceptability"],
        "seeds": [1, 2],
        "examples": [48, 16, 24],
        "workers": 1,
        "threads": 1,
        "recipe": {"learning_rate": 0.001, "epochs": 1, "batch_size": 16},
        "prune": {"keep": 0.5},  # three steps of training teach nothing that a rule could keep
        "controls": {"draws": 3, "untrained": True},
        "probe": {
            "draws": 1,
            "sentences": 12,
            "examples": 4,
            "options": {"attributions": {"n_steps": 4}},
            "subsets": 30,
            "states": ["pruned"],
        },
    }
    return {**options, **changed}


def tiny_config(encoder: Path, **changed: Any) -> RunConfig:
    """The same, checked."""
    return parse_config(tiny_options(encoder, **changed), where="test")


@contextmanager
def without_report() -> Iterator[None]:
    """Runs inside write a page of one word: its pictures take as long as all of their tables."""

    def write_word(_rows: Any, _manifest: Any, target: Path, **_options: Any) -> None:
        target.write_text("report", encoding="utf-8")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conduct, "write_report", write_word)
        yield


def computed_cells(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the steps whose cells this process computes from here on; the list grows."""
    names: list[str] = []
    compute = work.compute

    def told(order: Any, *arguments: Any) -> Any:
        names.append(order.cell.step)
        return compute(order, *arguments)

    monkeypatch.setattr(engine, "compute", told)
    return names


class Stopped(KeyboardInterrupt):
    """Stands for Ctrl-C or a crash while a cell is computed."""


class TinyCells:
    """Single cells of a run, computed with all that they read.

    Args:
        config: the options.
        folder: the run folder.
        progress: where steps report to.
    """

    def __init__(self, config: RunConfig, folder: Path, progress: Progress | None = None):
        self.progress = progress or Silent()
        whole, self.prepared = read_plan(config, folder, self.progress)
        self.whole = whole

    def plan(self, names: tuple[str, ...]) -> RunPlan:
        """The part of the graph that some cells need."""
        return self.whole.part(names)

    def outputs(self, *names: str) -> list[CellOutput]:
        """What these cells give; they are computed unless they are finished.

        Raises:
            AssertionError: if one fails.
        """
        plan = self.plan(names)
        state = assess(plan.graph, plan.ids, plan.store)
        here = engine.InThisProcess(self.prepared, plan.folder, self.progress)
        execute(plan.graph, plan.ids, plan.store, here, state, self.progress)
        failed = {name: done.trace for name, done in state.failed.items()}
        assert not failed, failed
        return [plan.store.read(plan.ids[name]) for name in names]

    def mask(self, name: str) -> Subnetwork:
        """The mask that a cell gives."""
        self.outputs(name)
        return Subnetwork.load(self.whole.store.mask(self.whole.ids[name]))
