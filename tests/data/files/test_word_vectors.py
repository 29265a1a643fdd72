"""Vectors of words from text and safetensors files: the same numbers, and damage that is named."""

import gzip

import numpy as np
import pytest
from safetensors.numpy import save_file
from subprobe.data.errors import DataFileError
from subprobe.data.files.word_vectors import read_word_vectors

LINES = "the 0.5 -1 2e-1\ncat 1 2 3\nDog 4 5 6\n. . . 7 8 9\ncat 9 9 9\n"
WANTED = {"The", "cat", "Dog", "bird", "."}


def written(tmp_path, text, name="v.txt"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def checked(found):
    assert dict(found.rows).keys() == {"the", "cat", "Dog"}
    for word, numbers in (("The", [0.5, -1, 0.2]), ("cat", [1, 2, 3]), ("Dog", [4, 5, 6])):
        np.testing.assert_allclose(found.numbers[found.row(word)], numbers)
    # unknown as it is written and in lower case; a file's word is not made lower
    assert [found.row(word) for word in ("bird", "dog", ".")] == [-1, -1, -1]
    assert found.width == 3


@pytest.mark.parametrize("name", ["v.txt", "v.vec", "v.txt.gz"])
@pytest.mark.parametrize("head", ["", "5 3\n"])
def test_text_is_read_with_and_without_a_first_line_of_sizes(tmp_path, name, head):
    checked(read_word_vectors(written(tmp_path, head + LINES, name), WANTED))


def test_lines_of_word2vec_end_in_a_space(tmp_path):
    text = LINES.replace("\n", " \r\n")
    checked(read_word_vectors(written(tmp_path, "5 3\n" + text), WANTED))


def test_safetensors_hold_words_as_lines(tmp_path):
    path = tmp_path / "v.safetensors"
    words = np.frombuffer(b"the\ncat\nDog\ncat", dtype=np.uint8)
    vectors = np.array([[0.5, -1, 0.2], [1, 2, 3], [4, 5, 6], [9, 9, 9]], dtype=np.float32)
    save_file({"words": words, "vectors": vectors}, path)
    checked(read_word_vectors(path, WANTED))
    save_file({"words": words, "vectors": vectors[:2]}, path)
    with pytest.raises(DataFileError, match="4 words for 2 vectors of 3 numbers"):
        read_word_vectors(path, WANTED)
    save_file({"vectors": vectors}, path)
    with pytest.raises(DataFileError, match="words"):
        read_word_vectors(path, WANTED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("the 1 2 3\ncat 1 2\n", "line 2 has 2 numbers instead of 3"),
        ("the 1 2 3\ncat 1 x 3\n", "line 2: .*is not a word followed by numbers"),
        ("the 1 nan 3\n", "NaN or infinity"),
        ("the 1 inf 3\n", "NaN or infinity"),
        ("cow 1 2 3\n", "none of the words of the corpus"),
        ("", "none of the words of the corpus"),
        ("the\n", "vectors have 0 numbers"),
        ("9 99999\nthe 1\n", "vectors have 99999 numbers"),
    ],
)
def test_damage_is_named_by_its_line(tmp_path, text, said):
    with pytest.raises(DataFileError, match=said) as raised:
        read_word_vectors(written(tmp_path, text), WANTED)
    assert "\n" not in str(raised.value)


def test_packed_files_that_are_damaged_or_bombs_are_refused(tmp_path):
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(LINES.encode())[:-9])
    with pytest.raises(DataFileError, match="cannot be read"):
        read_word_vectors(path, WANTED)
    path.write_bytes(gzip.compress((b"the" + b" 1" * 1000 + b"\n") * 10_000))
    with pytest.raises(DataFileError, match="more than 100 times"):
        read_word_vectors(path, WANTED)
    path.write_bytes(gzip.compress(b"the" + b" 1" * 2**20))
    with pytest.raises(DataFileError, match="a line after line 0 has more than"):
        read_word_vectors(path, WANTED)
    with pytest.raises(DataFileError, match="no such file"):
        read_word_vectors(tmp_path / "none.txt", WANTED)
