from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.spans.rationales import read_rationale
from subprobe.data.tasks.by_name import custom_task
from subprobe.data.tasks.task_parts import examples_digest

COLUMNS = {"first": "t", "label": "y", "rationale": "why"}
TEXT = "a bad, bad film"


@pytest.mark.parametrize(
    "cell",
    [
        "0 1 1 0", "0,1,1,0", "0, 1, 1, 0", "[0, 1, 1, 0]", '["0", "1", "1", "0"]',
        [0, 1, 1, 0], [False, True, True, False], [0.0, 1.0, 1.0, 0.0], (0, 1, 1, 0),
    ],
)  # fmt: skip
def test_marks_are_of_white_space_words(cell):
    assert read_rationale(cell, [TEXT], "here") == ((0, 2, 6), (0, 7, 10))


@pytest.mark.parametrize("cell", ["bad", '["bad"]', ["bad"], [" bad "]])
def test_every_occurrence_of_a_part_counts(cell):
    assert read_rationale(cell, [TEXT], "here") == ((0, 2, 5), (0, 7, 10))


def test_parts_and_marks_of_a_pair():
    pair = [TEXT, "It is a film"]
    assert read_rationale('["a bad", "film"]', pair, "here") == ((0, 0, 5), (0, 11, 15), (1, 8, 12))
    assert read_rationale("0 0 0 1 1 0 0 0", pair, "here") == ((0, 11, 15), (1, 0, 2))


def test_an_empty_cell_is_no_rationale_and_an_empty_list_marks_nothing():
    assert all(read_rationale(cell, [TEXT], "here") is None for cell in (None, "", "  "))
    assert read_rationale("[]", [TEXT], "here") == read_rationale([], [TEXT], "here") == ()
    assert read_rationale("0 0 0 0", [TEXT], "here") == ()


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("0 1", "2 marks for 4 words"), ([1] * 5, "5 marks for 4 words"),
        ("good", "'good' does not occur in the text"),
        ('["bad", ""]', "'' does not occur in the text"),
        ("[0, 2, 1, 0]", "neither marks nor parts"), (3, "neither marks nor parts"),
        ([["bad"]], "neither marks nor parts"), ("[0, 1", r"'\[0, 1' does not occur in the text"),
    ],
)  # fmt: skip
def test_a_cell_of_another_kind_is_refused(cell, said):
    with pytest.raises(DataFileError, match=rf"here: the rationale.*{said}"):
        read_rationale(cell, [TEXT], "here")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_column_of_ones_own_files(tmp_path, suffix):
    frame = pd.DataFrame({"t": [TEXT, "fine"], "y": ["bad", "good"], "why": ["0 1 1 0", None]})
    for split in ("train", "validation"):
        path = tmp_path / f"{split}.{suffix}"
        if suffix == "parquet":
            frame.assign(why=[[0, 1, 1, 0], None]).to_parquet(path)
        elif suffix == "jsonl":
            lines = [json.dumps(one) for one in frame.to_dict("records")]
            path.write_text("\n".join(lines), "utf-8")
        else:
            frame.to_csv(path, sep="," if suffix == "csv" else "\t", index=False)
    train = custom_task("own", tmp_path, COLUMNS).splits["train"]
    assert [one.rationale for one in train] == [((0, 2, 6), (0, 7, 10)), None]
    assert [one.label for one in train] == [0, 1]
    again = train[0].with_sentences(train[1].first, None)
    assert again.rationale == train[0].rationale


def test_a_bad_cell_names_its_file_and_row(tmp_path):
    for split in ("train", "validation"):
        (tmp_path / f"{split}.csv").write_text("t,y,why\na film,x,0 1\nfine,z,0 1\n", "utf-8")
    with pytest.raises(DataFileError, match=r"train\.csv, line 3: the rationale has 2 marks for 1"):
        custom_task("own", tmp_path, COLUMNS)


def test_what_people_marked_is_part_of_what_examples_say(tmp_path):
    for split in ("train", "validation"):
        (tmp_path / f"{split}.csv").write_text("t,y,why\na film,x,0 1\nfine,z,\n", "utf-8")
    train = custom_task("own", tmp_path, COLUMNS).splits["train"]
    without = tuple(replace(one, rationale=None) for one in train)
    plain = custom_task("own", tmp_path, {"first": "t", "label": "y"}).splits["train"]
    assert examples_digest(train) != examples_digest(without) == examples_digest(plain)
