"""Rows without a label or a text are left out and counted, wherever they come from."""

import json

import numpy as np
import pandas as pd
import pytest
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.tasks.by_name import custom_task, load_task
from subprobe.data.tasks.missing import is_nothing

WRITTEN = ["-", "-1", "-1.0", "", "  ", " - ", "nan", "NaN", "NA", "N/A", "<NA>", "null", "NULL"]
OWN = {"first": "t", "label": "y"}


def csv_of(folder, split, labels, texts=None):
    cells = [f"{(texts or {}).get(i, f'text {i}')},{label}" for i, label in enumerate(labels)]
    (folder / f"{split}.csv").write_text("\n".join(["t,y", *cells]) + "\n", encoding="utf-8")


def json_of(folder, split, records):
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("written", WRITTEN)
def test_what_marks_a_missing_label_is_never_a_class(tmp_path, written):
    csv_of(tmp_path, "train", ["yes", "no", written, "yes", written])
    csv_of(tmp_path, "validation", [written, "no"])
    data = custom_task("own", tmp_path, OWN)
    assert data.spec.labels == ("no", "yes")
    assert [one.label for one in data.splits["train"]] == [1, 0, 1]
    assert [one.texts()[0] for one in data.splits["train"]] == ["text 0", "text 1", "text 3"]
    assert [one.label for one in data.splits["validation"]] == [0]
    reason = (
        f"without a label ({written.strip()!r})" if written.strip() else "without a label (empty)"
    )
    assert data.readings["train"].left_out == {reason: 2}
    assert data.readings["validation"].left_out == {reason: 1}
    assert data.readings["train"].n_rows == 5


def test_values_that_are_nothing_in_json_and_parquet(tmp_path):
    json_of(tmp_path, "train", [{"t": "a", "y": y} for y in (1, 0, None, float("nan"), -1)])
    frame = pd.DataFrame({"t": ["a", "b", None, "d"], "y": [0.0, 1.0, 1.0, np.nan]})
    frame.to_parquet(tmp_path / "validation.parquet")
    data = custom_task("own", tmp_path, OWN)
    assert data.spec.labels == ("0", "1")
    assert [one.label for one in data.splits["train"]] == [1, 0]
    assert data.readings["train"].left_out == {
        "without a label ('-1')": 1,
        "without a label (empty)": 2,
    }
    assert [one.label for one in data.splits["validation"]] == [0, 1]
    assert data.readings["validation"].left_out == {
        "without a label (empty)": 1,
        "without a text": 1,
    }
    for nothing in (None, float("nan"), np.nan, pd.NA, pd.NaT, np.float32("nan")):
        assert is_nothing(nothing)
    for something in ("", "nan", 0, False, [], [None]):
        assert not is_nothing(something)


def test_a_key_that_some_json_objects_lack_is_missing_there(tmp_path):
    json_of(tmp_path, "train", [{"t": "a"}, {"t": "b", "y": 1}, {"y": 0}, {"y": 0, "t": "d"}])
    json_of(tmp_path, "validation", [{"t": "a", "y": 1}])
    data = custom_task("own", tmp_path, OWN)
    assert [one.texts()[0] for one in data.splits["train"]] == ["b", "d"]
    assert data.readings["train"].left_out == {
        "without a label (empty)": 1,
        "without a text": 1,
    }
    with pytest.raises(DataFileError, match="no column 'why'; columns found: t, y"):
        custom_task("own", tmp_path, {"first": "t", "label": "why"})


def test_gaps_turn_class_ids_into_floats_of_the_same_name(tmp_path):
    csv_of(tmp_path, "train", ["1.0", "0.0", "", "1.0"])
    csv_of(tmp_path, "validation", ["1", "0"])
    data = custom_task("own", tmp_path, OWN)
    assert data.spec.labels == ("0", "1")
    assert [one.label for one in data.splits["validation"]] == [1, 0]


def test_none_is_a_class_and_everything_is_where_that_is_said(tmp_path):
    csv_of(tmp_path, "train", ["favour", "none", "None", "-", "NA", "-1", ""])
    csv_of(tmp_path, "validation", ["none", "-"])
    assert custom_task("stance", tmp_path, OWN).spec.labels == ("None", "favour", "none")
    data = custom_task("stance", tmp_path, OWN, as_classes=True)
    assert data.spec.labels == ("-", "-1", "NA", "None", "favour", "none")
    assert data.readings["train"].left_out == {"without a label (empty)": 1}
    with pytest.raises(ConfigError, match="cola is read in its own form"):
        load_task("cola", data_dir=tmp_path, as_classes=True)


def test_where_nothing_is_left_one_line_says_why(tmp_path):
    csv_of(tmp_path, "train", ["a", "b"])
    csv_of(tmp_path, "validation", ["-", "", "-"])
    with pytest.raises(DataFileError) as caught:
        custom_task("own", tmp_path, OWN)
    assert str(caught.value) == (
        f"{tmp_path / 'validation.csv'}: no usable row among 3: 2 without a label ('-'), 1 "
        "without a label (empty); label the rows, or add `as_classes` if that is the name of a "
        "class"
    )


def test_classes_that_look_missing_leave_one_class_and_the_way_out(tmp_path):
    csv_of(tmp_path, "train", ["-1", "1", "-1", "1"])
    csv_of(tmp_path, "validation", ["1", "-1"])
    with pytest.raises(DataFileError) as caught:
        custom_task("own", tmp_path, OWN)
    assert "every row has the label '1' (2 left out: without a label ('-1'))" in str(caught.value)
    assert "or add `as_classes` if this is the name of a class" in str(caught.value)
    assert custom_task("own", tmp_path, OWN, as_classes=True).spec.labels == ("-1", "1")


def test_glue_files_lose_their_unlabelled_rows_in_train_and_dev(tmp_path):
    head = "index\tsentence1\tsentence2\tlabel\n"
    rows = "".join(f"{i}\ta{i}\tb\t{label}\n" for i, label in enumerate(("entailment", "-", "-1")))
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text(head + rows)
    data = load_task("rte", data_dir=tmp_path)
    for split in ("train", "validation"):
        assert [one.texts()[0] for one in data.splits[split]] == ["a0"]
        assert data.readings[split].left_out == {
            "without a label ('-')": 1,
            "without a label ('-1')": 1,
        }


def test_a_score_may_be_minus_one_but_not_of_stsb(tmp_path):
    csv_of(tmp_path, "train", ["-1", "2.5", "-", "NA", "", "0"])
    csv_of(tmp_path, "validation", ["-1"])
    data = custom_task("own", tmp_path, {"first": "t", "score": "y"})
    assert [one.label for one in data.splits["train"]] == [-1.0, 2.5, 0.0]
    assert sum(data.readings["train"].left_out.values()) == 3
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text("sentence1\tsentence2\tscore\na\tb\t5.0\na\tb\t-1\n")
    for name in ("train", "validation"):
        (tmp_path / f"{name}.csv").unlink()
    data = load_task("stsb", data_dir=tmp_path)
    assert [one.label for one in data.splits["train"]] == [5.0]


def test_a_missing_text_is_left_out_and_an_empty_one_stays(tmp_path):
    rows = (("a", 1), (None, 1), ("", 0), (" ", 0), ("b", 0))
    json_of(tmp_path, "train", [{"t": text, "y": label} for text, label in rows])
    json_of(tmp_path, "validation", [{"t": "a", "y": 1}])
    data = custom_task("own", tmp_path, OWN)
    assert [one.texts()[0] for one in data.splits["train"]] == ["a", "", " ", "b"]
    assert data.readings["train"].left_out == {"without a text": 1}
    json_of(tmp_path, "validation", [{"t": None, "y": 1}, {"t": None, "y": 0}])
    with pytest.raises(DataFileError, match="no usable row among 2: without a text"):
        custom_task("own", tmp_path, OWN)
