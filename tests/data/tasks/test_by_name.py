from __future__ import annotations

import json
from dataclasses import replace

import pytest
from subprobe.analysis.glue.cautions import cautions_of
from subprobe.data.errors import ConfigError, DataFileError, UnknownNameError
from subprobe.data.tasks import by_name as tasks
from subprobe.data.tasks import plugin_tasks
from subprobe.data.tasks.by_name import custom_task, list_tasks, load_task, task_spec
from subprobe.data.tasks.glue import GLUE
from subprobe.data.tasks.metrics import majority
from subprobe.data.tasks.task_parts import split_parts


def test_every_task_has_one_name_in_any_case():
    names = [spec.name for spec in list_tasks()]
    assert names == ["acceptability", "entailment", "reading", "mlm", "mlm-whole-word",
                     "quail", "cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte",
                     "wnli"]  # fmt: skip
    assert task_spec("SST-2") is task_spec("sst2")
    assert task_spec("STS-B").metrics == ("pearson", "spearman", "pearson_spearman")
    for spec in list_tasks():
        assert spec.metrics[0] == spec.metric
        assert len(spec.columns) == (3 if spec.pair else 2) or spec.hub is None
    with pytest.raises(UnknownNameError, match="unknown task 'colla'; did you mean 'cola'"):
        load_task("colla")
    with pytest.raises(UnknownNameError, match="files of your own are read by naming their colu"):
        load_task("sentiment")


# --- the user's own files


def write(folder, name, records):
    if name.endswith(".jsonl"):
        text = "".join(json.dumps(record) + "\n" for record in records)
    else:
        tab = "\t" if name.endswith(".tsv") else ","
        lines = [list(records[0]), *(list(record.values()) for record in records)]
        text = "".join(tab.join(str(cell) for cell in line) + "\n" for line in lines)
    (folder / name).write_text(text, encoding="utf-8")


TRAIN = [
    {"id": 1, "text": "good one", "verdict": "fine"},
    {"id": 2, "text": "NA", "verdict": "bad"},
    {"id": 3, "text": "null", "verdict": "fine"},
]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl"])
def test_own_files_by_naming_columns(tmp_path, suffix):
    write(tmp_path, f"train.{suffix}", TRAIN)
    write(tmp_path, f"validation.{suffix}", TRAIN[:2])
    data = custom_task("verdicts", tmp_path, {"label": "verdict", "first": "text"})
    assert data.spec.labels == ("bad", "fine")
    assert not data.spec.pair
    assert data.spec.report_split == "validation"
    assert [(one.texts(), one.label) for one in data.splits["train"]] == [
        (("good one",), 1),
        (("NA",), 0),
        (("null",), 1),
    ]


def test_numeric_labels_are_names_and_sorted_by_value(tmp_path):
    write(tmp_path, "train.jsonl", [{"t": "x", "y": label} for label in (10, 2, 1)])
    write(tmp_path, "validation.jsonl", [{"t": "x", "y": 10}])
    data = custom_task("stars", tmp_path, {"first": "t", "label": "y"})
    assert data.spec.labels == ("1", "2", "10")
    assert [one.label for one in data.splits["train"]] == [2, 1, 0]
    write(tmp_path, "validation.jsonl", [{"t": "x", "y": 0}])
    with pytest.raises(
        DataFileError, match=r"line 1: the label '0' is not among those of train \(1, 2, 10\)"
    ):
        custom_task("stars", tmp_path, {"first": "t", "label": "y"})


def test_a_number_to_predict(tmp_path):
    write(tmp_path, "train.csv", [{"t": "x", "y": 1}, {"t": "z", "y": 2.5}])
    write(tmp_path, "validation.csv", [{"t": "x", "y": -3}])
    data = custom_task("ratings", tmp_path, {"first": "t", "score": "y"})
    assert data.spec.regression
    assert data.spec.metrics == ("pearson", "spearman")
    assert [one.label for one in data.splits["train"]] == [1.0, 2.5]


def test_a_labelled_test_split_is_reported(tmp_path):
    for split in ("train", "validation", "test"):
        write(tmp_path, f"{split}.csv", TRAIN)
    data = custom_task("verdicts", tmp_path, {"first": "text", "label": "verdict"})
    parts = split_parts(data, seed=0)
    assert (parts.selection_name, parts.report_name) == ("validation", "test")
    assert parts.selection == data.splits["validation"]
    assert parts.report == data.splits["test"]
    assert parts.train == data.splits["train"]


@pytest.mark.parametrize(
    ("columns", "error", "message"),
    [
        ({"first": "text"}, ConfigError, "first named; name the columns"),
        ({"label": "verdict"}, ConfigError, "label named"),
        ({"first": "text", "label": "verdict", "score": "id"}, ConfigError, "named"),
        ({"first": "text", "label": "text"}, ConfigError, "'text' is named both as a text"),
        ({"frist": "text"}, UnknownNameError, "unknown column role 'frist'; did you mean 'first'"),
        ({"first": "body", "label": "verdict"}, DataFileError, "no column 'body'; columns found: "
         "id, text, verdict"),
    ],
)  # fmt: skip
def test_wrong_columns_are_refused(tmp_path, columns, error, message):
    write(tmp_path, "train.csv", TRAIN)
    write(tmp_path, "validation.csv", TRAIN)
    with pytest.raises(error, match=message):
        custom_task("verdicts", tmp_path, columns)


def test_own_files_with_one_label_or_without_a_split_are_refused(tmp_path):
    write(tmp_path, "validation.csv", TRAIN)
    columns = {"first": "text", "label": "verdict"}
    write(tmp_path, "train.csv", TRAIN[:1])
    with pytest.raises(DataFileError, match="every row has the label 'fine'"):
        custom_task("verdicts", tmp_path, columns)
    write(tmp_path, "train.csv", TRAIN)
    (tmp_path / "validation.csv").unlink()
    with pytest.raises(DataFileError, match="no file for the split 'validation'"):
        custom_task("verdicts", tmp_path, columns)
    (tmp_path / "validation.csv").write_text('id,text,verdict\n1,"open,fine\n')
    with pytest.raises(DataFileError, match=r"validation\.csv: line 2 is not valid CSV"):
        custom_task("verdicts", tmp_path, columns)


# --- the hub


@pytest.fixture
def hub_like(tmp_path, monkeypatch):
    """A folder that `datasets` reads as it reads a data set of the hub."""
    import datasets

    folder = tmp_path / "glue"
    folder.mkdir()
    for name in ("train", "validation"):
        write(folder, f"{name}.jsonl", [
            {"idx": i, "sentence1": text, "sentence2": "None", "label": i % 2}
            for i, text in enumerate(("NA", "two words", "three"))
        ])  # fmt: skip
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: rte\n  data_files:\n"
        "  - split: train\n    path: train.jsonl\n"
        "  - split: validation\n    path: validation.jsonl\n"
        "---\n"
    )
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    glue = dict(GLUE)
    glue["rte"] = replace(glue["rte"], hub=(str(folder), "rte"))
    monkeypatch.setattr(tasks, "GLUE", glue)
    return folder


def test_a_hub_data_set_is_read_through_datasets(hub_like):
    data = load_task("rte")
    assert {split: len(found) for split, found in data.splits.items()} == {
        "train": 3,
        "validation": 3,
    }
    assert data.splits["train"][0].texts() == ("NA", "None")
    assert [one.label for one in data.splits["train"]] == [0, 1, 0]
    assert data.source.startswith("hub:")


def test_unlabelled_rows_of_the_hub_are_left_out(hub_like):
    rows = [{"sentence1": "a", "sentence2": "b", "label": label} for label in (-1, 1, None)]
    write(hub_like, "validation.jsonl", rows)
    data = load_task("rte")
    assert [one.label for one in data.splits["validation"]] == [1]
    assert data.readings["validation"].left_out == {
        "without a label ('-1')": 1,
        "without a label (empty)": 1,
    }


def test_a_hub_split_without_any_label_is_refused(hub_like):
    write(hub_like, "validation.jsonl", [{"sentence1": "a", "sentence2": "b", "label": -1}])
    with pytest.raises(
        DataFileError, match=r"validation: no usable row among 1: without a label \('-1"
    ):
        load_task("rte")


def test_without_network_the_way_out_is_a_local_folder():
    with pytest.raises(DataFileError) as caught:
        load_task("cola")
    line = str(caught.value)
    assert "hub data set nyu-mll/glue (cola)" in line
    assert "name a folder with the files of the task with `data_dir`" in line
    assert "\n" not in line


def test_fewer_examples_on_request(tmp_path):
    for split in ("train", "validation"):
        write(tmp_path, f"{split}.csv", [{"t": f"x{i}", "y": i % 2} for i in range(11)])
    columns = {"first": "t", "label": "y"}
    data = load_task("own", data_dir=tmp_path, columns=columns, sizes={"train": 3})
    assert [one.texts()[0] for one in data.splits["train"]] == ["x0", "x5", "x10"]
    assert len(data.splits["validation"]) == 11
    with pytest.raises(UnknownNameError, match="unknown own split 'tset'"):
        load_task("own", data_dir=tmp_path, columns=columns, sizes={"tset": 3})
    with pytest.raises(ConfigError, match="add `data_dir`"):
        load_task("own", columns=columns)


@pytest.mark.parametrize(
    ("task", "scores"),
    [
        ("mrpc", {"accuracy": 0.6838, "f1": 0.8122}),
        ("rte", {"accuracy": 0.5271}),
        # a constant prediction has a correlation of 0 by convention
        ("cola", {"matthews": 0.0}),
        ("wnli", {"accuracy": 0.5634}),
    ],
)
def test_majority_of_the_real_files(realdata, task, scores):
    data = load_task(task, data_dir=realdata / "glue")
    labels = {split: [one.label for one in found] for split, found in data.splits.items()}
    found = majority(data.spec, labels["train"], labels["validation"])
    assert found == pytest.approx(scores, abs=5e-5)


def test_the_caution_about_wnli_is_true(realdata):
    """Validation pairs share their premise with train pairs, which mostly have the other label."""
    splits = load_task("wnli", data_dir=realdata / "glue").splits
    [said] = cautions_of(["wnli"])
    shared, other = 0, 0.0
    for pair in splits["validation"]:
        same = [o.label for o in splits["train"] if o.texts()[0] == pair.texts()[0]]
        shared += bool(same)
        other += sum(label != pair.label for label in same) / len(same) if same else 0.0
    assert f"{len(splits['validation'])} validation pairs, of which {shared} share" in said
    assert other / shared > 0.9


def test_every_task_is_listed_once():
    names = [spec.name for spec in list_tasks()]
    assert len(set(names)) == len(names)
    taken = plugin_tasks._TAKEN
    assert len(set(taken)) == len(taken)
    assert set(names) <= {*taken, *plugin_tasks.PLUGINS.all()}
