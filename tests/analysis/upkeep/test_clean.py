"""What nothing in a run folder needs: listed, then removed, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from few_cells import few_config, rows_alone
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.running.locks import RunLocks, cell_lock
from subprobe.analysis.upkeep.clean import leftovers
from subprobe.data.files import temporaries

pytestmark = pytest.mark.timeout(600)
CELL = "evaluate-0123456789abcdef"


@pytest.fixture(scope="module")
def sound(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    with rows_alone():
        run_experiment(few_config(tiny_encoder), folder)
    return folder


@pytest.fixture
def run(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def files(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {path.relative_to(folder).as_posix() for path in paths}


def test_a_finished_run_has_nothing_to_remove(run: Path, subprobe_command) -> None:
    code, out, err = subprobe_command("clean", run, "--yes")
    assert (code, out) == (0, "")
    assert "nothing to remove" in err


def test_what_nothing_needs_is_listed_and_removed_and_nothing_else(
    run: Path, tmp_path: Path, subprobe_command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = next((run / "cells").glob("evaluate-*.json")).stem
    unneeded = {
        f"cells/{CELL}.json": "is not part of any configuration of the folder",
        f"cells/{CELL}.parquet": "is not part of any configuration of the folder",
        f"cells/{finished}.parquet.damaged": "was set aside because it was damaged",
        "models/acceptability-seed1/model.safetensors.damaged": "was set aside",
        f"logs/{finished}.log": "the cell is finished now",
        f"logs/{CELL}.log": "the cell is not part of the run",
        ".locks/evaluate-0123456789abcdef.lock": "is not held by any process",
        f"unfinished/{CELL}": "no training resumes from it",
    }
    for name in unneeded:
        path = run / name
        path.parent.mkdir(exist_ok=True)
        if name.startswith("unfinished"):
            path.mkdir()
            path /= "state.safetensors"
        path.write_text("x" * 1000)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", dead_process)
        for place in ("cells", "models", "masks", "."):
            stale = temporaries.temporary_in(run / place, "half")
            stale.write_text("x")
            unneeded[stale.relative_to(run).as_posix()] = (
                "is an unfinished file of a killed process"
            )
    spent = run / "models" / "acceptability-seed2"
    shutil.copytree(run / "models" / "acceptability-seed1", spent)
    (spent / "model.safetensors.damaged").unlink()
    record = json.loads((spent / "subprobe.json").read_text())
    (spent / "subprobe.json").write_text(json.dumps({**record, "cell_id": CELL}))
    unneeded["models/acceptability-seed2"] = "is not part of any configuration of the folder"

    # not subprobe's, not finished, or in use
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    (run / "cells" / "notes.txt").write_text("mine")
    (run / "models" / "mine").mkdir()
    (run / "models" / "mine" / "weights").write_text("mine")
    (run / "cells" / "evaluate-fedcba9876543210.parquet").symlink_to(outside / "kept")
    (run / "models" / "linked").symlink_to(outside)
    temporaries.temporary_in(run / "cells", "being-written").write_text("x")
    failed = next((run / "cells").glob("readings-*.json"))
    failed.unlink()
    (run / "logs" / f"{failed.stem}.log").write_text("it failed")

    before = files(run)
    code, out, err = subprobe_command("clean", run, "--json")
    assert code == 0, err
    listed = {one["path"]: one["why"] for one in json.loads(out)["files"]}
    assert set(listed) == set(unneeded)
    for name, why in unneeded.items():
        assert listed[name].startswith(why), name
    assert files(run) == before, "listing removes nothing"
    code, _, err = subprobe_command("clean", run, "--yes")
    assert code == 0, err
    gone = {name for name in before if name in unneeded or Path(name).parent.as_posix() in unneeded}
    assert files(run) == before - gone
    assert (outside / "kept").read_text() == "kept"


def test_what_a_living_process_uses_stays(run: Path) -> None:
    config = json.loads((run / "subprobe.json").read_text())["run"]["sources"]["configuration"]
    state = run / "unfinished" / "finetune-0123456789abcdef"
    state.mkdir(parents=True)
    with RunLocks(run, config), cell_lock(run, CELL):
        assert leftovers(run) == []
    assert [one.path for one in leftovers(run)] == ["unfinished/finetune-0123456789abcdef"]


def test_spent_models_go_once_everything_has_read_them(tiny_encoder: Path, tmp_path: Path) -> None:
    """Those of a run that was stopped before it removed them itself."""
    controls = {"draws": 1, "retrained_draws": 1, "untrained": False, "bag_of_words": False}
    kept = few_config(tiny_encoder, controls=controls, retrain={"keep": True})
    with rows_alone():
        run_experiment(kept, tmp_path / "run")
    assert leftovers(tmp_path / "run") == []
    path = tmp_path / "run" / "subprobe.json"
    record = json.loads(path.read_text())
    record["run"]["configuration"]["retrain"]["keep"] = False
    path.write_text(json.dumps(record))
    listed = [one.path for one in leftovers(tmp_path / "run")]
    assert len(listed) == 3
    assert all(name.endswith("-retrained") for name in listed)
    scored = list((tmp_path / "run" / "cells").glob("evaluate-*.json"))
    for one in scored:
        one.unlink()
    assert leftovers(tmp_path / "run") == []
