"""Damaged files of a run folder."""

import pytest
from fuzz_readers import run_readers
from fuzzing import FEW, MANY, fuzz

NAMES = ("manifest", "rows", "cell", "items", "words")


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    found = run_readers(tmp_path_factory.mktemp("runs"))
    assert set(found) == set(NAMES)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_few_damaged_files_are_read_or_refused(readers, name):
    assert fuzz(readers[name], FEW)["refused"] > 0


@pytest.mark.slow
@pytest.mark.timeout(60 + 2 * MANY)
@pytest.mark.parametrize("name", NAMES)
def test_many_damaged_files_are_read_or_refused(readers, name):
    fuzz(readers[name], MANY, first=FEW)
