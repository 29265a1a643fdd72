"""What a library raises is one error with the file and the reason, and nothing else is caught."""

import gzip
import json
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
from subprobe.data.errors import CheckpointError, ConfigError, DataFileError, MaskError, one_line
from subprobe.data.files import unpacking
from subprobe.data.files.array_files import read_npy, read_npz
from subprobe.data.files.json_text import json_object, parse_json, read_json_object
from subprobe.data.files.parquet_files import read_table
from subprobe.data.files.reading import reading, shown
from subprobe.data.files.text_file import read_text
from subprobe.data.output.tables import write_parquet
from subprobe.data.seeds import check_seed
from subprobe.data.sentences.plain_text import read_lines
from subprobe.data.sentences.sentence import LONGEST, Sentence
from subprobe.data.tasks.by_name import custom_task


class PanicException(BaseException):  # noqa: N818, RUF100
    """Named like what a library in Rust raises."""


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Exception("a\nb"), "a"),
        (ImportError("no flash_attn"), "no flash_attn"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (MemoryError(), "needs more memory than is available"),
        (KeyError("gelux"), "no 'gelux'"),
        (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
        (ValueError(), "ValueError"),
        (ValueError("half \ud83d"), r"half \ud83d"),
        (PanicException("unwrap on None"), "unwrap on None"),
    ],
)
def test_whatever_a_library_raises_is_the_typed_error(raised, said):
    with pytest.raises(MaskError) as caught, reading("m.bin", MaskError, remedy="find it again"):
        raise raised
    assert str(caught.value) == f"m.bin: cannot be read ({said}); find it again"
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_and_exits_pass(raised):
    with pytest.raises(raised), reading("m.bin"):
        raise raised


def test_an_error_of_our_own_passes_unchanged():
    own = CheckpointError("is another's", where="m")
    with pytest.raises(CheckpointError) as caught, reading("n", DataFileError):
        raise own
    assert caught.value is own


def test_every_error_is_one_printable_line_of_bounded_length():
    error = DataFileError("a\nb\u2028c\ud83d" + "x" * 10_000, where="f\r.txt", remedy="d\te")
    line = str(error)
    assert line.startswith(r"f\r.txt: a\nb\u2028c\ud83dxxx")
    assert line.endswith(r" ...; d\te")
    assert len(line) < 2100
    line.encode()
    assert one_line("naïve “words” 漢字") == "naïve “words” 漢字"
    assert shown(16**5000) == "a number with thousands of digits"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("true", "is not a JSON object but true or false"),
        ("null", "is not a JSON object but null"),
        ("[1]", "is not a JSON object but a list"),
        ("3", "is not a JSON object but a number"),
        ('"x"', "is not a JSON object but a text"),
        ('{"a": ', "is not valid JSON (Expecting value: line 1 column 7 (char 6))"),
        ("[" * 100_000, "is not valid JSON (nested too deeply)"),
        ('{"a": ' + "9" * 5000 + "}", "is not valid JSON (Exceeds the limit (4300 digits)"),
        (r'{"a": "\ud83d"}', r"contains '\ud83d', half of a surrogate pair"),
        (r'{"\uDC00": 1}', r"contains '\udc00', half of a surrogate pair"),
    ],
)
def test_json_that_is_no_object(tmp_path, text, said):
    with pytest.raises(DataFileError) as caught:
        json_object(text, "f.json, line 3")
    assert str(caught.value).startswith(f"f.json, line 3: {said}")
    path = tmp_path / "f.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=r"f\.json: "):
        read_json_object(path, CheckpointError)


def test_json_that_is_read():
    assert parse_json(r'"\ud83d\ude00 \\ud83d"', "f") == "😀 \\ud83d"
    assert json_object('{"a": 1, "a": 2, "b": 1e400}', "f") == {"a": 2, "b": float("inf")}


# -- packed files -------------------------------------------------------------------------------


def test_a_gzip_file_of_two_members_is_read(tmp_path):
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0" * 8)
    assert read_text(path) == "one\ntwo\n"


@pytest.mark.parametrize(
    "content",
    # without the time, which would be part of the names of the tests
    [b"\x1f\x8b", b"plain", gzip.compress(b"one\n" * 99, mtime=0)[:-9],
     gzip.compress(b"one", mtime=0)[:-4] + b"abcd",
     gzip.compress(b"one\n" * 9, mtime=0)[:12] + b"\xff" * 20],
)  # fmt: skip
def test_a_damaged_gzip_file_is_refused(tmp_path, content):
    path = tmp_path / "t.txt.gz"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"t\.txt\.gz: cannot be read \("):
        read_text(path)


def test_what_unpacks_to_far_more_than_it_has_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.txt.gz"
    path.write_bytes(gzip.compress(b"the same line\n" * 20_000))
    assert len(read_text(path)) == 280_000  # small: whatever the ratio
    monkeypatch.setattr(unpacking, "SMALL", 2**16)
    with pytest.raises(DataFileError, match="decompresses to more than"):
        read_text(path)
    monkeypatch.undo()
    monkeypatch.setattr(unpacking, "LARGEST_UNPACKED", 200_000)
    with pytest.raises(DataFileError, match="decompresses to more than"):
        read_text(path)


# -- arrays -------------------------------------------------------------------------------------


def npy(header: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10**9, 8), }"),
         "is not a NumPy array"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000, 8), }"),
         "declares 80,000,000,000 numbers but contains 0 bytes"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 8), }"),
         "the invalid shape (-1, 8)"),
        (npy("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 1), }", b"\0" * 8),
         "the invalid shape (True, 1)"),
        (npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", b"\0" * 8),
         "which is not numeric"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"x"), "pickled objects"),
        (npy("(" * 9000), "is not a NumPy array"),
        (npy("{" * 60_000), "is not a NumPy array"),
        (pickle.dumps([1]), "pickled objects"),
        (b"", "is not a NumPy array"),
    ],
)  # fmt: skip
def test_a_header_that_does_not_tell_the_truth_is_refused(tmp_path, content, said):
    path = tmp_path / "m.npy"
    path.write_bytes(content)
    with pytest.raises(MaskError) as caught:
        read_npy(path, MaskError)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("a.npy", content)
    with pytest.raises(DataFileError, match=r"m\.npz, array 'a': "):
        read_npz(tmp_path / "m.npz")


def test_sound_arrays_are_read(tmp_path):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "m.npy", array)
    assert (read_npy(tmp_path / "m.npy") == array).all()
    np.savez_compressed(tmp_path / "m.npz", a=array, b=np.zeros((0, 2)))
    found = read_npz(tmp_path / "m.npz")
    assert (found["a"] == array).all()
    assert found["b"].shape == (0, 2)
    with pytest.raises(DataFileError, match="more than 100"):
        read_npy(tmp_path / "m.npy", largest=100)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    np.savez_compressed(path, a=np.zeros(500_000))
    monkeypatch.setattr(unpacking, "SMALL", 2**16)
    with pytest.raises(DataFileError, match=r"m\.npz: decompresses to more than"):
        read_npz(path)


# -- tables -------------------------------------------------------------------------------------


def test_a_changed_byte_of_a_parquet_file_is_noticed(tmp_path):
    path = tmp_path / "rows.parquet"
    write_parquet(pd.DataFrame({"text": ["some words", "other words"], "n": [1, 2]}), path)
    sound = path.read_bytes()
    place = sound.index(b"other words")
    path.write_bytes(sound[:place] + b"O" + sound[place + 1 :])
    with pytest.raises(DataFileError, match=r"rows\.parquet: is not a complete Parquet file"):
        read_table(path)
    path.write_bytes(sound)
    with pytest.raises(DataFileError, match="has no column 'm'"):
        read_table(path, ["m"])


def own_task(tmp_path, frame, suffix="parquet", **columns):
    for split in ("train", "validation"):
        path = tmp_path / f"{split}.{suffix}"
        if suffix == "parquet":
            frame.to_parquet(path, index=False)
        else:
            path.write_text("".join(json.dumps(one) + "\n" for one in frame))
    return custom_task("own", tmp_path, columns)


def test_parquet_with_times_out_of_range_and_broken_utf8(tmp_path):
    import pyarrow as pa

    times = pa.array([2**62, 0], pa.timestamp("us"))
    frame = pd.DataFrame({"text": ["a", "b"], "when": pd.arrays.ArrowExtensionArray(times)})
    with pytest.raises(DataFileError, match=r"train\.parquet: is not a complete Parquet file"):
        own_task(tmp_path, frame, first="text", label="when")
    raw = pa.array([b"a\xff", b"b"], pa.binary()).view(pa.utf8())
    frame = pd.DataFrame({"text": pd.arrays.ArrowExtensionArray(raw), "side": ["l", "r"]})
    with pytest.raises(DataFileError, match=r"train\.parquet: is not a complete Parquet file"):
        own_task(tmp_path, frame, first="text", label="side")


def test_numbers_of_many_digits_are_labels_and_no_scores(tmp_path):
    rows = [{"text": "a", "side": "9" * 5000}, {"text": "b", "side": "1"}]
    data = own_task(tmp_path, rows, "jsonl", first="text", label="side")
    assert data.spec.labels == ("1", "9" * 5000)
    scores = [{"text": "a", "mark": 10**400}, {"text": "b", "mark": 1}]
    with pytest.raises(
        DataFileError, match=r"train\.jsonl, line 1: the score 1000.* is not a number"
    ):
        own_task(tmp_path, scores, "jsonl", first="text", score="mark")


def test_half_a_character_in_a_text_is_refused_with_its_line(tmp_path):
    rows = [{"text": "a", "side": "l"}, {"text": "b\ud83d", "side": "r"}]
    with pytest.raises(
        DataFileError, match=r"train\.jsonl, line 2: contains '\\ud83d', half of a surr"
    ):
        own_task(tmp_path, rows, "jsonl", first="text", label="side")


def test_a_line_of_more_than_a_million_characters_is_refused(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a b\n" + "word " * 200_001 + "\n")
    with pytest.raises(DataFileError, match=r"t\.txt: line 2 has 1,000,005 characters"):
        read_lines(path)
    with pytest.raises(DataFileError, match="sentence 'a': has 1,000,001 characters"):
        Sentence("a", ("x",), text="x" * (LONGEST + 1))


def test_a_long_chain_of_words_is_checked_in_no_time():
    n = 30_000
    words = ("w",) * n
    assert len(Sentence("a", words, heads=(*range(1, n), -1), deprels=words).heads) == n
    with pytest.raises(DataFileError, match="cycle at word 1"):
        Sentence("a", words, heads=(*range(1, n - 1), 0, -1), deprels=words)


@pytest.mark.parametrize("seed", [-1, 2**32, True, 1.0])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ConfigError, match=r"--seed: a seed must be an integer from 0 to 4294"):
        check_seed(seed, "--seed")
    assert check_seed(2**32 - 1) == 2**32 - 1
