"""Neighbours of words: against a plain loop, and from files and packages."""

import gzip
import math
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.files.word_vectors import read_word_vectors
from subprobe.data.words.glove import PACKAGE, glove_space
from subprobe.data.words.neighbours import VectorSpace

LINES = "good 1 0\nfine 0.9 0.1\nbad 0.8 -0.3\nfar -1 0\n"


@given(st.integers(0, 1000), st.integers(0, 6), st.sampled_from([-1.0, 0.0, 0.5]))
def test_the_nearest_are_those_of_a_plain_loop(seed, count, least):
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-3, 4, (9, 3)).astype(np.float32)
    words = [f"w{i}" for i in range(9)]
    found = VectorSpace(words, numbers).nearest(words, count=count, min_cosine=least)
    assert set(found) == {word for word, own in zip(words, numbers, strict=True) if own.any()}
    for place, word in enumerate(words):
        if word not in found:
            continue
        cosines = []
        for other in range(9):
            if not numbers[other].any():
                continue
            lengths = math.dist(numbers[place], (0, 0, 0)) * math.dist(numbers[other], (0, 0, 0))
            cosine = float(numbers[place] @ numbers[other]) / lengths
            if other != place:
                cosines.append((cosine, words[other]))
        near = {other: cosine for cosine, other in cosines}
        chosen = [near[other] for other in found[word]]
        expected = sorted((one for one, _ in cosines if one >= least - 1e-6), reverse=True)
        assert len(chosen) <= count
        # a cosine of exactly the limit may fall on either side of it
        certain = [one for one in expected if one > least + 1e-6]
        assert len(chosen) >= min(count, len(certain))
        np.testing.assert_allclose(chosen, expected[: len(chosen)], atol=1e-6)
        assert len(set(found[word])) == len(found[word])
    assert dict(VectorSpace(words, numbers).nearest(["x"], count=1, min_cosine=-1)) == {}


def test_all_words_of_a_file_are_read_from_every_format(tmp_path, monkeypatch):
    (tmp_path / "v.txt").write_text(LINES, encoding="utf-8")
    with gzip.open(tmp_path / "v.txt.gz", "wt", encoding="utf-8") as stream:
        stream.write("4 2\n" + LINES)
    vectors = np.array([[1, 0], [0.9, 0.1], [0.8, -0.3], [-1, 0]], dtype=np.float32)
    words = np.frombuffer(b"good\nfine\nbad\nfar\n", dtype=np.uint8)
    save_file({"vectors": vectors, "words": words}, tmp_path / "v.safetensors")
    for name in ("v.txt", "v.txt.gz", "v.safetensors"):
        read = read_word_vectors(tmp_path / name, None)
        assert list(read.rows) == ["good", "fine", "bad", "far"]
        np.testing.assert_array_equal(read.numbers, vectors)
    monkeypatch.setattr("subprobe.data.files.word_vectors.MOST_WORDS", 3)
    for name in ("v.txt", "v.txt.gz", "v.safetensors"):
        assert list(read_word_vectors(tmp_path / name, None).rows) == ["good", "fine", "bad"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "has no vectors"),
        (b"good 1 0\nbad 1\n", "line 2 has 1 numbers instead of 2"),
        (b"good 1 0\nbad 1 x\n", "is not a word followed by numbers"),
        (b"good 1 0\nb\xff 1 0\n", "line 2"),
        (b"good 1 nan\n", "NaN"),
    ],
)
def test_damaged_vectors_are_one_line(tmp_path, text, said):
    (tmp_path / "v.txt").write_bytes(text)
    with pytest.raises(DataFileError, match=said):
        read_word_vectors(tmp_path / "v.txt", None)


def make_package(folder, words=("good", "fine", "bad")):
    data = folder / PACKAGE / "data"
    data.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    np.save(data / "glove_6B_50d_emb.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    pyarrow.parquet.write_table(pa.table({"index": list(words)}), data / "glove_6B_index.parquet")


def test_glove_is_read_from_its_package(tmp_path, monkeypatch):
    make_package(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    space = glove_space()
    assert list(space.words) == ["good", "fine", "bad"]
    assert isinstance(space.numbers, np.memmap)
    np.testing.assert_array_equal(space.numbers, [[0, 1], [2, 3], [4, 5]])
    assert PACKAGE not in sys.modules


def test_a_damaged_or_missing_package_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="not installed; pip install 'subprobe\\[attack\\]'"):
        glove_space()
    make_package(tmp_path, words=("good", "fine"))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataFileError, match="for 2 words"):
        glove_space()
    vectors = tmp_path / PACKAGE / "data" / "glove_6B_50d_emb.npy"
    vectors.write_bytes(vectors.read_bytes()[:100])
    with pytest.raises(DataFileError, match=r"glove_6B_50d_emb\.npy"):
        glove_space()
