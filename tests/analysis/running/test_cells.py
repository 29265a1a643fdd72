"""A cell is one whole file, named by what decides it, and computed once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.running.cells import STEP_VERSIONS, Cell, CellStore
from subprobe.data.output.tables import rows_frame


def output() -> CellOutput:
    rows = rows_frame([{"probe": "performance", "metric": "accuracy", "value": 1 / 3, "n": 7}])
    items = pd.DataFrame([{"item_id": "a", "score": 0.1 + 0.2}, {"item_id": "b", "score": None}])
    return CellOutput(rows, items, {"counts": np.array([[1.0, np.nan], [0.1, 2e-9]])}, {"n": 3})


def test_output_survives_the_file(tmp_path: Path) -> None:
    output().save(tmp_path / "one.parquet")
    back = CellOutput.load(tmp_path / "one.parquet")
    pd.testing.assert_frame_equal(back.rows, output().rows, check_exact=False, rtol=1e-14)
    assert back.items["score"].tolist()[0] == 0.1 + 0.2
    assert back.items["score"].isna().tolist() == [False, True]
    np.testing.assert_array_equal(back.arrays["counts"], output().arrays["counts"])
    assert back.notes == {"n": 3}


def test_same_output_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        output().save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_id_changes_with_version_inputs_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {
        Cell("evaluate", {"mask": "x"}, {"max_length": 8}).id,
        Cell("evaluate", {"mask": "y"}, {"max_length": 8}).id,
        Cell("evaluate", {"mask": "x"}, {"max_length": 9}).id,
        Cell("probe", {"mask": "x"}, {"max_length": 8}).id,
    }
    assert len(ids) == 4
    monkeypatch.setitem(STEP_VERSIONS, "evaluate", 99)
    assert Cell("evaluate", {"mask": "x"}, {"max_length": 8}).id not in ids


def test_finished_cells_are_not_computed_again(tmp_path: Path) -> None:
    store, cell, calls = CellStore(tmp_path), Cell("evaluate", {"mask": "x"}), []

    def compute() -> CellOutput:
        calls.append(1)
        return output()

    first, second = store.get(cell, compute), store.get(cell, compute)
    assert len(calls) == 1
    pd.testing.assert_frame_equal(first.rows, second.rows)


def test_a_failing_step_leaves_nothing(tmp_path: Path) -> None:
    store = CellStore(tmp_path)

    def fail() -> CellOutput:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        store.get(Cell("evaluate", {}), fail)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_no_cell(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from subprobe.data.files.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        "    path.write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    target = tmp_path / "cell.parquet"
    command = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGKILL)
    time.sleep(0.05)
    assert not target.exists()
