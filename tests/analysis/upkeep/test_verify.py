"""Cells checked by content, and some computed again without touching the run."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from few_cells import few_config, rows_alone
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.storage.certificate import Certificate, FileMark
from subprobe.analysis.upkeep.verify import verify_run
from subprobe.data.errors import ConfigError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def sound(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    controls = {"draws": 1, "retrained_draws": 1, "untrained": False, "bag_of_words": False}
    with rows_alone():
        run_experiment(few_config(tiny_encoder, controls=controls, retrain={"keep": False}), folder)
    return folder


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


def state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts
    }  # fmt: skip


def proof_of(folder: Path, name: str) -> Certificate:
    found = (Certificate.load(path) for path in (folder / "cells").glob("*.json"))
    return next(one for one in found if one.name == f"acceptability/seed1/{name}")


def test_a_sound_run_agrees_with_itself_where_it_is_computed_again(
    run: Path, subprobe_command
) -> None:
    """Retrained models are gone: what was scored on them trains them again."""
    before = state(run)
    assert not list((run / "models").glob("*-retrained"))
    code, out, err = subprobe_command("verify", run, "--all", "--json", "-q")
    found = json.loads(out)
    assert code == 0, err
    assert found["good"]
    assert found["different"] == found["damaged"] == {}
    assert found["sound"] == found["cells"] == len(found["recomputed"]) == 16
    assert state(run) == before


def test_the_sample_is_drawn_by_the_seed(run: Path) -> None:
    drawn = [verify_run(run, sample=2, seed=seed).recomputed for seed in (3, 3)]
    assert len(drawn[0]) == 2
    assert drawn[0] == drawn[1]


def test_damage_that_no_time_tells_is_found(run: Path, subprobe_command) -> None:
    proof = proof_of(run, "structured/bad/0/score")
    path = run / proof.files[0].path
    before, held = path.stat(), bytearray(path.read_bytes())
    held[len(held) // 2] ^= 1
    path.write_bytes(held)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    weights = run / "models" / "acceptability-seed1" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    code, out, _ = subprobe_command("verify", run, "--sample", "0")
    assert code == 3
    assert f"{proof.name}: DAMAGED: {proof.files[0].path} has a different content" in out
    assert "seed1/finetune: DAMAGED: models/acceptability-seed1/model.safetensors has" in out
    (run / proof_of(run, "readings").files[0].path).with_suffix(".json").unlink()
    code, out, _ = subprobe_command("verify", run)
    assert (code, "seed1/readings: MISSING" in out) == (3, True)


def test_a_cell_that_comes_out_differently_is_named(run: Path) -> None:
    """A result that is sealed and proved, and that its inputs do not give."""
    proof = proof_of(run, "structured/random/0/score")
    path = run / proof.files[0].path
    output = CellOutput.load(path)
    rows = output.rows.assign(value=output.rows["value"] + 0.25)
    CellOutput(pd.DataFrame(rows), output.items, output.arrays, output.notes).save(path)
    marks = (FileMark.of(run, path),)
    Certificate(proof.cell, proof.name, proof.inputs, marks, "", proof.measured).save(
        path.with_suffix(".json")
    )
    assert verify_run(run).good
    found = verify_run(run, every=True)
    assert found.different == {proof.name: f"cells/{path.name} differ from the stored files"}
    assert not found.good


def test_what_was_read_must_be_the_same(run: Path, tmp_path: Path, tiny_encoder: Path) -> None:
    encoder = Path(shutil.copytree(tiny_encoder, tmp_path / "encoder"))
    record = json.loads((run / "subprobe.json").read_text())
    record["run"]["configuration"]["model"] = str(encoder)
    (run / "subprobe.json").write_text(json.dumps(record))
    weights = encoder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert verify_run(run).good
    with pytest.raises(ConfigError, match="model has changed since the run"):
        verify_run(run, sample=1)


@pytest.mark.parametrize("words", [["verify"], ["clean"], ["verify", "--sample", "-1"]])
def test_a_folder_without_a_run_is_refused(tmp_path: Path, subprobe_command, words) -> None:
    code, _, err = subprobe_command(words[0], tmp_path, *words[1:])
    assert code == 2
    assert err
