"""The overhead of commands: processor time of child processes on minimal inputs.

Commands without torch have limits in seconds. Commands that read a model are compared with plain
transformers loading the same model: building any model imports torch's compiler, its distributed
tensors and sympy, which takes as long as torch and the auto classes and cannot be avoided.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from subprobe.data.files.atomic import write_text
from subprobe.data.output.tables import write_parquet
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import load_classifier, load_tokenizer, save_classifier
from subprobe.models.masks.subnetwork import Subnetwork

from .models import MODEL
from .reporting import large_run
from .timing import REPEATS, Measure, planted

_BARE = ["-c", "pass"]
_IMPORTS = "import torch; from transformers import AutoModel, AutoTokenizer"
_COLUMNS = {"first": "text", "label": "side"}


def _spent(arguments: Sequence[str], folder: Path | None = None) -> tuple[float, float]:
    """Processor and wall seconds of one child process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime), wall


def _called(*words: str, fault: str = "import torch") -> list[str]:
    """A call of the command line; with planted faults it imports too much."""
    fault = f"{fault}; " if planted() else ""
    return ["-c", f"{fault}import sys; sys.argv = ['subprobe', *{list(words)!r}]; "
                  "from subprobe.cli import main; main()"]  # fmt: skip


def _measure(
    name: str, pairs: list[tuple[tuple[float, float], tuple[float, float]]], limit: float, unit: str
) -> Measure:
    """The difference of both times in seconds, or their ratio."""
    cpu, wall = (
        [ours[i] / other[i] if unit == "x" else ours[i] - other[i] for ours, other in pairs]
        for i in (0, 1)
    )
    return Measure(
        name, statistics.median(cpu), min(cpu), max(cpu), statistics.median(wall), limit, unit
    )


def _prepare(folder: Path) -> None:
    """The inputs of the commands: a made-up run, masks, a model with a new head, a task, a text."""
    rows, manifest = large_run(1)
    run = folder / "run"
    for seed in (1, 2):
        random = np.random.default_rng(seed)
        mask = Subnetwork(
            random.random((6, 12)) < 0.6, random.random(6) < 0.7, task="task1", seed_init=seed
        )
        (folder / "masks").mkdir(exist_ok=True)
        mask.save(folder / "masks" / f"task1-seed{seed}-good.safetensors")
    mask.save(folder / "good.safetensors")
    run.mkdir()
    write_parquet(rows, run / "rows.parquet")
    write_text(run / "manifest.json", json.dumps(manifest))
    from tiny_run import write_toy_task  # tests/support, whose path `large_run` adds

    write_toy_task(folder / "stance")
    spec = load_task("stance", data_dir=folder / "stance", columns=_COLUMNS).spec
    model = load_classifier(MODEL, spec, new_head=True, seed=0)
    save_classifier(model, load_tokenizer(MODEL), folder / "model", {})
    write_text(folder / "one.txt", "The keys to the cabinet are on the table.\n")


_LIGHT = {
    "list tasks": ["list", "tasks"],
    "sample": ["sample", "good.safetensors", "--kind", "bad", "--out", "bad.safetensors"],
    "stability": ["stability", "masks"],
    "export": ["export", "run", "--table", "performance", "--out", "tables"],
    "report": ["report", "run", "--out", "page.html"],
    "compare": ["compare", "run", "--no-probes"],
    "plan study": ["plan", "study"],
}
"""Commands that need no torch, on a run of two masks and few rows; and the study's 8,000 cells."""

_MODELS = {
    "probe": ["probe", "./model", "--probe", "attention-stats", "--corpus", "one.txt"],
    "evaluate": ["evaluate", "./model", "--task", "stance", "--data-dir", "stance",
                 "--column", "first=text", "--column", "label=side"],
    "view": ["view", "./model", "The keys.", "--out", "view.html"],
}  # fmt: skip
"""Commands that read a model, on one sentence or 24 short ones."""


def starts(repeats: int = REPEATS, *, every: bool = True) -> list[Measure]:
    """Every command compared with an idle interpreter, or with plain transformers.

    Args:
        repeats: how often each pair is measured.
        every: False measures one command of each kind, to check that it runs.
    """
    some = None if every else 1
    fault = "import torch; " if planted() else ""
    package, screen = ["-c", f"{fault}import subprobe"], _called("--help")
    found = [
        _measure(name, [(_spent(call), _spent(_BARE)) for _ in range(repeats)], limit, "s")
        for name, call, limit in (
            ("import subprobe minus an interpreter", package, 0.05),
            ("subprobe --help minus an interpreter", screen, 0.25),
        )
    ]
    loading = ["-c", f"{_IMPORTS}; AutoModel.from_pretrained('./model'); "
                     "AutoTokenizer.from_pretrained('./model')"]  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder)
        for command, words in list(_LIGHT.items())[:some]:
            over = [*words, "--overwrite"] if "--out" in words else words
            call = _called(*over, fault=_IMPORTS)
            pairs = [(_spent(call, folder), (0.0, 0.0)) for _ in range(repeats)]
            found.append(_measure(f"subprobe {command}", pairs, 2.0, "s"))
        for command, words in list(_MODELS.items())[:some]:
            over = [*words, "--overwrite"] if "--out" in words else words
            call = _called(*over, fault="import spacy, sklearn, datasets, transformers.trainer")
            pairs = [(_spent(call, folder), _spent(loading, folder)) for _ in range(repeats)]
            found.append(_measure(f"subprobe {command} / loading its model", pairs, 1.5, "x"))
    return found
