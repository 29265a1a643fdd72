"""Damaged masks, maps and pattern classifiers."""

import pytest
from fuzz_readers import mask_readers
from fuzzing import FEW, MANY, fuzz

NAMES = ("mask", "npy", "npz", "maps", "labels", "classifier")


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    found = mask_readers(tmp_path_factory.mktemp("masks"))
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
