"""What probes learn from: read from files or generated, annotated alike, checked and told."""

from dataclasses import replace
from pathlib import Path

import pytest
from learner import ENTRY, NAME, learner
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.learning.parts import read_parts
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import AnnotationError, DataFileError, InputError
from subprobe.data.generated_treebank import treebank
from tiny import tiny_tokenizer
from treebanks import write_conllu

pytestmark = pytest.mark.slow


class Told(Silent):
    def __init__(self):
        self.lines: list[str] = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture(autouse=True)
def _known():
    with learner():
        yield


@pytest.fixture(scope="module")
def bank():
    return treebank({"train": 60, "dev": 40, "test": 30})


def options(**given):
    return ProbeOptions(names=(NAME,), **{"sentences": 10_000, "train_sentences": 10_000, **given})


def words(sentences):
    return [one.words for one in sentences]


def test_without_files_the_generated_treebank_is_read():
    told = Told()
    parts = read_parts(options(), told)
    assert (parts.how, parts.learnt, parts.test.name) == ("generated",) * 3
    assert [len(parts.train), len(parts.dev), len(parts.test.sentences)] == [2000, 250, 500]
    assert parts.n_repeated == 0
    # minimal sets are sampled together
    assert len(set(parts.test.clusters.values())) == 250
    assert told.lines == []
    assert parts.said == (
        "generated: 2000 training sentences and 250 dev sentences; generated: 500 test sentences "
        "(no word of the lexicon is in two parts)"
    )


def test_each_part_is_cut_at_its_most():
    parts = read_parts(options(sentences=7, train_sentences=11))
    assert [len(parts.train), len(parts.dev), len(parts.test.sentences)] == [11, 7, 7]
    assert words(parts.train) == words(treebank().train[:11])


@pytest.mark.parametrize("suffix", [".conllu", ".conllu.gz"])
def test_parts_that_are_named_are_read_as_they_are(tmp_path, bank, suffix):
    files = {
        name: write_conllu(tmp_path / f"{name}{suffix}", getattr(bank, name))
        for name in ("train", "dev", "test")
    }
    told = Told()
    parts = read_parts(options(**files), told)
    assert words(parts.train) == words(bank.train)
    assert words(parts.dev) == words(bank.dev)
    assert words(parts.test.sentences) == words(bank.test)
    assert (parts.how, parts.learnt) == ("given", f"train{suffix}")
    assert parts.test.clusters == {}
    assert told.lines == []
    assert parts.said.endswith("(as the files say)")
    note = parts.note(options(**files))
    assert note["sentences"] == {"train": 60, "dev": 40, "test": 30}
    assert note["annotation"] == "gold ud"


def test_without_dev_a_tenth_of_train_stops_training(tmp_path, bank):
    train = write_conllu(tmp_path / "train.conllu", bank.train)
    test = write_conllu(tmp_path / "test.conllu", bank.test)
    parts = read_parts(options(corpus=train, test=test))
    assert (len(parts.train), len(parts.dev)) == (54, 6)
    assert {*words(parts.train), *words(parts.dev)} == set(words(bank.train))
    assert parts.said.endswith("(dev is a tenth of train)")
    assert read_parts(options(train=train, corpus=test)) == parts


def test_one_file_is_cut_by_its_documents(tmp_path, bank):
    path = write_conllu(tmp_path / "all.conllu", bank.train, documents=True)
    parts = read_parts(options(corpus=path))
    assert parts.how == "by document"
    assert parts.said.endswith("(parted by document)")
    documents = [
        {one.document for one in part} for part in (parts.train, parts.dev, parts.test.sentences)
    ]
    assert sum(map(len, documents)) == 30
    assert [len(d) for d in documents] == [24, 3, 3]


def test_documents_of_the_test_part_are_its_clusters(tmp_path, bank):
    train = write_conllu(tmp_path / "train.conllu", bank.train)
    test = write_conllu(tmp_path / "test.conllu", bank.test, documents=True)
    parts = read_parts(options(train=train, test=test))
    assert parts.test.clusters["3"] == "d1"
    assert len(set(parts.test.clusters.values())) == 15
    # nine documents are too few to stand for what was sampled
    few = write_conllu(tmp_path / "few.conllu", bank.test[:18], documents=True)
    assert read_parts(options(train=train, test=few)).test.clusters == {}


def test_sentences_of_test_that_were_learnt_from_are_counted_and_said(tmp_path, bank):
    train = write_conllu(tmp_path / "train.conllu", bank.train)
    test = write_conllu(tmp_path / "test.conllu", [*bank.test, *bank.train[:3], *bank.dev[:2]])
    dev = write_conllu(tmp_path / "dev.conllu", bank.dev)
    told = Told()
    parts = read_parts(options(train=train, dev=dev, test=test), told)
    assert parts.n_repeated == 5
    assert told.lines[0] == "5 of 35 test sentences also occur in train or dev"


def test_plain_text_is_parsed_and_is_silver(tmp_path, bank):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(one.raw_text() for one in bank.train), encoding="utf-8")
    parts = read_parts(options(corpus=str(path)))
    every = [*parts.train, *parts.dev, *parts.test.sentences]
    assert {one.annotation for one in every} == {"silver"}
    assert sorted(one.raw_text() for one in every) == sorted(s.raw_text() for s in bank.train)


def test_gold_and_silver_parts_are_refused_unless_both_are_parsed(tmp_path, bank):
    gold = write_conllu(tmp_path / "gold.conllu", bank.train)
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(one.raw_text() for one in bank.test), encoding="utf-8")
    with pytest.raises(AnnotationError, match="test has silver clearnlp trees, but train has gold"):
        read_parts(options(train=gold, test=str(path)))
    parts = read_parts(options(train=gold, test=str(path), reparse=True))
    assert {s.annotation for s in (*parts.train, *parts.dev, *parts.test.sentences)} == {"silver"}


@pytest.mark.parametrize("bad", ["train", "dev", "test"])
def test_a_part_without_the_layer_that_a_probe_needs_is_refused(tmp_path, bank, bad):
    files = {
        name: write_conllu(tmp_path / f"{name}.conllu", getattr(bank, name), upos=name != bad)
        for name in ("train", "dev", "test")
    }
    with pytest.raises(AnnotationError, match=f"nearest-tag in {bad}: none of the .* universal"):
        read_parts(options(**files))


def test_what_a_probe_leaves_out_of_a_part_is_said(tmp_path, bank):
    train = write_conllu(tmp_path / "train.conllu", bank.train)
    test = write_conllu(tmp_path / "test.conllu", bank.test)
    bare = write_conllu(tmp_path / "bare.conllu", bank.dev[:5], upos=False)
    mixed = tmp_path / "mixed.conllu"
    mixed.write_text(Path(test).read_text() + Path(bare).read_text())
    told = Told()
    read_parts(options(train=train, test=str(mixed)), told)
    assert "test: nearest-tag leaves out 5 of 35 texts (no universal tags)" in told.lines


def test_fewer_sentences_than_parts_are_refused(tmp_path, bank):
    path = write_conllu(tmp_path / "two.conllu", bank.train[:2])
    with pytest.raises(InputError, match="2 different sentences cannot be split into 3 parts"):
        read_parts(options(corpus=path))
    test = write_conllu(tmp_path / "test.conllu", bank.test)
    one = write_conllu(tmp_path / "one.conllu", bank.train[:1])
    with pytest.raises(InputError, match="1 different sentence cannot be split into 2 parts"):
        read_parts(options(train=one, test=test))


def test_a_missing_file_is_named(tmp_path, bank):
    test = write_conllu(tmp_path / "test.conllu", bank.test)
    with pytest.raises(DataFileError, match="absent"):
        read_parts(options(train=str(tmp_path / "absent.conllu"), test=test))


def test_another_sentence_is_another_digest(tmp_path, bank):
    found = read_parts(options(sentences=5, train_sentences=9))
    assert found.digest == read_parts(options(sentences=5, train_sentences=9)).digest
    others = [
        replace(found, train=found.train[:-1]),
        replace(found, dev=found.dev[1:]),
        replace(found, test=replace(found.test, sentences=found.test.sentences[1:])),
    ]
    assert len({found.digest, *(one.digest for one in others)}) == 4


def test_a_language_that_the_tokenizer_hardly_knows_is_said():
    told = Told()
    parts = read_parts(options(sentences=5, train_sentences=9))
    tokenizer = tiny_tokenizer("wordpiece")
    parts.say_unknown(tokenizer, told)
    assert told.lines == []
    odd = replace(parts.test.sentences[0], words=("漢字",), text="漢字", upos=("X",), heads=(-1,),
                  deprels=("root",), spans=())  # fmt: skip
    odder = replace(parts, test=replace(parts.test, sentences=(odd, odd)))
    assert odder.unknown(tokenizer) == {"train": 0.0, "test": 1.0}
    odder.say_unknown(tokenizer, told)
    assert [line[:4] for line in told.lines] == ["100%"]


def test_a_probe_that_learns_only_from_words_is_given_plain_texts(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(f"Word{i} don't." for i in range(20)), encoding="utf-8")
    with learner(replace(ENTRY, needs=())):
        parts = read_parts(options(corpus=str(path)))
    assert {one.annotation for one in parts.train} == {""}
    assert parts.train[0].words[1:] == ("don't", ".")
