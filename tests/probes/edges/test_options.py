"""Options of `edges`: which go together, and that files decide by their content."""

import pytest
from span_cases import word_file
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.probes.options import typed_options
from subprobe.probes.registry import find_probe


def options(**given):
    return typed_options(find_probe("edges"), given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"spans": "a", "spans_train": "b"}, "give spans, or spans_train and the other parts"),
        ({"spans_train": "a", "spans_test": "b"}, "spans_train needs spans_dev beside it"),
        ({"spans_dev": "a"}, "spans_dev needs spans_train beside it"),
        ({"tasks": ["upos", "upos"]}, "a name is given twice"),
        ({"tasks": ["xpos"]}, "must be 'dependencies', 'upos' or 'entities'"),
        ({"projection": 0}, "must be >= 1"),
        ({"max_train": -1}, "must be >= 0"),
        ({"rates": (2.0,)}, "learning rates must be above 0 and below 1"),
    ],
)
def test_options_that_do_not_fit(given, said):
    with pytest.raises(ConfigError, match=said):
        options(**given)


def test_files_are_known_by_their_content(tmp_path):
    one = word_file(tmp_path / "one.jsonl")
    same = word_file(tmp_path / "same.jsonl")
    other = word_file(tmp_path / "other.jsonl", seed=1)
    hashes = [options(spans=str(path)).inputs()["spans"] for path in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    parts = options(spans_train=str(one), spans_dev=str(same), spans_test=str(other)).inputs()
    assert parts == {
        "spans_train": hashes[0], "spans_dev": hashes[0], "spans_test": hashes[2],
    }  # fmt: skip
    assert options().inputs() == {}


def test_a_bad_file_is_refused_with_the_options(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a"}\n')
    with pytest.raises(DataFileError, match=r"bad\.jsonl, line 1: no targets"):
        options(spans=str(path)).inputs()
    with pytest.raises(DataFileError, match="no such file"):
        options(spans=str(tmp_path / "none.jsonl")).inputs()
