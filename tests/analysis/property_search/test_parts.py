"""Which sentences a mask is learnt from and scored on."""

from dataclasses import replace

import pytest
from labelled_sentences import tagged_sentences, write_tagged
from subprobe.analysis.property_search.parts import read_parts, words_of
from subprobe.data.errors import ConfigError, InputError
from tiny import tiny_tokenizer


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("treebanks")
    return {
        name: str(write_tagged(folder / f"{name}.conllu", tagged_sentences(40, seed)))
        for seed, name in enumerate(("train", "dev", "test"))
    }


def texts(part):
    return {sentence.words for sentence in part}


def test_one_corpus_is_cut_into_parts_without_a_common_sentence(files):
    parts = read_parts(files["train"])
    assert parts.how == "by sentence"
    assert sum(map(len, (parts.train, parts.dev, parts.test))) == 40
    assert not texts(parts.train) & texts(parts.dev)
    assert not texts(parts.train) & texts(parts.test)
    assert len(parts.train) > 25


def test_given_parts_are_taken_as_they_are(files):
    parts = read_parts(**files)
    assert (len(parts.train), len(parts.dev), len(parts.test)) == (40, 40, 40)
    assert parts.how == "given"
    assert [len(one) for one in (read_parts(**files, limit=7).train,)] == [7]
    assert read_parts(train=files["train"], dev=files["dev"]).test == ()
    cut = read_parts(train=files["train"], test=files["test"])
    assert len(cut.train) + len(cut.dev) == 40
    assert not texts(cut.train) & texts(cut.dev)


def test_a_corpus_beside_a_test_file_is_the_training_file(files):
    parts = read_parts(files["train"], test=files["test"])
    assert parts == read_parts(train=files["train"], test=files["test"])
    assert len(parts.test) == 40


def test_without_a_file_the_generated_treebank_is_read():
    parts = read_parts(limit=20)
    assert parts.how == "generated"
    assert [len(one) for one in (parts.train, parts.dev, parts.test)] == [20, 20, 20]
    assert all(one.upos for one in parts.train)
    assert not texts(parts.train) & texts(parts.test)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("train",), "no sentences to score on"),
        (("dev", "test"), "no training sentences"),
        (("corpus", "train"), "`train` both name training sentences"),
    ],
)
def test_files_that_do_not_go_together_are_refused(files, names, said):
    given = {name: files.get(name, files["train"]) for name in names}
    with pytest.raises(ConfigError, match=said):
        read_parts(**given)


def test_what_is_left_out_is_told(files):
    said = []
    parts = read_parts(**files, limit=10)
    bare = tuple(replace(one, upos=()) for one in parts.test[:3])
    odd = tuple(
        replace(one, upos=("INTJ",) * len(one.words), words=one.words) for one in parts.test[3:5]
    )
    changed = replace(parts, test=(*bare, *odd, *parts.test[5:]))
    words = words_of(tiny_tokenizer("wordpiece"), changed, "upos", max_length=64, say=said.append)
    assert (words.split, words.test.n_unseen) == ("test", sum(len(one.words) for one in odd))
    assert said[0] == "3 of 10 sentences of the test part have no upos"
    assert "have a upos that does not occur in the train part: they count as errors" in said[1]
    again = replace(parts, test=(*parts.test, *parts.train[:2]))
    words_of(tiny_tokenizer("wordpiece"), again, "upos", max_length=64, say=said.append)
    assert said[-1] == "2 of 12 scored sentences also occur in the train part"
    silver = replace(parts, dev=tuple(replace(one, annotation="silver") for one in parts.dev))
    with pytest.raises(InputError, match=r"differently \(train gold ud, dev silver ud"):
        words_of(tiny_tokenizer("wordpiece"), silver, "upos", max_length=64, say=said.append)
    alone = replace(parts, test=())
    words = words_of(tiny_tokenizer("wordpiece"), alone, "upos", max_length=64, say=said.append)
    assert words.split == "dev"
    assert words.test is words.dev
    assert said[-1].startswith("there is no test part")


def test_a_property_that_a_file_lacks_is_refused_in_one_line(files):
    parts = read_parts(**files, limit=4)
    with pytest.raises(InputError, match="no sentence of the train part has xpos"):
        words_of(tiny_tokenizer("wordpiece"), parts, "xpos", max_length=64, say=print)
