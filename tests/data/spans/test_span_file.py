"""Files of labelled spans: what is read of good ones, and one line about every bad one."""

import gzip
import json

import pytest
from subprobe.data.errors import DataFileError, InputError
from subprobe.data.spans.labelled import LabelledSpan
from subprobe.data.spans.parts import read_span_parts
from subprobe.data.spans.span_file import MOST_LABELS, read_span_file


def target(start=0, end=1, label="A", second=None, **more):
    found = {"span1": [start, end], "label": label, **more}
    return found if second is None else {**found, "span2": list(second)}


def line(text="The dog saw a cat .", targets=None, **more):
    return json.dumps({"text": text, "targets": [target()] if targets is None else targets, **more})


def written(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_pairs_with_one_label_and_with_several(tmp_path):
    one = target(0, 2, ["ARG0", "agent", "ARG0"], (2, 3), info={"weight": 1})
    path = written(
        tmp_path / "roles.jsonl",
        line(targets=[one, target(3, 5, "ARG1", (2, 3))], info={"document_id": "nw/01", "n": 3}),
        "",
        line("She  slept\t.", targets=[]),
    )
    found = read_span_file(path)
    assert found.pairs
    assert [one.id for one in found.sentences] == ["roles.jsonl:1", "roles.jsonl:3"]
    assert [one.document for one in found.sentences] == ["nw/01", ""]
    assert found.sentences[1].words == ("She", "slept", ".")
    assert found.spans == {
        "roles.jsonl:1": (
            LabelledSpan((0, 2), (2, 3), ("ARG0", "agent")),
            LabelledSpan((3, 5), (2, 3), ("ARG1",)),
        ),
        "roles.jsonl:3": (),
    }


def test_single_spans_without_a_label_and_zipped(tmp_path):
    path = tmp_path / "spr.jsonl.gz"
    path.write_bytes(gzip.compress(line(targets=[target(label=[]), target(1, 3)]).encode()))
    found = read_span_file(path)
    assert not found.pairs
    assert found.spans["spr.jsonl.gz:1"][0] == LabelledSpan((0, 1), None, ())


BAD = {
    "[1, 2]": "is not a JSON object but a list",
    '{"text": "a b", "targets": [': "is not valid JSON",
    json.dumps({"targets": []}): "no text",
    line(text=7): "text is 7",
    line(text=" \t "): "the text is empty",
    json.dumps({"text": "a b"}): "no targets",
    line(targets={"span1": [0, 1]}): "targets is {'span1': [0, 1]}, not a list",
    line(targets=[None]): "target 1: is None, not an object",
    line(targets=[target(), {"label": "A"}]): "target 2: no span1",
    line(targets=[target(0, 0)]): "span1 [0, 0] is not a span of a text of 6 words",
    line(targets=[target(-1, 2)]): "span1 [-1, 2] is not a span",
    line(targets=[target(3, 2)]): "span1 [3, 2] is not a span",
    line(targets=[target(5, 7)]): "span1 [5, 7] is not a span",
    line(targets=[target(0, 10**400)]): "is not a span",
    line(targets=[target(0, 1.0)]): "span1 is [0, 1.0], not two integers",
    line(targets=[target(False, True)]): "span1 is [False, True], not two integers",
    line(targets=[{"span1": [0], "label": "A"}]): "span1 is [0], not two integers",
    line(targets=[target(second=("a", 2))]): "span2 is ['a', 2], not two integers",
    line(targets=[{"span1": [0, 1]}]): "no label",
    line(targets=[target(label=1)]): "label is 1, not a text or a list of texts",
    line(targets=[target(label=["A", None])]): "label is ['A', None]",
    line(targets=[target(label=" ")]): "label ' ' is empty",
    line(targets=[target(label="x" * 201)]): "has more than 200 characters",
    line(targets=[target(), target(second=(1, 2))]): "target 2: has a span2, unlike the targets",
    line(targets=[target(second=(1, 2)), target()]): "target 2: has no span2, unlike the targets",
    line(targets=[]): "has no target",
    line(targets=[target(label=[])]): "no target has a label",
    line(text="a " * 10**6): "line 1 has 2,000",
    "[" * 50_000 + "]" * 50_000: "line 1",
    '{"text": "\\ud800 b", "targets": []}': "half of a surrogate pair",
}


@pytest.mark.parametrize("content", BAD, ids=list(BAD.values()))
def test_a_bad_line_is_named(tmp_path, content):
    path = written(tmp_path / "bad.jsonl", content)
    with pytest.raises(DataFileError) as raised:
        read_span_file(path)
    said = str(raised.value)
    assert BAD[content] in said
    assert str(path) in said
    assert "\n" not in said
    assert len(said) < 1500


def test_a_bad_line_after_good_ones_is_named(tmp_path):
    path = written(tmp_path / "bad.jsonl", line(), "", line(targets=[target(), target(6, 7)]))
    with pytest.raises(DataFileError, match=r"bad\.jsonl, line 3, target 2: span1 \[6, 7\] is no"):
        read_span_file(path)


def test_too_many_labels(tmp_path):
    every = [target(label=f"l{number}") for number in range(MOST_LABELS + 1)]
    path = written(tmp_path / "many.jsonl", line(targets=every))
    with pytest.raises(DataFileError, match="more than 2,000 different labels"):
        read_span_file(path)


def test_no_such_file_and_a_folder_and_nothing(tmp_path):
    for path, said in ((tmp_path / "none", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(DataFileError, match=said):
            read_span_file(path)
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    with pytest.raises(DataFileError, match="the file is empty"):
        read_span_file(tmp_path / "empty.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "caf\xe9"}')
    with pytest.raises(DataFileError, match="line 1 is not UTF-8"):
        read_span_file(tmp_path / "latin.jsonl")


def test_one_file_is_cut(tmp_path):
    lines = [line(f"word {number} here") for number in range(50)]
    path = written(tmp_path / "coref.v2.jsonl", *lines)
    found = read_span_parts({"": path})
    assert (found.name, found.source, found.how) == ("coref", "coref.v2.jsonl", "by sentence")
    texts = [{one.text for one in part} for part in found.parts.values()]
    assert [len(part) for part in texts] == [40, 5, 5]
    assert len(set.union(*texts)) == 50
    assert set(found.spans) == {one.id for part in found.parts.values() for one in part}
    again = read_span_parts({"": written(tmp_path / "turned.jsonl", *lines[::-1])})
    assert [{one.text for one in part} for part in again.parts.values()] == texts


def test_three_files_of_one_name(tmp_path):
    paths = {}
    for part in ("train", "dev", "test"):
        (tmp_path / part).mkdir()
        paths[part] = written(tmp_path / part / "ner.jsonl", line(f"{part} words"))
    found = read_span_parts(paths)
    assert found.how == "given"
    assert {part: one.words[0] for part, (one,) in found.parts.items()} == {
        "train": "train", "dev": "dev", "test": "test",
    }  # fmt: skip
    assert sorted(found.spans) == ["dev/ner.jsonl:1", "test/ner.jsonl:1", "train/ner.jsonl:1"]


def test_parts_of_two_tasks(tmp_path):
    single = written(tmp_path / "single.jsonl", line())
    pairs = written(tmp_path / "pairs.jsonl", line(targets=[target(second=(1, 2))]))
    with pytest.raises(DataFileError, match=r"has pairs of spans, but .* has single spans"):
        read_span_parts({"train": single, "dev": single, "test": pairs})


def test_too_few_sentences_to_cut(tmp_path):
    with pytest.raises(InputError, match="2 different sentences cannot be split into 3 parts"):
        read_span_parts({"": written(tmp_path / "few.jsonl", line("a b"), line("c d"))})
