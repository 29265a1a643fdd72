"""The two tests that every group of readers has: a few damaged files, and many in the slow tier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import FEW, MANY, Reader, fuzz


def damaged_files(
    make: Callable[[Path], dict[str, Reader]], names: tuple[str, ...]
) -> tuple[Any, ...]:
    """What a test file is made of: a fixture `readers` and two tests, to be named by the file.

    Args:
        make: makes the readers with their sound files in a folder.
        names: of all of them, spelled out so that a reader that is lost is noticed.
    """

    @pytest.fixture(scope="module")
    def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reader]:
        found = make(tmp_path_factory.mktemp("readers"))
        assert set(found) == set(names)
        return found

    every_reader = pytest.mark.parametrize("name", names)

    @every_reader
    def few(readers: dict[str, Reader], name: str) -> None:
        assert fuzz(readers[name], FEW)["refused"] > 0

    @pytest.mark.slow
    @pytest.mark.timeout(60 + 2 * MANY)
    @every_reader
    def many(readers: dict[str, Reader], name: str) -> None:
        fuzz(readers[name], MANY, first=FEW)

    return readers, few, many
