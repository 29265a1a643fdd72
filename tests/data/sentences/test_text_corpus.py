"""Texts without annotation: lines, CoNLL-U, gzip, folders and single files."""

import gzip

import pytest
from subprobe.data.errors import ConfigError, DataFileError
from subprobe.data.sentences.text_corpus import read_split_texts, read_texts
from subprobe.data.tasks.by_name import load_task

TREE = """# newdoc id = d1
# sent_id = s1
# text = Birds sing.
1\tBirds\tbird\tNOUN\t_\t_\t2\tnsubj\t_\t_
2\tsing\tsing\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
3\t.\t.\tPUNCT\t_\t_\t2\tpunct\t_\t_

"""


def test_lines_and_treebanks_are_read_as_they_were_written(tmp_path):
    for name in ("a.txt", "a.text", "a", "a.txt.gz"):
        found = read_texts(_put(tmp_path / name, "One two.\n\n  Three. \n"))
        assert [one.text for one in found] == ["One two.", "Three."]
        assert [one.id for one in found] == ["1", "3"]
    for name in ("a.conllu", "a.conllu.gz", "a.conll"):
        (one,) = read_texts(_put(tmp_path / name, TREE))
        assert (one.id, one.text, one.document, one.heads) == ("s1", "Birds sing.", "d1", ())


def _put(path, text):
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def test_a_folder_has_a_file_for_each_split(tmp_path):
    _put(tmp_path / "en_x-ud-train.conllu.gz", TREE)
    with pytest.raises(DataFileError, match="no text file for the split 'validation'"):
        read_split_texts(tmp_path)
    _put(tmp_path / "dev.txt", "a\nb\n")
    data = load_task("mlm", data_dir=tmp_path)
    assert {split: len(found) for split, found in data.splits.items()} == {
        "train": 1, "validation": 2}  # fmt: skip
    assert data.spec.report_split == "validation"
    assert data.splits["train"][0].cluster == "d1"
    assert data.readings["validation"].files == (str(tmp_path / "dev.txt"),)
    _put(tmp_path / "x-test.txt", "c\n")
    assert load_task("MLM", data_dir=tmp_path).spec.report_split == "test"
    _put(tmp_path / "val.txt", "a\n")
    with pytest.raises(DataFileError, match="several files for the split 'validation'"):
        read_split_texts(tmp_path)


def test_a_single_file_is_cut_by_its_texts(tmp_path):
    path = _put(tmp_path / "all.txt", "".join(f"Text {n % 50}.\n" for n in range(100)))
    data = load_task("mlm-whole-word", data_dir=path)
    said = [{e.texts()[0] for e in data.splits[s]} for s in ("train", "validation", "test")]
    assert [len(one) for one in said] == [40, 5, 5]
    assert not said[0] & said[1] | said[0] & said[2] | said[1] & said[2]
    assert data.spec.masked == "words"
    assert load_task("mlm", data_dir=path, sizes={"train": 7}).splits["train"].__len__() == 7


def test_what_is_no_text_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="mlm is trained on texts of your own"):
        load_task("mlm")
    with pytest.raises(DataFileError, match="the file is empty"):
        load_task("mlm", data_dir=_put(tmp_path / "empty.txt", " \n"))
    with pytest.raises(DataFileError, match="2 different texts cannot be split into train"):
        load_task("mlm", data_dir=_put(tmp_path / "two.txt", "a b\nb\na  b\nb\n"))
    with pytest.raises(DataFileError, match="no such file"):
        load_task("mlm", data_dir=tmp_path / "none.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(DataFileError, match="is not UTF-8"):
        load_task("mlm", data_dir=tmp_path / "b.txt")
    with pytest.raises(ConfigError, match="mlm is read in its own format"):
        load_task("mlm", data_dir=tmp_path, as_classes=True)
    with pytest.raises(ConfigError, match="MLM has no columns: it is masked language modelling"):
        load_task("MLM", data_dir=tmp_path, columns={"first": "text", "label": "y"})
