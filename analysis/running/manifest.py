"""What ran: options, versions, seeds, inputs, and how long it took."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...data.files.atomic import write_text
from ...models.encoder.device import device_of
from ..configuration.asked_probes import of_task
from ..configuration.config import RunConfig
from ..steps.annotations import left_out
from ..steps.probing import Corpus, corpus_note

if TYPE_CHECKING:
    from .seed_run import SeedRun

LIBRARIES = (
    "subprobe",
    "torch",
    "transformers",
    "datasets",
    "spacy",
    "captum",
    "scikit-learn",
    "scipy",
    "numpy",
    "pandas",
    "tokenizers",
)


def versions() -> dict[str, str]:
    """Installed version of each library that decides a number."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def write_manifest(
    out: Path,
    config: RunConfig,
    runs: Sequence[SeedRun],
    corpus: Corpus | None,
    started: float,
    data: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """Write `manifest.json` and return what it holds.

    `data` is what was read of each task (`data_summary`). Times and the host lie under `host`,
    apart from what decides the numbers.
    """
    manifest: dict[str, Any] = {
        "config": config.plain(),
        "versions": versions(),
        "model": {"name": config.model, "fingerprint": runs[0].setting.base},
        "data": list(data),
        "said_of_input": list(dict.fromkeys(line for run in runs for line in run.setting.said)),
        "corpus": corpus_note(corpus, config.probe),
        "runs": [describe_seed(run) for run in runs],
        "host": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": str(device_of(config.device)),
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "wall_s": round(time.time() - started, 1),
        },
    }
    write_text(out / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return manifest


def describe_seed(run: SeedRun) -> dict[str, Any]:
    """What the manifest records of this seed; cut and left out texts are counted."""
    scored, probed = run.score(None).notes, run.setting.config.probe.names
    return {
        "task": run.parts.spec.name,
        "seed_init": run.seed,
        "seed_order": run.seed,
        "recipe": vars(run.setting.recipe),
        "selection": run.parts.selection_name,
        "examples": {
            "unreadable": run.parts.n_unreadable,
            "train": len(run.parts.train),
            "selection": len(run.parts.selection),
            run.parts.report_name: len(run.parts.report),
        },
        "left_out": left_out(run.probes.attributed, of_task(run.setting.config.probe)),
        "n_truncated": run.model.full.notes["n_truncated"],
        "n_wordless": run.model.full.notes["n_wordless"],
        "reported_texts": {name: scored[name] for name in ("n_truncated", "n_wordless")},
        "probed_texts": run.probe(None).notes.get("texts", {}) if probed else {},
        "fingerprint": run.model.full.notes["fingerprint"],
        "train_wall_s": round(run.model.full.notes["wall_s"], 1),
        "search": {m: list(run.good(m).history) for m in run.setting.config.prune.methods},
    }
