"""A disk without room ends a run in one line, with nothing damaged: a limit stands for its end."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from few_cells import few_config, without_report
from subprobe.analysis.experiment import run_experiment
from subprobe.data.errors import DiskFullError
from subprobe.data.files import atomic

pytestmark = pytest.mark.slow


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [1500, 4000])
def test_a_run_without_room_says_what_it_needs_and_goes_on_later(
    tiny_encoder: Path, tmp_path: Path, limit: int
) -> None:
    config, folder = few_config(tiny_encoder), tmp_path / "run"
    with (
        without_report(),
        files_up_to(limit),
        pytest.raises(DiskFullError, match="MB remain to be written") as raised,
    ):
        run_experiment(config, folder)
    assert raised.value.exit_code == 2
    assert raised.value.where
    assert Path(raised.value.where).is_relative_to(folder)
    assert "\n" not in str(raised.value)
    left = [path for path in folder.rglob("*") if ".part" in path.name]
    assert left == []
    with without_report():
        finished = run_experiment(config, folder)
    assert not finished.missing
    assert not list(folder.rglob("*.damaged")), "what was written before is whole"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_under_the_last_tables_leaves_the_run_as_it_was(
    tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    config, folder = few_config(tiny_encoder, prune={"keep": 0.6}), tmp_path / "run"
    sync = atomic.sync

    def full(path: Path) -> None:
        if path.name.startswith(".rows.parquet"):
            raise OSError(number, os.strerror(number))
        sync(path)

    monkeypatch.setattr(atomic, "sync", full)
    with (
        without_report(),
        pytest.raises(DiskFullError, match="are free: free some space") as raised,
    ):
        run_experiment(config, folder)
    assert str(raised.value.where).endswith("rows.parquet")
    assert not (folder / "manifest.json").exists()
    monkeypatch.undo()
    with without_report():
        assert not run_experiment(config, folder).missing
    assert not list(folder.rglob("*.damaged"))
