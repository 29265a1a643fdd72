from __future__ import annotations

from dataclasses import replace

import pytest
from probe_cases import random_sentence
from subprobe.data.errors import AnnotationError, ConfigError
from subprobe.data.sentences.sentence import ROOT, Sentence
from subprobe.probes.forward.held_out import halves, text_digest
from subprobe.probes.syntax.arcs import arcs_of
from subprobe.probes.syntax.offsets import offset_scores


def sentence(heads, deprels, *, name="s", words=None):
    return Sentence(
        id=name,
        words=tuple(words or (f"w{i}" for i in range(len(heads)))),
        heads=tuple(heads),
        deprels=tuple(deprels),
        annotation="gold",
        scheme="ud",
    )


def test_subtypes_are_merged_and_the_root_is_left_out():
    arcs = arcs_of(sentence([1, ROOT, 1], ["nsubj:pass", "root", "obj"]))
    assert arcs.relation.tolist() == ["nsubj", "obj"]
    assert arcs.dependent.tolist() == [0, 2]
    assert arcs.head.tolist() == [1, 1]


def test_an_offset_outside_the_sentence_is_wrong():
    # +2 is right twice and leaves the sentence once: clipping would call that third arc right.
    trees = [
        sentence([2, ROOT, 1, 2], ["det", "root", "x", "x"], words="abcd"),
        sentence([2, ROOT, 1], ["det", "root", "x"], words="abc"),
        sentence([1, ROOT], ["det", "root"], words="ab"),
    ]
    score = offset_scores(trees, selection="reported", min_count=1)["det"]
    assert (score.offset, score.correct, score.n) == (2, 2, 3)


def test_long_offsets_are_tried():
    tree = sentence([9, 0, 1, 2, 3, 4, 5, 6, 7, ROOT], ["far", *["x"] * 8, "root"])
    assert offset_scores([tree], selection="reported", min_count=1)["far"].offset == 9


def test_ties_go_to_the_shortest_then_the_leftward_offset():
    tree = sentence([1, ROOT, 1, 1], ["a", "root", "a", "a"])
    assert offset_scores([tree], selection="reported", min_count=1)["a"].offset == -1


def test_held_out_offsets_are_chosen_on_the_other_half():
    left = sentence([ROOT, 0], ["root", "a"], words=["left", "one"])
    right = sentence([1, ROOT], ["a", "root"], words=["right", "two"])
    side = dict(
        zip(("left", "right"), halves([text_digest(left), text_digest(right)]), strict=True)
    )
    assert sorted(side.values()) == [0, 1]
    score = offset_scores([left, right], min_count=1)["a"]
    assert score.offset == (-1 if side["left"] == 0 else 1)
    assert (score.correct, score.n) == (0, 1)
    both = offset_scores([left, right], selection="reported", min_count=1)["a"]
    assert (both.correct, both.n) == (1, 2)


def test_halves_are_even_keep_copies_together_and_ignore_order():
    trees = [random_sentence(f"s{i}", i % 15) for i in range(30)]
    digests = [text_digest(tree) for tree in trees]
    side = halves(digests)
    assert (side[:15] == side[15:]).all()
    assert abs(int(side[:15].sum()) - 7.5) < 1
    assert (halves(digests[::-1]) == side[::-1]).all()


def test_rare_relations_are_left_out():
    trees = [random_sentence(f"s{i}", i) for i in range(20)]
    scores = offset_scores(trees, selection="reported", min_count=25)
    assert list(scores)[-1] == "all"
    assert scores["all"].n == sum(len(tree.words) - 1 for tree in trees)
    assert all(score.n >= 25 for score in scores.values())
    assert len(scores) < len(offset_scores(trees, selection="reported", min_count=1))


def test_bad_input_is_refused():
    tree = random_sentence("s0", 0)
    with pytest.raises(AnnotationError, match="sentence 's1': no dependency tree"):
        offset_scores([tree, replace(tree, id="s1", heads=())])
    with pytest.raises(AnnotationError, match="gold clearnlp tree among gold ud trees"):
        offset_scores([tree, replace(tree, scheme="clearnlp")])
    with pytest.raises(AnnotationError, match="silver ud tree among gold ud trees"):
        offset_scores([tree, replace(tree, annotation="silver")])
    with pytest.raises(ConfigError, match="held-out or reported"):
        offset_scores([tree], selection="best")  # type: ignore[arg-type]


@pytest.mark.realdata
def test_baselines_of_ewt_dev(realdata):
    from subprobe.data.sentences.conllu_reader import read_conllu

    scores = offset_scores(
        read_conllu(realdata / "ud" / "en_ewt-ud-dev.conllu"), selection="reported"
    )
    published = {
        "det": (1, 0.589, 1841),
        "amod": (1, 0.747, 1326),
        "nsubj": (1, 0.339, 2137),
        "obj": (-2, 0.358, 1211),
    }
    found = {
        name: (scores[name].offset, round(scores[name].accuracy, 3), scores[name].n)
        for name in published
    }
    assert found == published
