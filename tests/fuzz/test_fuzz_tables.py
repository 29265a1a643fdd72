"""Damaged treebanks, texts, tables of examples and options."""

import pytest
from fuzz_readers import table_readers
from fuzzing import FEW, MANY, fuzz

NAMES = ("t.conllu", "t.txt", "t.conllu.gz", "config", "tsv", "csv", "jsonl", "parquet",
         "score.jsonl", "score.csv", "option")  # fmt: skip


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    found = table_readers(tmp_path_factory.mktemp("tables"))
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
