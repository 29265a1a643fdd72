"""A run folder whose cells are finished without having been computed: for what only plans."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.configuration.config import RunConfig, parse_config
from subprobe.analysis.configuration.recipe import chosen_recipe
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.plan.sources import Sources, _versions
from subprobe.analysis.plan.whole_run import RunPlan
from subprobe.analysis.running.earlier import begin
from subprobe.models.folder.sources import ModelSource

SHAPE = {
    "model_type": "bert", "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 128,
    "vocab_size": 100, "max_position_embeddings": 128,
}  # fmt: skip


def planned_config(folder: Path, **changed: Any) -> RunConfig:
    """Options of a small run of an encoder of which there is only the configuration."""
    encoder = folder / "encoder"
    encoder.mkdir(parents=True, exist_ok=True)
    (encoder / "config.json").write_text(json.dumps(SHAPE), encoding="utf-8")
    options: dict[str, Any] = {
        "model": str(encoder),
        "tasks": ["acceptability"],
        "seeds": [1, 2],
        "examples": [48, 16, 24],
        "controls": {"draws": 1},
        "probe": {"names": ["attention-stats", "attributions"], "draws": 1, "states": ["pruned"]},
    }
    return parse_config({**options, **changed}, where="test")


def write_planned_run(config: RunConfig, out: Path, *, seconds: float = 2.0) -> RunPlan:
    """Write every cell of a run, empty, each of which says that it took so many seconds."""
    source = ModelSource("folder", config.model, config.model)
    recipe = chosen_recipe(source, "acceptability", config.recipe)
    facts = {task: TaskFacts(task, recipe, (), 128) for task in config.tasks}
    graph = plan(config, facts)
    digests = {name: name for cell in graph for name in cell.sources}
    ids = graph.ids(VERSIONS, digests)
    run = RunPlan(config, out, Sources(digests, facts, {}, _versions()), graph, ids)
    (out / "cells").mkdir(parents=True)
    begin(run, 1, "refuse")
    written: dict[str, str] = {}
    for name in graph.order:
        read = {role: written[other] for role, other in graph[name].inputs.items()}
        measured = {"seconds": seconds, "peak_mb": 640, "host": "here", "device": "cpu",
                    "threads": 1}  # fmt: skip
        output = CellOutput(pd.DataFrame(), pd.DataFrame())
        proof = run.store.write(ids[name], name, output, read, (), measured)
        written[name] = proof.digest
    return run


def copied(run: RunPlan, out: Path) -> RunPlan:
    """The same run in a folder of its own, where a test may change what it likes."""
    shutil.copytree(run.folder, out)
    return replace(run, folder=out)
