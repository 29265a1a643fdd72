"""The table of cells that an export brings along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from few_cells import few_config, rows_alone
from subprobe.analysis.experiment import run_experiment
from subprobe.analysis.run_folder.columns import CELLS
from tiers import mostly_slow


@pytest.fixture(scope="module")
def run(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    with rows_alone():
        run_experiment(few_config(tiny_encoder), folder)
    return folder


def test_every_cell_has_a_line_with_what_it_took_read_and_wrote(
    run: Path, tmp_path: Path, subprobe_command
) -> None:
    code, _, err = subprobe_command("export", run, "--table", "cells", "--out", tmp_path / "t")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "t" / "cells.csv").set_index("name")
    assert ["name", *table.columns] == list(CELLS)
    assert len(table) == 10
    tuned = table.loc["acceptability/seed1/finetune"]
    assert tuned["step"] == "finetune"
    assert tuned["seconds"] > 0
    assert tuned["peak_mb"] > 50
    assert (tuned["threads"], tuned["device"]) == (1, "cpu")
    folder = run / "models" / "acceptability-seed1"
    sizes = [path.stat().st_size for path in folder.iterdir() if path.name != "subprobe.json"]
    assert (
        tuned["bytes"]
        == sum(sizes) + (run / "cells" / f"{tuned['cell_id']}.parquet").stat().st_size
    )
    score = table.loc["acceptability/seed1/structured/bad/0/score", "inputs"].split(" ")
    assert set(score) == {
        "model=acceptability/seed1/finetune", "good=acceptability/seed1/structured/search"
    }  # fmt: skip
    described = pd.read_csv(tmp_path / "t" / "dictionary.csv")
    assert list(described[described["table"] == "cells"]["column"]) == list(CELLS)


@pytest.mark.parametrize("damage", mostly_slow(["truncated", "missing"], ["truncated"]))
def test_a_damaged_certificate_is_named_in_one_line(
    run: Path, tmp_path: Path, subprobe_command, damage: str
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    cell = json.loads((copy / "manifest.json").read_text())["cells"][0]["cell"]
    path = copy / "cells" / f"{cell}.json"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50])
    code, _, err = subprobe_command("export", copy, "--out", tmp_path / "t")
    assert code == 2
    assert err.count("\n") == 1
    assert path.name in err
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("kind", ["truncated", "empty", "flipped", "swapped"])
def test_commands_that_read_a_damaged_cell_name_it(
    run: Path, tmp_path: Path, subprobe_command, kind: str
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    names = {one["name"]: one["cell"] for one in json.loads(
        (copy / "manifest.json").read_text())["cells"]}  # fmt: skip
    path, other = (
        copy / "cells" / f"{names[f'acceptability/seed1/structured/{draw}/0/score']}.parquet"
        for draw in ("good", "bad")
    )
    held = bytearray(path.read_bytes())
    match kind:
        case "truncated":
            path.write_bytes(held[: len(held) // 2])
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            held[len(held) // 3] ^= 4
            path.write_bytes(held)
        case "swapped":
            shutil.copy2(other, path)
    for words in (["compare", copy], ["export", copy, "--out", tmp_path / "t"],
                  ["export", copy, "--table", "items", "--out", tmp_path / "u"]):  # fmt: skip
        code, _, err = subprobe_command(*words)
        assert (code, err.count("\n")) == (2, 1), err
        assert path.name in err, err
