"""Runs that are killed at any moment, and runs that share a folder."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest
from few_cells import write_config
from killed_runs import (
    Strike,
    begin,
    check_resumed,
    exit_code,
    living,
    results,
    said,
    strike,
    wait_for_workers,
)

STRIKES = int(os.environ.get("SUBPROBE_STRIKES", "20"))
"""Moments of the slow test; `make check-resume` sets another number."""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def config(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config") / "run.toml", tiny_encoder)


@pytest.fixture(scope="module")
def whole(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "run"
    assert exit_code(begin(config, out)) == 0, said(out)
    return out


@pytest.mark.parametrize(
    "how",
    [
        Strike(2, 0.05, signal.SIGKILL, "main", 1),
        Strike(5, 0.0, signal.SIGTERM, "main", 1),
        pytest.param(Strike(1, 0.1, signal.SIGKILL, "both", 2), marks=pytest.mark.slow),
    ],
    ids=["kill", "term", "kill-of-two-workers"],
)
def test_a_killed_run_goes_on_to_the_same_bytes(
    config: Path, whole: Path, tmp_path: Path, how: Strike
) -> None:
    check_resumed(config, whole, tmp_path / "run", how)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(STRIKES))
def test_a_run_killed_at_any_moment_goes_on_to_the_same_bytes(
    config: Path, whole: Path, tmp_path: Path, seed: int
) -> None:
    check_resumed(config, whole, tmp_path / "run", Strike.drawn(seed))


@pytest.mark.slow
def test_two_processes_share_the_cells_of_a_folder(tiny_encoder: Path, tmp_path: Path) -> None:
    config = write_config(tmp_path / "run.toml", tiny_encoder, seeds=[1, 2])
    alone, out, log = tmp_path / "alone", tmp_path / "run", tmp_path / "cells.log"
    assert exit_code(begin(config, alone)) == 0, said(alone)
    both = [begin(config, out, log=log) for _ in range(2)]
    assert [exit_code(one) for one in both] == [0, 0], said(out)
    written = [line.split() for line in log.read_text().splitlines()]
    assert len({cell for _, cell in written}) == len(written) == 20
    assert {int(process) for process, _ in written} == {one.pid for one in both}
    assert results(out) == results(alone)
    # whoever was last has left a folder that is finished for everybody
    before = (out / "manifest.json").stat().st_mtime_ns
    assert exit_code(begin(config, out)) == 0, said(out)
    assert (out / "manifest.json").stat().st_mtime_ns == before


def test_another_configuration_beside_a_living_run_is_refused(
    config: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    other = write_config(tmp_path / "other.toml", tiny_encoder, seeds=[1, 2])
    added = write_config(tmp_path / "add.toml", tiny_encoder, seeds=[3])
    process = begin(config, out)
    strike(process, out, Strike(2, 0.0, signal.SIGSTOP, "main", 1))
    try:
        assert exit_code(begin(other, out)) == 2
        assert "contains a run with a different configuration" in said(out)
        from subprobe.analysis.configuration.config import read_config
        from subprobe.analysis.experiment import run_experiment
        from subprobe.data.errors import ConfigError

        with pytest.raises(
            ConfigError, match=f"process {process.pid} on .* is running a different"
        ):
            run_experiment(read_config(added), out, existing="add")
        recorded = json.loads((out / "subprobe.json").read_text())
        assert recorded["run"]["configuration"]["seeds"] == [1]
    finally:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGCONT)
    assert exit_code(process) == 0, said(out)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_workers_follow_their_parent(config: Path, tmp_path: Path, kind: signal.Signals) -> None:
    """At once, whether they load the libraries or compute."""
    out = tmp_path / "run"
    process = begin(config, out, 2)
    wait_for_workers(process, 2)
    # Ctrl-C reaches the whole group
    victim = "both" if kind is signal.SIGINT else "main"
    children = strike(process, out, Strike(0, 0.5, kind, victim, 2))
    ends = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -9}
    assert exit_code(process) == ends[kind], said(out)
    assert len(children) >= 2
    assert living(children, 10.0) == []
    if kind is not signal.SIGKILL:
        text = said(out)
        assert re.fullmatch(r"stopped: \d+ of \d+ cells are finished in \S+; .*repeat: .+\n", text)
