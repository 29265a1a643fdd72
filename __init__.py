"""subprobe: find the subnetworks of Transformer encoders and test what each still knows.

The names below are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Anatomy": "models.encoder.anatomy",
    "Example": "data.sentences.sentence",
    "Gates": "models.masks.gates",
    "InputError": "data.errors",
    "RunConfig": "analysis.configuration.config",
    "Sentence": "data.sentences.sentence",
    "SubprobeError": "data.errors",
    "Subnetwork": "models.masks.subnetwork",
    "anatomy_of": "models.encoder.anatomy",
    "bad_of": "pruning.controls",
    "importance_pass": "pruning.importance.scoring",
    "load_compact": "models.checkpoint.compact_files",
    "load_manifest": "analysis.run_folder.reading",
    "load_rows": "analysis.run_folder.reading",
    "load_run": "analysis.run_folder.reading",
    "load_task": "data.tasks.by_name",
    "random_like": "pruning.controls",
    "run_experiment": "analysis.experiment",
    "run_probes": "probes.forward.shared_pass",
    "save_compact": "models.checkpoint.compact_files",
    "shrink": "models.smaller.shrink",
    "structured_search": "pruning.search.structured",
}

__all__ = [
    "Anatomy",
    "Example",
    "Gates",
    "InputError",
    "RunConfig",
    "Sentence",
    "Subnetwork",
    "SubprobeError",
    "anatomy_of",
    "bad_of",
    "importance_pass",
    "load_compact",
    "load_manifest",
    "load_rows",
    "load_run",
    "load_task",
    "random_like",
    "run_experiment",
    "run_probes",
    "save_compact",
    "shrink",
    "structured_search",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'subprobe' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
