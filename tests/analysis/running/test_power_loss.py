"""What a power loss may leave: files reach the disk before their names do, records come last."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from subprobe.analysis.cell_output import CellOutput
from subprobe.analysis.storage.store import CellStore
from subprobe.data.files.atomic import write_text
from subprobe.data.output.folders import atomic_folder
from subprobe.models.masks.subnetwork import Subnetwork


class Disk:
    """What is written, put on the disk and renamed, in its order; paths inside a folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.events = folder, []
        self._patch(monkeypatch, "fsync", self._synced)
        for name in ("replace", "rename"):
            self._patch(monkeypatch, name, self._renamed)

    def _patch(self, monkeypatch: pytest.MonkeyPatch, name: str, told: Callable[..., None]) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            told(*arguments)
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    def _synced(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        # what is put on the disk has to be all of it: nothing is written to the file afterwards
        self.events.append(("fsync", path, path.stat().st_size if path.is_file() else None))

    def _renamed(self, source: Any, target: Any) -> None:
        source = Path(source)
        size = source.stat().st_size if source.is_file() else None
        self.events.append(("rename", source.absolute(), size, Path(target).absolute()))

    def check(self, target: Path, after: Path | None = None) -> int:
        """Check how a file reached its name; returns when that was safe.

        Args:
            target: the file.
            after: what has to be safe before it gets its name.
        """
        place = next(
            number
            for number, event in enumerate(self.events)
            if event[0] == "rename" and (event[3] == target or event[3] in target.parents)
        )
        _, source, _, renamed = self.events[place]
        written = source / target.relative_to(renamed)
        size = target.stat().st_size
        assert ("fsync", written, size) in self.events[:place], f"{target} before its content"
        if source.is_dir() or renamed != target:
            for folder in (
                one for one in written.parents if one == source or source in one.parents
            ):
                assert ("fsync", folder, None) in self.events[:place], f"{target} before {folder}"
        safe = next(
            number
            for number, event in enumerate(self.events)
            if number > place and event[:2] == ("fsync", renamed.parent)
        )
        if after is not None:
            assert self.check(after) < place, f"{target} before {after}"
        return safe


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to name what a descriptor is of")
    return Disk(tmp_path, monkeypatch)


def test_a_cell_is_finished_only_when_all_its_files_are_on_the_disk(
    disk: Disk, tmp_path: Path
) -> None:
    store = CellStore(tmp_path)
    mask = Subnetwork(np.array([[True, False]]), np.array([True]), model="m", task="t")
    mask.save(store.mask("mask-0123456789abcdef"))
    output = CellOutput(pd.DataFrame(), pd.DataFrame())
    cell = "mask-0123456789abcdef"
    store.write(cell, "a", output, {}, (store.mask(cell),), {})
    disk.check(store.proof(cell), after=store.table(cell))
    disk.check(store.proof(cell), after=store.mask(cell))
    # the folder that was made for them has a name before any of them has
    assert next(event for event in disk.events if event[0] != "rename")[1] == tmp_path


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_has_its_name_or_record_only_when_its_files_are_on_the_disk(
    disk: Disk, tmp_path: Path, there: bool
) -> None:
    target = tmp_path / "models" / "one"
    if there:
        with atomic_folder(target, "model") as folder:
            (folder / "old").write_text("old")
        disk.events.clear()
    with atomic_folder(target, "model") as folder:
        (folder / "weights").write_text("weights " * 1000)
        (folder / "inner").mkdir()
        (folder / "inner" / "more").write_text("more")
    for name in ("weights", "inner/more"):
        safe = disk.check(target / name)
        if there:
            record = [
                number for number, event in enumerate(disk.events)
                if event[0] == "rename" and event[3] == target / "subprobe.json"
            ]  # fmt: skip
            assert safe < record[-1]


def test_a_text_reaches_the_disk_before_its_name(disk: Disk, tmp_path: Path) -> None:
    write_text(tmp_path / "new" / "deep" / "one.json", "{}")
    disk.check(tmp_path / "new" / "deep" / "one.json")
    made = [event[1] for event in disk.events if event[0] == "fsync"]
    assert {tmp_path, tmp_path / "new"} <= set(made[:2])
