"""Ctrl-C says what is finished, and the command that goes on."""

import os
import re
import signal
import sys
import time

import pytest
from subprobe.commands import stopped
from subprobe.commands.stopped import begin, stopped_line
from tiny_run import save_tiny_encoder, tiny_config


@pytest.fixture(autouse=True)
def words(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["subprobe", "prune", "my model", "--out", "x"])
    monkeypatch.setattr(stopped, "_RUNNING", [])


def test_nothing_was_written_or_the_file_was(tmp_path):
    out = tmp_path / "mask.safetensors"
    begin(("prune",), {"out": out})
    again = "to start again: subprobe prune 'my model' --out x"
    assert stopped_line() == f"stopped: nothing was written to {out}; {again}"
    out.write_text("x")
    os.utime(out, (time.time() + 5, time.time() + 5))
    assert stopped_line() == f"stopped: {out} was written; {again}"
    os.utime(out, (1, 1))  # it was there before
    assert stopped_line() == f"stopped: nothing was written to {out}; {again}"
    begin(("doctor",), {})
    assert stopped_line() == f"stopped; nothing was written; {again}"


def test_a_training_with_a_state_continues(tmp_path):
    out, state = tmp_path / "tuned", tmp_path / ".tuned.training"
    begin(("finetune",), {"out": out})
    assert "nothing was written" in stopped_line()
    state.mkdir()
    (state / "one.safetensors").write_text("x")
    assert f"the state of the training is in {state}; to continue from it" in stopped_line()


def test_a_run_counts_its_cells(tmp_path):
    from tiny_run import TinyCells

    config = tiny_config(save_tiny_encoder(tmp_path / "encoder"), seeds=[1])
    out = tmp_path / "run"
    begin(("run",), {"out": out})
    assert f"no cell is finished in {out}" in stopped_line()
    from subprobe.analysis.running.earlier import begin as begin_run

    cells = TinyCells(config, out)
    out.mkdir(exist_ok=True)
    begin_run(cells.whole, 1, "refuse")
    total = len(cells.whole.graph.order)
    assert f"0 of {total} cells are finished in {out}" in stopped_line()
    cells.outputs(cells.whole.graph.order[0])
    done = sum(cells.whole.store.proof(i).is_file() for i in cells.whole.ids.values())
    assert 0 < done < total
    assert f"{done} of {total} cells are finished in {out}; to compute the others" in stopped_line()


@pytest.mark.slow
def test_a_signal_ends_a_run_with_what_is_finished(tmp_path):
    from few_cells import write_config
    from killed_runs import Strike, exit_code, said, strike
    from killed_runs import begin as begin_run

    config = write_config(
        tmp_path / "few.toml", save_tiny_encoder(tmp_path / "encoder"), seeds=list(range(1, 7))
    )
    out = tmp_path / "run"
    process = begin_run(config, out)
    strike(process, out, Strike(2, 0.0, signal.SIGINT, "main", 1))
    assert exit_code(process) == 130, said(out)
    line = said(out).strip().splitlines()[-1]
    found = re.fullmatch(
        rf"stopped: (\d+) of (\d+) cells are finished in {re.escape(str(out))}; "
        r"to compute the others, repeat: subprobe .*", line,
    )  # fmt: skip
    assert found, line
    assert 0 < int(found[1]) < int(found[2])
