"""How cells of a user's own files are read, and what columns may be asked for."""

import csv

import pandas as pd
import pytest
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.tasks.by_name import custom_task, load_task

OWN = {"first": "t", "label": "y"}
TEXTS = [
    'He said "no" twice.',
    'It is "fine", she said.',
    "plain",
    "a\ttab",
    "two\nlines",
    '"Yes"',
    "",
]


def texts_of(data, split="train"):
    return [one.texts()[0] for one in data.splits[split]]


def both(folder, suffix, text):
    for split in ("train", "validation"):
        (folder / f"{split}.{suffix}").write_bytes(text.encode())


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_pandas_writes_is_read_back(tmp_path, suffix, quoting, end):
    frame = pd.DataFrame({"t": TEXTS * 2, "y": list("ab" * len(TEXTS))})
    for split in ("train", "validation"):
        frame.to_csv(
            tmp_path / f"{split}.{suffix}", sep="\t" if suffix == "tsv" else ",", index=False,
            quoting=quoting, lineterminator=end,
        )  # fmt: skip
    data = custom_task("own", tmp_path, OWN)
    assert texts_of(data) == TEXTS * 2
    assert data.readings["train"].unquoted is (suffix == "tsv")


@pytest.mark.parametrize(
    "lines",
    [
        ['"Hello" he said.\ta', '"Yes"\tb'],
        ['he said "no"\ta', '"Yes"\tb'],
        ['"Hello\ta', 'bye"\tb'],
        ['say "\ta', "x\tb"],
        ['" the witness " , he said "\ta', "x\tb"],
    ],
)
def test_quotes_of_a_file_without_quoting_are_text(tmp_path, lines):
    both(tmp_path, "tsv", "\n".join(["t\ty", *lines]) + "\n")
    data = custom_task("own", tmp_path, OWN)
    assert texts_of(data) == [line.split("\t")[0] for line in lines]
    assert not data.readings["train"].unquoted


def test_one_doubled_quote_decides_for_the_writer(tmp_path):
    both(tmp_path, "tsv", 't\ty\n"He said ""no"" twice."\ta\nbare "x" here\tb\n')
    assert texts_of(custom_task("own", tmp_path, OWN)) == ['He said "no" twice.', 'bare "x" here']
    literal = custom_task("own", tmp_path, OWN, quotes="literal")
    assert texts_of(literal) == ['"He said ""no"" twice."', 'bare "x" here']


def test_a_way_to_read_quotes_can_be_asked_for(tmp_path):
    both(tmp_path, "tsv", 't\ty\n"Yes"\ta\nhe said "no"\tb\n')
    assert texts_of(custom_task("own", tmp_path, OWN))[0] == '"Yes"'
    assert texts_of(custom_task("own", tmp_path, OWN, quotes="undone"))[0] == "Yes"
    with pytest.raises(UnknownNameError, match="unknown way to read quotes 'undo'"):
        custom_task("own", tmp_path, OWN, quotes="undo")
    both(tmp_path, "tsv", 't\ty\n"Yes" no\ta\nx\tb\n')
    with pytest.raises(DataFileError, match=r"line 2 is not valid CSV.*`quotes` literal"):
        custom_task("own", tmp_path, OWN, quotes="undone")


def test_glues_own_files_keep_their_quotes(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text('sentence\tlabel\n"He said ""no""."\t1\n')
    assert texts_of(load_task("sst2", data_dir=tmp_path)) == ['"He said ""no""."']


@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_cells_of_any_length(tmp_path, suffix):
    before = csv.field_size_limit()
    long = 'word "x" ' * 40_000
    frame = pd.DataFrame({"t": [long, "b"], "y": ["a", "b"]})
    for split in ("train", "validation"):
        frame.to_csv(
            tmp_path / f"{split}.{suffix}", sep="\t" if suffix == "tsv" else ",", index=False
        )
    assert texts_of(custom_task("own", tmp_path, OWN)) == [long, "b"]
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        ("csv", 't,y\n"two\nlines",a\nx,b,c\n', "line 4 has 3 columns instead of 2"),
        ("csv", "t,y\nx,a\n\nonly\n", "line 4 has 1 column instead of 2"),
        ("csv", 't,y\nx,a\n"open\nto the\nend,b\n', "line 3 is not valid CSV"),
        ("tsv", 't\ty\n"two\nlines"\ta\nx\tb\tc\n', "line 4 has 3 columns instead of 2"),
        ("tsv", "t\ty\nx\ta\nonly\n", "line 3 has 1 column instead of 2"),
    ],
)
def test_rows_of_another_length_are_named_by_their_first_line(tmp_path, suffix, text, message):
    both(tmp_path, suffix, text)
    with pytest.raises(DataFileError, match=message):
        custom_task("own", tmp_path, OWN)


# --- labels that are numbers


def csv_of(folder, labels, split="train"):
    lines = ["t,y", *(f"text {i},{label}" for i, label in enumerate(labels))]
    (folder / f"{split}.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    "labels",
    [
        range(21),
        [n * 5 for n in range(21)] * 3,
        [n / 5 for n in range(26)],
        [0.13, 0.25, 0.5, 0.75, 0.8, 0.9],
        [1, 2.2, 3.4, 2.8, 1.6, 4.8, 5],
    ],
)
def test_numbers_with_many_values_are_no_classes(tmp_path, labels):
    csv_of(tmp_path, labels)
    csv_of(tmp_path, [next(iter(labels))], "validation")
    with pytest.raises(DataFileError) as caught:
        custom_task("own", tmp_path, OWN)
    line = str(caught.value)
    assert f"the labels are {len(set(labels))} different numbers, from" in line
    assert "score=..." in line
    assert "`as_classes`" in line
    assert custom_task("own", tmp_path, OWN, as_classes=True).spec.num_labels == len(set(labels))
    scored = custom_task("own", tmp_path, {"first": "t", "score": "y"})
    assert [one.label for one in scored.splits["train"]] == [float(label) for label in labels]


@pytest.mark.parametrize(
    "labels",
    [
        range(5),
        range(20),
        [-2, -1.5, 0, 1],
        [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5],
        [0.5, 1, 0.5],
        [f"intent {n}" for n in range(60)],
        [*range(30), "other"],
    ],
)
def test_sets_of_classes_are_not_taken_for_numbers(tmp_path, labels):
    csv_of(tmp_path, labels)
    csv_of(tmp_path, [next(iter(labels))], "validation")
    assert custom_task("own", tmp_path, OWN).spec.num_labels == len(set(labels))


def test_class_names_that_are_numbers_are_in_order_of_value(tmp_path):
    csv_of(tmp_path, ["10", "2.5", "-3", "2"])
    csv_of(tmp_path, ["10"], "validation")
    assert custom_task("own", tmp_path, OWN).spec.labels == ("-3", "2", "2.5", "10")


def test_a_label_that_train_has_not_is_named(tmp_path):
    csv_of(tmp_path, ["a", "b"])
    csv_of(tmp_path, ["a", "c"], "validation")
    with pytest.raises(DataFileError, match=r"validation\.csv, line 3: the label 'c' is not among "
                       r"those of train \(a, b\); add training examples"):  # fmt: skip
        custom_task("own", tmp_path, OWN)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "-x", "a\nb"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    csv_of(tmp_path, ["a", "b"])
    csv_of(tmp_path, ["a", "b"], "validation")
    with pytest.raises(ConfigError, match="is not a valid task name"):
        custom_task(name, tmp_path, OWN)


# --- groups


def test_group_names_the_source_that_examples_share(tmp_path):
    for split in ("train", "validation"):
        (tmp_path / f"{split}.csv").write_text("p,h,y,doc\np1,h1,a,7\np1,h2,b,7\np2,h3,a,\n")
    columns = {"label": "y", "group": "doc", "second": "h", "first": "p"}
    data = custom_task("own", tmp_path, columns)
    train = data.splits["train"]
    assert [one.cluster for one in train] == ["7", "7", ""]
    assert [one.group for one in train] == ["", "", ""]
    assert train[0].texts() == ("p1", "h1")
    shared = custom_task("own", tmp_path, {"first": "p", "label": "y", "group": "p"})
    assert [one.cluster for one in shared.splits["train"]] == ["p1", "p1", "p2"]


@pytest.mark.parametrize("suffix", ["tsv", "parquet", "jsonl"])
def test_group_is_the_one_column_to_name_of_a_glue_task(tmp_path, suffix):
    frame = pd.DataFrame(
        {"index": ["0", "1"], "sentence1": ["p", "p"], "sentence2": ["a", "b"],
         "label": ["entailment", "not_entailment"]}
    )  # fmt: skip
    for split in ("train", "validation"):
        path = tmp_path / f"{split}.{suffix}"
        if suffix == "tsv":
            frame.to_csv(path, sep="\t", index=False)
        elif suffix == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_json(path, orient="records", lines=True)
    data = load_task("RTE", data_dir=tmp_path, columns={"group": "sentence1"})
    assert data.spec.labels == ("entailment", "not_entailment")
    assert [(one.texts(), one.label, one.cluster) for one in data.splits["train"]] == [
        (("p", "a"), 0, "p"),
        (("p", "b"), 1, "p"),
    ]
    with pytest.raises(DataFileError, match="no column 'promptID'"):
        load_task("rte", data_dir=tmp_path, columns={"group": "promptID"})
