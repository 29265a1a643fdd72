"""The manifest of a run: options, versions, seeds, inputs, and durations."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...data.files.atomic import write_text
from ...data.seeds import seeds_of
from ..configuration.config import RunConfig
from ..plan.whole_run import RunPlan
from .collect import Collected

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
    """Installed version of each library that affects results."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = ""
    return found


def git_state(folder: Path) -> dict[str, Any]:
    """Commit of the repository of a folder, and whether there are uncommitted changes."""
    try:
        commit, changed = (
            subprocess.run(
                ["git", "-C", str(folder), *command],
                capture_output=True, text=True, check=True, timeout=10,
            ).stdout.strip()
            for command in (("rev-parse", "HEAD"), ("status", "-s"))
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit, "changed": bool(changed)}


def write_manifest(
    out: Path,
    plan: RunPlan,
    collected: Collected,
    *,
    outcome: str,
    threads: int,
    started: float,
    data: Sequence[Mapping[str, Any]],
    said: Sequence[str],
    corpus: Mapping[str, Any] | None,
    learning: Mapping[str, Any] | None,
    missing: Sequence[Mapping[str, str]],
    sizes: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Write `manifest.json` and return what it holds.

    Args:
        out: the folder.
        plan: the run.
        collected: the outputs of its cells.
        outcome: a digest of the outputs.
        threads: number of threads per cell.
        started: start of the run, in seconds since 1970.
        data: the summary of each task (`data_summary`).
        said: messages about the tokenizer and the lengths.
        corpus: the record of the sentences, see `corpus_note`.
        learning: the record of the training data of probes, see `Parts.note`.
        missing: cells that failed or were skipped: name, reason, log.
        sizes: task -> the costs of the units of its models (`UnitCosts`).
    """
    config, sources = plan.config, plan.sources
    manifest: dict[str, Any] = {
        "outcome": outcome,
        "config": config.plain(),
        "versions": versions(),
        "model": {"name": config.model, "fingerprint": sources.digests["model"]},
        "data": list(data),
        "said_of_input": list(said),
        "corpus": corpus,
        "learning": learning,
        "runs": [
            describe_seed(collected, sources.facts[task].name, seed, config)
            for task in config.tasks
            for seed in config.seeds
        ],
        "missing": list(missing),
        "sizes": dict(sizes),
        "cells": collected.measured(),
        "host": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "threads": threads,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "wall_s": round(time.time() - started, 1),
            "git": git_state(Path.cwd()),
        },
    }
    write_text(out / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return manifest


def describe_seed(collected: Collected, task: str, seed: int, config: RunConfig) -> dict[str, Any]:
    """The record of a seed, with the numbers of truncated and skipped texts."""
    at = f"{task}/seed{seed}"
    init, order = seeds_of(seed, crossed=bool(config.seeds_init))
    full, read = collected.notes(f"{at}/finetune"), collected.notes(f"{at}/readings")
    scored = collected.notes(f"{at}/full/score")
    texts: dict[str, Any] = {}
    for name in config.probe.names:
        texts |= collected.notes(f"{at}/full/probe/{name}").get("texts", {})
    return {
        "task": task,
        "seed": seed,
        "seed_init": init,
        "seed_order": order,
        "recipe": collected.recipe(f"{at}/finetune"),
        "selection": read.get("selection", ""),
        "examples": read.get("examples", {}),
        "left_out": read.get("left_out", {}),
        "n_truncated": full.get("n_truncated"),
        "n_wordless": full.get("n_wordless"),
        "reported_texts": {name: scored.get(name) for name in ("n_truncated", "n_wordless")},
        "probed_texts": texts,
        "fingerprint": full.get("fingerprint", ""),
        "train_wall_s": collected.seconds(f"{at}/finetune"),
        "search": {
            method: collected.notes(f"{at}/{method}/search").get("history", [])
            for method in config.prune.methods
        },
    }
