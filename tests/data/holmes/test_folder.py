"""Holmes's folder of data sets: what is read, and what is refused."""

import pytest
from holmes_folder import write_data_set, write_holmes
from subprobe.data.errors import DataFileError
from subprobe.data.holmes.data_set import Stretch
from subprobe.data.holmes.folder import data_set_folders, digest_paths, read_data_set
from subprobe.data.holmes.published import SUBFIELDS, about_set, published_sets

ROW = {"inputs": ["The cats sat."], "label": 0, "set-0": "train"}
TOKEN = {"inputs": [("cats", 0, 4, 8)], "context": ["The cats sat."], "label": 0, "set-0": "train"}


def parts(row):
    return [{**row, "set-0": part} for part in ("train", "dev", "test")]


def test_the_published_data_sets_are_all_there():
    counts = dict.fromkeys(SUBFIELDS, 0)
    for about in published_sets().values():
        counts[about.subfield] += 1
    assert counts == {"morphology": 19, "syntax": 75, "semantics": 67, "discourse": 28,
                      "reasoning": 19}  # fmt: skip
    # three phenomena are of two subfields
    named = {(one.subfield, one.phenomenon) for one in published_sets().values()}
    assert (len(named), len({name for _, name in named})) == (68, 65)
    about = about_set("upos")
    assert about is not None
    assert (about.subfield, about.phenomenon) == ("syntax", "part-of-speech")
    feature = about_set("feats:Number")
    assert feature is not None
    assert feature.subfield == "morphology"
    assert about_set("my-own") is None


def test_every_kind_is_read(tmp_path):
    write_holmes(tmp_path)
    found = {one.name: one for one in map(read_data_set, data_set_folders(tmp_path))}
    names = ("flesch", "upos", "srl", "coref", "SemAntoNeg", "discourse-connective")
    assert [found[name].width for name in names] == [1, 1, 2, 2, 2, 1]
    assert [found[name].joined for name in ("upos", "coref", "discourse-connective")] == [
        False, True, True,
    ]  # fmt: skip
    assert found["flesch"].classes == 1
    assert [len(part) for part in found["upos"].parts.values()] == [24, 8, 8]
    spans = found["srl"].parts["train"][0]
    assert [len(reading) for reading in spans.readings] == [2, 1]
    word = found["upos"].parts["train"][0]
    (reading,) = word.readings
    (stretch,) = reading
    assert word.texts[0][stretch.start : stretch.end] == word.texts[0].split()[1]


def test_samples_are_in_the_order_of_their_ids(tmp_path):
    rows = [{**ROW, "id": id, "set-0": part} for id, part in
            (("10", "train"), ("9", "train"), ("1", "dev"), ("2", "test"))]  # fmt: skip
    found = read_data_set(write_data_set(tmp_path, "x", "SENTENCE", 2, rows))
    assert [one.id for one in found.parts["train"]] == ["9", "10"]
    assert found.parts["dev"][0].readings == ((Stretch(0),),)


def test_ids_that_are_there_twice_and_labels_that_are_true_or_false_are_read(tmp_path):
    rows = [{**row, "id": 3, "label": label} for row, label in
            zip(parts(ROW), ("True", "False", "1.0"), strict=True)]  # fmt: skip
    found = read_data_set(write_data_set(tmp_path, "x", "SENTENCE", 2, rows))
    samples = [one for part in found.parts.values() for one in part]
    assert [one.label for one in samples] == [1, 0, 1]
    assert [one.id for one in samples] == ["3 (line 2)", "3 (line 3)", "3 (line 4)"]


def test_the_names_of_both_versions_are_the_leaderboards(tmp_path):
    place = write_data_set(tmp_path, "flash-holmes-upos", "SENTENCE", 2, parts(ROW))
    assert read_data_set(place).name == "upos"


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("SENTENCE", {"label": 2}, "line 2: the label '2' is not a class from 0 to 1"),
        ("SENTENCE", {"label": "nan"}, "the label 'nan' is not a number"),
        ("SENTENCE", {"set-0": "valid"}, "set-0 is 'valid'"),
        ("SENTENCE", {"inputs": ["a", "b"]}, "wrong number of inputs for SENTENCE: 2"),
        ("SENTENCE", {"inputs": [3]}, "inputs are not texts"),
        ("SENTENCE_PAIR_BI", {}, "wrong number of inputs for SENTENCE_PAIR_BI: 1"),
        ("SENTENCE", {"inputs": 7}, "inputs: '7' is not a list"),
        ("SENTENCE_TOKENS", {}, "context cannot be read"),
        ("SENTENCE_TOKENS", {**TOKEN, "inputs": [("cats", 1, 4, 8)]}, "refers to no context"),
        ("SENTENCE_TOKENS", {**TOKEN, "inputs": [("cats", 0, -4, 8)]}, "has invalid positions"),
        ("SENTENCE_SPANS", TOKEN, "does not fit SENTENCE_SPANS"),
        ("PARAGRAPH", {}, "unknown probe_task_type 'PARAGRAPH'"),
    ],
)
def test_what_is_not_of_the_format_is_refused_with_its_place(tmp_path, kind, change, said):
    rows = [{**ROW, **change}, *parts(ROW)]
    with pytest.raises(DataFileError, match=said) as raised:
        read_data_set(write_data_set(tmp_path, "x", kind, 2, rows))
    assert "\n" not in str(raised.value)


def test_nothing_of_a_cell_is_run(tmp_path):
    place = write_data_set(tmp_path, "x", "SENTENCE", 2, parts(ROW))
    table = place / "samples.csv"
    table.write_text(table.read_text().replace("['The cats sat.']", "[open('x')]"))
    with pytest.raises(DataFileError, match="inputs cannot be read"):
        read_data_set(place)


def test_a_folder_without_data_sets_or_parts_is_refused(tmp_path):
    with pytest.raises(DataFileError, match="contains no data set of Holmes"):
        data_set_folders(tmp_path)
    with pytest.raises(DataFileError, match="no such folder"):
        data_set_folders(tmp_path / "none")
    place = write_data_set(tmp_path, "x", "SENTENCE", 2, [ROW])
    with pytest.raises(DataFileError, match="no samples of the part dev"):
        read_data_set(place)
    assert list(digest_paths(tmp_path)) == ["x/config-none.yaml", "x/samples.csv"]
    (place / "config-none.yaml").unlink()
    for read in (digest_paths, lambda folder: read_data_set(folder / "x")):
        with pytest.raises(DataFileError, match=r"config-none\.yaml: no such file"):
            read(tmp_path)
