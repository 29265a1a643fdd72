"""Rows that are derived from scores are described like those of probes, but cannot be asked for."""

import pytest
from subprobe.analysis.statistics.row_units import is_right_or_wrong
from subprobe.data.errors import UnknownNameError
from subprobe.probes.from_scores import FROM_SCORES
from subprobe.probes.registry import OTHER_ROWS, PROBES, entries_of, find_probe


@pytest.mark.parametrize("entry", FROM_SCORES, ids=lambda entry: entry.name)
def test_they_are_described_and_reserved(entry):
    assert entries_of(["cloze", entry.name]) == [PROBES["cloze"], entry]
    assert entry.name in OTHER_ROWS
    assert entry.name not in PROBES
    with pytest.raises(UnknownNameError, match=f"unknown probe '{entry.name}'"):
        find_probe(entry.name)
    with pytest.raises(NotImplementedError):
        entry.load()()


def test_answers_on_easy_and_hard_examples_are_right_or_wrong():
    assert is_right_or_wrong("artefacts", "accuracy")
    assert not is_right_or_wrong("artefacts", "accuracy_gap")
