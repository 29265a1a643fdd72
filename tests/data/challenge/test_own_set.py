"""Test sets of the user's own: columns by role, labels by name."""

import gzip
import json

import pandas as pd
import pytest
from subprobe.data.challenge.own_set import challenge_columns, label_pairs, read_challenge
from subprobe.data.errors import ConfigError, DataFileError, InputError, UnknownNameError

COLUMNS = {"first": "s1", "second": "s2", "label": "gold", "group": "kind", "cluster": "source"}
CLASSES = ("not_duplicate", "duplicate")
RECORDS = [
    {"s1": "a b", "s2": 'b "a"', "gold": "duplicate", "kind": "swap", "source": "x"},
    {"s1": "c, d", "s2": "d c", "gold": "Not-Duplicate", "kind": "back", "source": "x"},
    {"s1": "NA", "s2": "null", "gold": "duplicate", "kind": "swap", "source": "y"},
]


def write(path, records=RECORDS):
    table = pd.DataFrame(records)
    name = path.name.removesuffix(".gz")
    text = ""
    if name.endswith(".parquet"):
        table.to_parquet(path)
        return path
    if name.endswith(".csv"):
        text = table.to_csv(index=False)
    elif name.endswith(".jsonl"):
        text = "".join(json.dumps(one) + "\n" for one in records)
    else:
        lines = ["\t".join(table.columns), *("\t".join(map(str, one.values())) for one in records)]
        text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["s.tsv", "s.txt", "s.csv", "s.jsonl", "s.parquet", "s.tsv.gz"])
def test_every_form_gives_the_same_examples(tmp_path, name):
    read = read_challenge(write(tmp_path / name), COLUMNS, CLASSES, {}, pair=True)
    assert read.name == name
    assert [one.texts() for one in read.examples] == [(r["s1"], r["s2"]) for r in RECORDS]
    assert [one.label for one in read.examples] == [1, 0, 1]
    assert [one.group for one in read.examples] == ["swap", "back", "swap"]
    assert [one.cluster for one in read.examples] == ["x", "x", "y"]
    assert len({one.id for one in read.examples}) == 3


def test_numbers_are_matched_as_specified_and_never_by_position(tmp_path):
    path = write(tmp_path / "paws.parquet", [{**one, "gold": 1} for one in RECORDS])
    with pytest.raises(DataFileError, match="row 1: the label '1' is not a class of the task"):
        read_challenge(path, COLUMNS, CLASSES, {}, pair=True)
    pairs = label_pairs(["1=duplicate"])
    read = read_challenge(path, COLUMNS, CLASSES, pairs, pair=True)
    assert {one.label for one in read.examples} == {1}


def test_a_single_text_is_enough_for_a_task_of_single_texts(tmp_path):
    path = write(tmp_path / "s.csv", [{"s1": "a", "gold": "x"}, {"s1": "b", "gold": "y"}])
    read = read_challenge(path, {"first": "s1", "label": "gold"}, ("x", "y"), {}, pair=False)
    assert [(one.second, one.label) for one in read.examples] == [(None, 0), (None, 1)]
    with pytest.raises(ConfigError, match="no column is named for second"):
        read_challenge(path, {"first": "s1", "label": "gold"}, ("x", "y"), {}, pair=True)
    with pytest.raises(ConfigError, match="a column is named for second"):
        read_challenge(path, {**COLUMNS}, ("x", "y"), {}, pair=False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"s2": ""}, "the text in s2 is empty"),
        ({"s1": 3}, "s1 is 3, not a text"),
        ({"gold": None}, "the label '' is not a class"),
        ({"kind": " "}, "kind is empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path, changed, said):
    path = write(tmp_path / "s.jsonl", [RECORDS[0], {**RECORDS[1], **changed}])
    with pytest.raises(DataFileError, match="line 2") as raised:
        read_challenge(path, COLUMNS, CLASSES, {}, pair=True)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("texts", "error", "said"),
    [
        ([], ConfigError, "no column is named for first and label"),
        (["first=a"], ConfigError, "no column is named for label"),
        (["first"], ConfigError, "not of the form ROLE=COLUMN"),
        (["first=a", "first=b", "label=c"], ConfigError, "given twice"),
        (["first=a", "second=a", "label=c"], ConfigError, "'a' is named for two of"),
        (["first=a", "label=a"], ConfigError, "'a' is named for two of"),
        (["first=a", "gold=b"], UnknownNameError, "unknown column role 'gold'"),
    ],
)
def test_columns_are_checked(texts, error, said):
    with pytest.raises(error, match=said):
        challenge_columns(texts)
    assert challenge_columns(["first = a", "label=b"]) == {"first": "a", "label": "b"}
    by_label = challenge_columns(["first=a", "label=b", "group=b"])
    assert by_label["group"] == by_label["label"]


@pytest.mark.parametrize("texts", [["0"], ["0=a", "0=b"], ["=a"]])
def test_pairs_of_labels_are_checked(texts):
    with pytest.raises(ConfigError, match=r"is given twice|is not a pair of names"):
        label_pairs(texts)


def test_an_unknown_class_or_column_is_refused(tmp_path):
    path = write(tmp_path / "s.csv")
    with pytest.raises(InputError, match="'other' is not a class of the task"):
        read_challenge(path, COLUMNS, CLASSES, {"0": "other"}, pair=True)
    with pytest.raises(ConfigError, match="a-b, a b differ only in spelling"):
        read_challenge(path, COLUMNS, ("a-b", "a b"), {}, pair=True)
    with pytest.raises(DataFileError, match="no column 'nothing'"):
        read_challenge(path, {**COLUMNS, "group": "nothing"}, CLASSES, {}, pair=True)


def test_labels_that_no_row_has_are_refused(tmp_path):
    path = write(tmp_path / "s.tsv", [{**one, "gold": n % 2} for n, one in enumerate(RECORDS)])
    pairs = label_pairs(["0=not_duplicate", "1=duplicate", "two=duplicate"])
    with pytest.raises(DataFileError, match=r"no row has the label 'two' that challenge\.labels"):
        read_challenge(path, COLUMNS, CLASSES, pairs, pair=True)
    del pairs["two"]
    assert len(read_challenge(path, COLUMNS, CLASSES, pairs, pair=True).examples) == 3
