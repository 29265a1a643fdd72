"""Run folders from elsewhere: nothing is read or written outside, nothing is believed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cell_readers import write_run
from few_cells import few_config
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.plan.sources import Sources
from subprobe.analysis.plan.whole_run import RunPlan
from subprobe.analysis.run_folder.cell_table import cell_table
from subprobe.analysis.storage.certificate import Certificate, FileMark
from subprobe.analysis.storage.store import WRITTEN
from subprobe.analysis.upkeep.clean import leftovers, remove
from subprobe.analysis.upkeep.verify import verify_run
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.output.folders import remove_own
from subprobe.data.output.ownership import Record


@pytest.fixture
def run(tmp_path: Path) -> RunPlan:
    return write_run(tmp_path / "run")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "model.safetensors").write_bytes(b"weights")
    return folder


def test_the_made_run_is_sound(run: RunPlan) -> None:
    found = verify_run(run.folder)
    assert (found.good, found.sound) == (True, 10)
    assert leftovers(run.folder) == []


@pytest.mark.parametrize(
    "path",
    ["../outside/inner/model.safetensors", "/etc/passwd", "models/../../outside/inner/x",
     "cells/other-0123456789abcdef.parquet", "models/one/deep/x", "subprobe.json", "models/x", "",
     "models//x/y", "./models/x/y", "C:/x"],
)  # fmt: skip
def test_a_certificate_names_files_of_its_cell_alone(run: RunPlan, path: str) -> None:
    name = next(name for name in run.ids if name.endswith("/finetune"))
    proof = run.store.certificate(run.ids[name])
    assert proof is not None
    marks = (proof.files[0], FileMark(path, 7, 0, "00"))
    forged = Certificate(proof.cell, proof.name, proof.inputs, marks, "", proof.measured)
    forged.save(run.store.proof(proof.cell))
    with pytest.raises(DataFileError, match="is not a record of a finished cell"):
        run.store.certificate(proof.cell)
    found = verify_run(run.folder)
    assert set(found.damaged) >= {name}


def test_files_behind_links_are_not_taken_for_those_of_the_run(run: RunPlan, outside: Path) -> None:
    """A folder of a model, or a table, that lies elsewhere; nothing is removed through it."""
    model = run.folder / "models" / "acceptability-seed1"
    shutil.copytree(model, outside / "copy")
    shutil.rmtree(model)
    model.symlink_to(outside / "copy")
    name = next(name for name in run.ids if name.endswith("/full/score"))
    table = run.store.table(run.ids[name])
    shutil.move(table, outside / "table")
    table.symlink_to(outside / "table")
    found = verify_run(run.folder)
    assert found.damaged[name].endswith("is a link")
    assert found.damaged["acceptability/seed1/finetune"].endswith("is a link")
    remove(run.folder, leftovers(run.folder))
    assert (outside / "copy" / "model.safetensors").is_file()
    assert (outside / "table").is_file()


@pytest.mark.parametrize("name", [name for name in WRITTEN if "*" not in name] + ["models/x"])
@pytest.mark.parametrize("leads", ["somewhere", "nowhere"])
def test_a_run_does_not_write_through_a_link_out_of_its_folder(
    tiny_encoder: Path, tmp_path: Path, name: str, leads: str
) -> None:
    """Not even where files of others may be there."""
    folder, outside = tmp_path / "run", tmp_path / "outside"
    (folder / name).parent.mkdir(parents=True)
    if leads == "somewhere":
        outside.mkdir()
    (folder / name).symlink_to(outside)
    with pytest.raises(ConfigError, match="link"):
        run_experiment(few_config(tiny_encoder), folder, overwrite=True)
    assert not outside.exists() or not list(outside.iterdir())


def test_the_names_of_a_manifest_stay_inside(run: RunPlan, outside: Path) -> None:
    forged = outside / "inner" / "evaluate-0123456789abcdef.json"
    forged.write_text("{}")
    cells = [{"cell": f"../../outside/inner/{forged.stem}"}, {"cell": ""}, {"cell": 3}, "x", None]
    assert len(cell_table(run.folder, {"cells": cells})) == 0
    with pytest.raises(DataFileError, match="is missing"):
        cell_table(run.folder, {"cells": [{"cell": forged.stem}]})


def test_a_record_removes_nothing_outside(run: RunPlan, outside: Path) -> None:
    held = json.loads((run.folder / "subprobe.json").read_text())
    names = {"../outside/inner/model.safetensors": "00", "/etc/passwd": "00"}
    held["files"] = {"run": names, "models/../../outside": names}
    (run.folder / "subprobe.json").write_text(json.dumps(held))
    for files in Record.of(run.folder).files.values():
        assert not files
        remove_own(run.folder, files)
    assert leftovers(run.folder) == []
    assert (outside / "inner" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "change",
    [{"seeds": [-1]}, {"seeds": [10**30]}, {"tasks": ["../../etc"]}, {"tasks": ["a/b"]},
     {"examples": [-5, 1, 1]}, {"workers": -3}, {"recipe": {"learning_rate": float("nan")}},
     {"prune": {"keep": float("inf")}}, {"columns": {"first": "\x1b[31m"}}],
)  # fmt: skip
def test_a_recorded_configuration_is_checked_like_any_other(
    run: RunPlan, change: dict, subprobe_command
) -> None:
    held = json.loads((run.folder / "subprobe.json").read_text())
    held["run"]["configuration"].update(change)
    (run.folder / "subprobe.json").write_text(json.dumps(held))
    for command in ("verify", "clean"):
        code, _, err = subprobe_command(command, run.folder)
        assert code == 2, (command, err)
        line = err.strip().splitlines()[-1]
        assert line.startswith("error: ")
        assert "\x1b" not in err


def test_control_characters_of_a_run_do_not_reach_the_screen(
    run: RunPlan, subprobe_command
) -> None:
    """A terminal would obey them: names and texts of certificates are printed, too."""
    name = next(name for name in run.ids if name.endswith("/full/score"))
    path = run.store.proof(run.ids[name])
    held = json.loads(path.read_text())
    held["files"][0]["path"] = "cells/\x1b]0;owned\x07.parquet"
    path.write_text(json.dumps(held))
    model = run.folder / "models" / "\x1b[31mred"
    shutil.copytree(run.folder / "models" / "acceptability-seed1", model)
    record = {"cell_id": "x", "files": {"model": {"model.safetensors": "00"}}}
    (model / "subprobe.json").write_text(json.dumps(record))
    assert [one.path for one in leftovers(run.folder)] == ["models/\x1b[31mred"]
    for words in (["verify", run.folder], ["clean", run.folder]):
        _, out, err = subprobe_command(*words)
        assert not {"\x1b", "\x07"} & set(out + err)


def test_formulas_and_control_characters_in_the_table_of_cells_are_inert(
    run: RunPlan, tmp_path: Path
) -> None:
    from subprobe.analysis.run_folder.export import write_csv_parts

    cell = next(iter(run.ids.values()))
    proof = run.store.certificate(cell)
    assert proof is not None
    measured = {**proof.measured, "host": "=HYPERLINK(1)", "threads": "@x", "seconds": True}
    Certificate(cell, "+cmd", proof.inputs, proof.files, "-1", measured).save(run.store.proof(cell))
    table = cell_table(run.folder, {"cells": [{"cell": cell}]})
    assert table["threads"].isna().all()
    assert table["seconds"].isna().all()
    write_csv_parts([table], tmp_path / "cells.csv")
    line = (tmp_path / "cells.csv").read_text().splitlines()[1]
    assert line.startswith("'+cmd,")
    assert ",'=HYPERLINK(1)," in line
    assert ",'-1" in line


def test_whole_and_broken_numbers_of_a_recipe_are_read_back(run: RunPlan) -> None:
    """The epochs of an option are 1.0, those of the study 3."""
    for epochs in (1, 1.0, 2.5):
        plain = run.sources.plain()
        plain["facts"]["acceptability"]["recipe"]["epochs"] = epochs
        found = Sources.parse(json.loads(json.dumps(plain)))
        assert found is not None
        assert found.facts["acceptability"].recipe.epochs == epochs
    for wrong in (True, "1", None):
        plain = run.sources.plain()
        plain["facts"]["acceptability"]["recipe"]["batch_size"] = wrong
        assert Sources.parse(plain) is None
