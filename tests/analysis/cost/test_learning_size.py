"""How much probes that learn read, by their files, and what their cells are expected to take."""

import gzip

import pytest
from learner import NAME, learner
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.cost.inputs import planned
from subprobe.analysis.cost.learning_size import learning_size
from subprobe.analysis.plan.whole_run import read_plan
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.upkeep.room import room_needed
from subprobe.data.generated_treebank import SENTENCES, treebank
from tiny_run import tiny_config
from treebanks import write_conllu

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _known():
    with learner():
        yield


def size(**probe):
    given = {"names": [NAME], "sentences": 10_000, "train_sentences": 10_000, **probe}
    return learning_size(parse_config({"probe": given}, where="test"))


def test_the_generated_treebank_has_its_sizes():
    found = size()
    assert (found.train, found.others) == (SENTENCES["train"], 750)
    parts = treebank()
    every = [*parts.train, *parts.dev, *parts.test]
    assert found.words == pytest.approx(sum(len(s.words) for s in every) / len(every), rel=0.05)
    assert (size(sentences=7).others, size(train_sentences=5).train) == (14, 5)


@pytest.mark.parametrize("suffix", [".conllu", ".conllu.gz"])
def test_sentences_and_words_of_treebanks_are_counted(tmp_path, suffix):
    parts = treebank({"train": 40, "dev": 4, "test": 12})
    train = write_conllu(tmp_path / f"train{suffix}", parts.train)
    test = write_conllu(tmp_path / f"test{suffix}", parts.test)
    found = size(train=train, test=test)
    assert (found.train, found.others) == (40, 12)
    words = sum(len(s.words) for s in (*parts.train, *parts.test))
    assert found.words == pytest.approx(words / 52)
    one = size(corpus=train)
    assert (one.train, one.others) == (32, 8)


def test_lines_of_text_are_sentences(tmp_path):
    text = "one two three\n\nfour five\n" * 10
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("a.txt", "b.txt.gz"):
        found = size(corpus=str(tmp_path / name))
        assert (found.train, found.others, found.words) == (16, 4, 2.5)


def test_nothing_is_learnt_by_other_probes():
    found = learning_size(parse_config({"probe": {"names": ["attention-stats"]}}, where="test"))
    assert found.count == 0


def test_states_take_four_bytes_a_number():
    found = size(train_sentences=10, sentences=5)
    assert found.states(6, 384) == pytest.approx(20 * found.words * 7 * 384 * 4)


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({}, "in the run folder; those used last stay, up to 20 GiB, while the run is computed, "
             "and they are removed when it is done"),
        ({"cache": "kept", "cache_limit": 3}, "in kept; those used last stay, up to 3 GiB"),
    ],
)  # fmt: skip
def test_a_plan_says_what_states_take(tiny_encoder, probe, said):
    config = tiny_config(
        tiny_encoder, probe={"names": [NAME], "sentences": 20, "train_sentences": 40, **probe}
    )
    found = planned(config, None, Silent())
    [line] = [line for line in found.said if "hidden states" in line]
    gib = 80 * 8.5 * 3 * 32 * 4 / 2**30
    assert line.startswith(f"hidden states of each probed model take {gib:.2g} GiB ")
    assert said in line
    amounts = {name: found.work.of(found.graph[name]) for name in found.graph.cells}
    own = {name: one for name, one in amounts.items() if name.endswith(f"/probe/{NAME}")}
    again = own.pop(f"acceptability/seed2/pretrained/probe/{NAME}")
    assert again.kind == "other"
    assert {one.kind for one in own.values()} == {"probe"}
    assert min(one.value for one in own.values()) > 0


def test_room_is_needed_for_states(tiny_encoder, tmp_path):
    def room(**probe):
        given = {"names": [NAME], "sentences": 20, "train_sentences": 40, "draws": 1, **probe}
        run, _ = read_plan(tiny_config(tiny_encoder, probe=given), tmp_path, Silent())
        return room_needed(run)

    one = 80 * 8.5 * 3 * 32 * 4
    # per seed: full, pretrained, untrained, good, random, bad, and three retrained
    assert room() - room(cache_limit=1 / 2**30) == pytest.approx(2 * 9 * one, rel=0.01)
