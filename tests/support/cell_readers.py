"""The files by which a run folder knows its cells, sound to begin with, and what reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from few_cells import few_options
from fuzzing import Reader
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.configuration.config import RunConfig, parse_config, read_config
from subprobe.analysis.configuration.config_toml import config_toml
from subprobe.analysis.plan.planning import payload_of, plan
from subprobe.analysis.plan.registry import VERSIONS
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.plan.sources import Sources
from subprobe.analysis.plan.whole_run import RunPlan, configuration_of, recorded_plan
from subprobe.analysis.run_folder.cell_table import cell_table
from subprobe.analysis.run_folder.reading import load_manifest
from subprobe.analysis.running.earlier import settled
from subprobe.analysis.running.execute import assess
from subprobe.analysis.storage.store import CellStore
from subprobe.analysis.upkeep.clean import leftovers
from subprobe.analysis.upkeep.verify import verify_run
from subprobe.data.errors import ConfigError
from subprobe.data.output.folders import check_folder
from subprobe.data.output.ownership import RUN
from subprobe.data.output.run_record import run_seeds
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.recipes import Recipe


def write_run(folder: Path) -> RunPlan:
    """A run folder in which every cell is finished, its tables empty."""
    config = parse_config(few_options(Path("/nowhere/encoder")), where="test")
    parts = ("train", "selection", "report")
    sources = Sources(
        {"model": "ab12", **{f"acceptability/seed1/{part}": part for part in parts}},
        {"acceptability": TaskFacts("acceptability", Recipe(0.001, 1.0))},
    )
    graph = plan(config, sources.facts)
    found = RunPlan(config, folder, sources, graph, graph.ids(VERSIONS, sources.digests))
    store = found.store
    digests: dict[str, str] = {}
    for name in graph.order:
        cell, others = graph[name], []
        if payload_of(cell) == "mask":
            mask = Subnetwork(np.array([[True, False]]), np.array([True]), model="m", task="t")
            mask.save(store.mask(found.ids[name]))
            others.append(store.mask(found.ids[name]))
        if payload_of(cell) == "model":
            others.append(folder / "models" / "acceptability-seed1" / "model.safetensors")
            others[-1].parent.mkdir(parents=True)
            others[-1].write_bytes(b"weights")
        inputs = {role: digests[other] for role, other in cell.inputs.items()}
        output = CellOutput(pd.DataFrame(), pd.DataFrame())
        measured = {"seconds": 1.5, "peak_mb": 900.0, "threads": 1, "device": "cpu"}
        proof = store.write(found.ids[name], name, output, inputs, tuple(others), measured)
        digests[name] = proof.digest
    read = {**sources.plain(), "configuration": configuration_of(config)}
    run = {"configuration": config.plain(), "seeds": ["acceptability-seed1"], "threads": 1,
           "sources": read}  # fmt: skip
    (folder / "subprobe.json").write_text(json.dumps({RUN: run, "files": {RUN: {"a.csv": "00"}}}))
    cells = [{"name": name, "cell": cell, "seconds": 1.5} for name, cell in found.ids.items()]
    (folder / "manifest.json").write_text(json.dumps({"cells": cells, "missing": []}))
    return found


def cell_readers(folder: Path) -> dict[str, Reader]:
    """Certificates, the record of a run, its manifest, and the configuration's file."""
    run = folder / "run"
    known = write_run(run)
    last = list(known.graph.cells)[-1]
    proof = known.store.proof(known.ids[last])
    certificate = folder / "alone" / "cells" / proof.name
    certificate.parent.mkdir(parents=True)
    certificate.write_bytes(proof.read_bytes())
    toml = folder / "run.toml"
    toml.write_text(config_toml(known.config))
    manifest = run / "manifest.json"
    everything = _contents(run)

    def read_certificate() -> None:
        """As everything reads it, and as a run does, for which a damaged one is a missing cell."""
        CellStore(folder / "alone").certificate(known.ids[last])
        cell_table(folder / "alone", {"cells": [{"cell": known.ids[last]}]})

    def assess_damaged() -> None:
        state = assess(known.graph, known.ids, known.store, whole=True)
        assert set(state.todo) <= {last}
        if state.todo:
            raise ConfigError(state.todo[last])

    def read_record() -> None:
        check_folder(run, RUN, overwrite=True)
        run_seeds(run)
        settled(known.config, run, "new", lambda line: None)
        recorded_plan(known.config, run)
        for one in leftovers(run):
            assert (run / one.path).resolve().is_relative_to(run.resolve()), one
        verify_run(run)

    def read_manifest() -> None:
        verify_run(run)
        cell_table(run, load_manifest(run))

    def read_toml() -> None:
        config: RunConfig = read_config(toml)
        plan(config, {name: TaskFacts(name, Recipe(0.001, 1.0)) for name in config.tasks})

    def unchanged(path: Path, read: Callable[[], Any]) -> Callable[[], Any]:
        """Nothing but the damaged file is another than before."""

        def call() -> None:
            try:
                read()
            finally:
                now = _contents(run)
                kept = {name: text for name, text in everything.items() if name != path.name}
                assert {n: text for n, text in now.items() if n != path.name} == kept, "was written"

        return call

    readers = (
        Reader("certificate", "json", certificate, unchanged(certificate, read_certificate)),
        Reader("assessed", "json", proof, unchanged(proof, assess_damaged)),
        Reader("run record", "json", run / "subprobe.json",
               unchanged(run / "subprobe.json", read_record)),
        Reader("cells of the manifest", "json", manifest, unchanged(manifest, read_manifest)),
        Reader("configuration", "text", toml, unchanged(toml, read_toml)),
    )  # fmt: skip
    return {reader.name: reader for reader in readers}


def _contents(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {path.name: path.read_bytes() for path in paths}
