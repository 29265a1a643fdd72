from __future__ import annotations

import json

import pyarrow
import pyarrow.parquet
import pytest
from subprobe.data.errors import DataFileError
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.glue import GLUE

ODD = ('NA "quoted', "null", "None", "2019-01-01", "a\u2028b\x0cc", "café é")
"""Texts that careless readers lose, cut or convert."""

# Written by hand after the files of the original release: task -> folder, header, one row a line.
RELEASE = {
    "cola": ("CoLA", None, "gj04\t{label}\t\t{first}", ("0", "1")),
    "sst2": ("SST-2", "sentence\tlabel", "{first}\t{label}", ("0", "1")),
    "mrpc": (
        "MRPC",
        "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String",
        "{label}\t702876\t702977\t{first}\t{second}",
        ("0", "1"),
    ),
    "stsb": (
        "STS-B",
        "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
        "0\tmain-captions\tMSRvid\t2012test\t1\tnone\tnone\t{first}\t{second}\t{label}",
        ("5.000", "3.25"),
    ),
    "qqp": (
        "QQP",
        "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        "133273\t213221\t213222\t{first}\t{second}\t{label}",
        ("0", "1"),
    ),
    "mnli": (
        "MNLI",
        "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
        "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
        "0\t31193\t31193n\tgovernment\t( a )\t( b )\t(ROOT a)\t(ROOT b)\t{first}\t{second}\t"
        "neutral\t{label}",
        ("contradiction", "neutral"),
    ),
    "qnli": (
        "QNLI",
        "index\tquestion\tsentence\tlabel",
        "0\t{first}\t{second}\t{label}",
        ("not_entailment", "entailment"),
    ),
    "rte": (
        "RTE",
        "index\tsentence1\tsentence2\tlabel",
        "0\t{first}\t{second}\t{label}",
        ("entailment", "not_entailment"),
    ),
    "wnli": ("WNLI", "index\tsentence1\tsentence2\tlabel", "0\t{first}\t{second}\t{label}", "01"),
}
CLASSES = {
    "stsb": (5.0, 3.25),
    "mnli": (2, 1),
    "qnli": (1, 0),
    "rte": (0, 1),
}
HUB_COLUMNS = {
    "cola": ("sentence", "label"),
    "sst2": ("sentence", "label"),
    "qqp": ("question1", "question2", "label"),
    "mnli": ("premise", "hypothesis", "label"),
    "qnli": ("question", "sentence", "label"),
}
NAMED = ("mnli", "qnli", "rte")
"""Tasks whose release writes label names and not class ids."""
PAIR_COLUMNS = ("sentence1", "sentence2", "label")


def files_of(task, release):
    dev = ("dev_matched", "dev_mismatched") if task == "mnli" else ("dev",)
    return ("train", *(dev if release else (name.replace("dev", "validation") for name in dev)))


def rows(task):
    """(first, second, label as written, label as read)."""
    written = RELEASE[task][3]
    read = CLASSES.get(task, (0, 1))
    return [
        (text, ODD[-i - 1], written[i % 2], read[i % 2])
        for i, text in enumerate(ODD)
        if "\t" not in text
    ]


def write_release(folder, task, *, bom=False, end="\n"):
    _, header, line, _ = RELEASE[task]
    lines = [] if header is None else [header]
    lines += [line.format(first=a, second=b, label=label) for a, b, label, _ in rows(task)]
    text = "".join(one + end for one in lines)
    for name in files_of(task, True):
        (folder / f"{name}.tsv").write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode())


def records(task, *, names):
    columns = HUB_COLUMNS.get(task, PAIR_COLUMNS)
    return [
        dict(zip(columns, (a, b, label) if len(columns) == 3 else (a, label), strict=True))
        for a, b, name, value in rows(task)
        for label in [float(name) if task == "stsb" else name if names else value]
    ]


def check(data, task):
    expected_splits = {"train", "validation"}
    if task == "mnli":
        expected_splits = {"train", "validation_matched", "validation_mismatched"}
    assert set(data.splits) == expected_splits
    expected = [
        ((a, b) if task not in ("cola", "sst2") else (a,), label) for a, b, _, label in rows(task)
    ]
    for examples in data.splits.values():
        assert [(one.texts(), one.label) for one in examples] == expected
        assert len({one.id for one in examples}) == len(examples)
    kinds = {type(one.label) for one in data.splits["train"]}
    assert kinds == ({float} if task == "stsb" else {int})


@pytest.mark.parametrize("task", RELEASE)
@pytest.mark.parametrize(("bom", "end"), [(False, "\n"), (True, "\r\n")])
def test_the_original_release_is_read_as_written(tmp_path, task, bom, end):
    folder = tmp_path / RELEASE[task][0]
    folder.mkdir()
    (tmp_path / "other").mkdir()
    write_release(folder, task, bom=bom, end=end)
    check(load_task(task, data_dir=tmp_path), task)
    check(load_task(task.upper(), data_dir=folder), task)


@pytest.mark.parametrize(
    ("task", "names"), [*((task, False) for task in RELEASE), *((task, True) for task in NAMED)]
)
def test_json_lines_with_the_columns_of_the_hub(tmp_path, task, names):
    text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records(task, names=names))
    for name in files_of(task, False):
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    check(load_task(task, data_dir=tmp_path), task)


@pytest.mark.parametrize("task", RELEASE)
def test_parquet_in_one_file_or_in_shards(tmp_path, task):
    folder = tmp_path / RELEASE[task][0].lower()
    folder.mkdir()
    found = records(task, names=False)
    for name in files_of(task, False):
        if name == "train":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(found), folder / "train.parquet")
            continue
        for shard, part in enumerate((found[:4], found[4:])):
            path = folder / f"{name}-0000{shard}-of-00002.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(part), path)
    check(load_task(task, data_dir=tmp_path), task)


def test_tsv_files_with_the_hubs_columns_are_read_too(tmp_path):
    for name in ("train", "validation"):
        (tmp_path / f"{name}.tsv").write_text("sentence1\tsentence2\tlabel\na\tb\tequivalent\n")
    data = load_task("mrpc", data_dir=tmp_path)
    assert data.splits["train"][0].texts() == ("a", "b")
    assert data.splits["train"][0].label == 1


def test_cola_with_a_header_row(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text("sentence\tlabel\nsentence label\t1\n")
    examples = load_task("cola", data_dir=tmp_path).splits["train"]
    assert [(one.texts(), one.label) for one in examples] == [(("sentence label",), 1)]


def test_label_orders_are_those_of_the_hub():
    assert {name: spec.labels for name, spec in GLUE.items()} == {
        "cola": ("unacceptable", "acceptable"),
        "sst2": ("negative", "positive"),
        "mrpc": ("not_equivalent", "equivalent"),
        "stsb": (),
        "qqp": ("not_duplicate", "duplicate"),
        "mnli": ("entailment", "neutral", "contradiction"),
        "qnli": ("entailment", "not_entailment"),
        "rte": ("entailment", "not_entailment"),
        "wnli": ("not_entailment", "entailment"),
    }


def test_rows_that_the_release_itself_cut_short_are_counted(tmp_path):
    write_release(tmp_path, "qqp")
    with (tmp_path / "train.tsv").open("a") as stream:
        stream.write("1\t2\t3\tonly one question\n")
    data = load_task("qqp", data_dir=tmp_path)
    assert len(data.splits["train"]) == len(ODD)
    assert data.readings["train"].left_out == {"with too few columns": 1}
    assert data.readings["train"].n_rows == len(ODD) + 1
    assert data.readings["validation"].left_out == {}


GOOD = "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train.tsv", GOOD.replace("label", "gold"), "train.tsv: no column 'label'; columns found: "
         "index, sentence1, sentence2, gold"),
        ("train.tsv", GOOD + "1\ta\tb\tmaybe\n", "train.tsv, line 3: unknown label 'maybe'; labels "
         "of rte: entailment, not_entailment (or 0 to 1)"),
        ("train.tsv", GOOD + "1\ta\tb\t2\n", "train.tsv, line 3: unknown label '2'"),
        ("dev.tsv", GOOD.replace("entailment", "-1"), "dev.tsv: no usable row among 1: without a "
         "label ('-1'); use a labelled split"),
        ("train.tsv", GOOD + "1\ta\tentailment\n", "train.tsv: line 3 has 3 columns instead of 4"),
        ("train.tsv", GOOD + "1\ta\tb\tc\t0\n", "train.tsv: line 3 has 5 columns instead of 4"),
        ("train.tsv", "", "train.tsv: the file is empty"),
        ("train.tsv", " \n\n", "train.tsv: the file is empty"),
        ("train.tsv", GOOD.split("\n")[0] + "\n", "train.tsv: has a header but no rows"),
        ("dev.tsv", None, "no file for the split 'validation'; `data_dir` needs "
         "(validation|dev|val).(tsv|jsonl|json|parquet|csv); found: train.tsv"),
        ("train.csv", GOOD, "several files for the split 'train': train.tsv, train.csv; keep one"),
    ],
)  # fmt: skip
def test_bad_input_gets_one_clear_line(tmp_path, name, text, message):
    for good in ("train", "dev"):
        (tmp_path / f"{good}.tsv").write_text(GOOD)
    (tmp_path / name).unlink(missing_ok=True)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(DataFileError) as caught:
        load_task("rte", data_dir=tmp_path)
    line = str(caught.value)
    assert message in line
    assert str(tmp_path) in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1, 2]", "line 2: is not a JSON object but a list"),
        ('{"sentence": ', "line 2: is not valid JSON"),
        ('{"sentence": 7, "label": 1}', "line 2: int 7 where a sentence is expected"),
        ('{"sentence": "a", "label": true}', "line 2: unknown label 'True'"),
        ('{"sentence": "a", "label": 0.5}', "line 2: unknown label '0.5'"),
    ],
)
def test_bad_json_lines_name_their_line(tmp_path, line, message):
    good = '{"sentence": "a", "label": 1}\n'
    (tmp_path / "train.jsonl").write_text(good + line + "\n")
    (tmp_path / "dev.jsonl").write_text(good)
    with pytest.raises(DataFileError, match=r"train\.jsonl") as caught:
        load_task("cola", data_dir=tmp_path)
    assert message in str(caught.value)


def test_a_score_must_be_a_number(tmp_path):
    for name in ("train", "dev"):
        (tmp_path / f"{name}.tsv").write_text("sentence1\tsentence2\tscore\na\tb\thigh\n")
    with pytest.raises(
        DataFileError, match=r"train\.tsv, line 2: the score 'high' is not a number"
    ):
        load_task("stsb", data_dir=tmp_path)


def test_broken_files_are_named(tmp_path):
    (tmp_path / "train.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "dev.tsv").write_bytes(b"x\ty\n\xff\xfe\t1\n")
    with pytest.raises(DataFileError, match=r"train\.parquet: is not a complete Parquet file"):
        load_task("cola", data_dir=tmp_path)
    (tmp_path / "train.parquet").unlink()
    (tmp_path / "train.tsv").write_bytes((tmp_path / "dev.tsv").read_bytes())
    with pytest.raises(DataFileError, match=r"train\.tsv: line 2 is not UTF-8"):
        load_task("cola", data_dir=tmp_path)
    with pytest.raises(DataFileError, match="nowhere: no such folder"):
        load_task("cola", data_dir=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("task", "train", "validation"),
    [("MRPC", 3668, 408), ("RTE", 2490, 277), ("CoLA", 8551, 1043), ("WNLI", 635, 71)],
)
def test_row_counts_of_the_real_files(realdata, task, train, validation):
    data = load_task(task, data_dir=realdata / "glue")
    assert {split: len(examples) for split, examples in data.splits.items()} == {
        "train": train,
        "validation": validation,
    }
    assert {split: (one.n_rows, one.left_out) for split, one in data.readings.items()} == {
        "train": (train, {}),
        "validation": (validation, {}),
    }


def test_real_quotes_stay(realdata):
    first = load_task("mrpc", data_dir=realdata / "glue" / "MRPC").splits["train"][0]
    assert first.first.raw_text() == (
        'Amrozi accused his brother , whom he called " the witness " , of deliberately distorting '
        "his evidence ."
    )
