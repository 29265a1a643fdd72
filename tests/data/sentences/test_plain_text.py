from __future__ import annotations

import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.sentences.plain_text import read_corpus, read_lines


def test_one_sentence_a_line(tmp_path):
    path = tmp_path / "some.txt"
    path.write_bytes("\ufeffThe cat slept.\r\n\n  NA \nA\u2028b\n".encode())
    found = read_lines(path)
    assert [(one.id, one.text) for one in found] == [
        ("1", "The cat slept."),
        ("3", "NA"),
        ("4", "A\u2028b"),
    ]
    assert found[0].words == ("The", "cat", "slept.")
    assert not found[0].annotation
    assert read_corpus(path) == found


def test_the_suffix_tells_the_kind(tmp_path):
    line = "1\tGo\tgo\tVERB\t_\t_\t0\troot\t_\t_\n"
    for name in ("a.conllu", "a.conll"):
        (tmp_path / name).write_text(line)
        assert read_corpus(tmp_path / name)[0].heads == (-1,)
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(
        DataFileError, match=r"a\.csv: \.csv is not a supported corpus format; use \.conllu"
    ):
        read_corpus(tmp_path / "a.csv")
    with pytest.raises(DataFileError, match="naturel: the name has no suffix"):
        read_corpus("naturel")


def test_missing_and_empty_files_are_named(tmp_path):
    with pytest.raises(DataFileError, match=r"gone\.txt: no such file"):
        read_corpus(tmp_path / "gone.txt")
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(DataFileError, match=r"empty\.txt: the file is empty"):
        read_corpus(tmp_path / "empty.txt")
    (tmp_path / "bad.txt").write_bytes(b"fine\n\xe9t\xe9\n")
    with pytest.raises(DataFileError, match=r"bad\.txt: line 2 is not UTF-8; save the file"):
        read_corpus(tmp_path / "bad.txt")
    (tmp_path / "bad.conllu.gz").write_bytes(b"not zipped")
    with pytest.raises(DataFileError, match=r"bad\.conllu\.gz: cannot be read"):
        read_corpus(tmp_path / "bad.conllu.gz")
