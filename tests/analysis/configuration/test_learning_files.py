"""Which file plays which part: what options name, and what they leave open."""

import pytest
from learner import NAME, learner
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.configuration.learning_files import (
    LearningFiles,
    learning_files,
    scored_corpus,
)
from subprobe.data.errors import ConfigError

LEARNS, READS = (NAME,), ("attention-stats",)


@pytest.fixture(autouse=True)
def _known():
    with learner():
        yield


@pytest.mark.parametrize(
    ("given", "files", "scored", "learnt"),
    [
        ({}, {}, "generated", "generated"),
        ({"corpus": "natural"}, {}, "generated", "generated"),
        ({"corpus": "a/x.conllu"}, {"one": "a/x.conllu"}, "x.conllu", "x.conllu"),
        ({"corpus": "x", "test": "y"}, {"train": "x", "test": "y"}, "y", "x"),
        ({"corpus": "x", "train": "y"}, {"train": "y", "test": "x"}, "x", "y"),
        ({"train": "x", "test": "y"}, {"train": "x", "test": "y"}, "y", "x"),
        (
            {"train": "x", "dev": "z", "test": "y"},
            {"train": "x", "dev": "z", "test": "y"},
            "y", "x",
        ),
        ({"corpus": "x", "dev": "z", "test": "y"}, {"train": "x", "dev": "z", "test": "y"},
         "y", "x"),
    ],
)  # fmt: skip
def test_the_corpus_is_what_the_others_leave_open(given, files, scored, learnt):
    found = learning_files(ProbeOptions(names=LEARNS, **given))
    assert found == LearningFiles(**files)
    assert (found.name, found.learnt, found.generated) == (scored, learnt, not files)
    assert found.paths == list(files.values())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": "x"}, "a file to score on is missing; add `test`"),
        ({"test": "x"}, "a file to train on is missing; add `train`"),
        ({"dev": "x"}, "a file to train on is missing"),
        ({"dev": "x", "corpus": "y"}, "a file to train on is missing"),
        ({"train": "x", "test": "y", "corpus": "z"}, "`corpus`: is not read, because"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        learning_files(ProbeOptions(names=LEARNS, **given))


@pytest.mark.parametrize("part", ["train", "dev"])
def test_texts_that_nothing_learns_from_are_refused(part):
    with pytest.raises(ConfigError, match=f"`{part}`: no requested probe is trained"):
        learning_files(ProbeOptions(names=READS, **{part: "x"}))


def test_probes_that_learn_nothing_read_the_test_part():
    assert scored_corpus(ProbeOptions(names=READS)) == "natural"
    assert scored_corpus(ProbeOptions(names=READS, corpus="x")) == "x"
    assert scored_corpus(ProbeOptions(names=READS, corpus="x", test="y")) == "y"
    assert learning_files(ProbeOptions(names=READS, corpus="x", test="y")).one == "x"
