"""Which input is the partner of an input, and how mask files hold the pool."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from subprobe.data.errors import ConfigError, InputError, MaskError, UnknownNameError
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.models.ablation.pairing import paired
from subprobe.models.ablation.resampled import resampled
from subprobe.models.partners.donors import Donors, Table, read_donors
from subprobe.models.partners.drawing import MATCHES, Drawn, Paired, read_partners
from subprobe.models.partners.input_rows import InputRow, input_rows
from subprobe.models.partners.replaced_states import aligned_places
from tiny import tiny_tokenizer
from toy_parts import toy_examples, toy_parts


def row(*ids, types=None):
    return InputRow(
        np.array(ids, dtype=np.int32),
        np.array(types or [0] * len(ids), dtype=np.uint8),
    )


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    return [row(n, *rng.integers(5, 90, size=rng.integers(1, 7))) for n in range(count)]


def test_padding_on_either_side_is_not_part_of_an_input():
    ids = np.array([[7, 8, 0, 0], [0, 0, 7, 8], [7, 8, 9, 0]])
    found = input_rows(ids, ids != 0)
    assert [one.ids.tolist() for one in found] == [[7, 8], [7, 8], [7, 8, 9]]
    assert found[0].key == found[1].key != found[2].key


def test_options_of_questions_are_inputs_of_their_own():
    ids = np.arange(24).reshape(2, 3, 4)
    assert [one.ids.tolist() for one in input_rows(ids)] == ids.reshape(6, 4).tolist()


def test_segments_are_part_of_the_content():
    assert row(1, 2).key == row(1, 2, types=[0, 0]).key != row(1, 2, types=[0, 1]).key


def test_the_key_is_the_same_on_every_machine():
    assert row(101, 7592, 102).key == -1198744570118779098


@pytest.mark.parametrize("match", ["any", "length"])
def test_no_input_is_its_own_partner(match):
    pool = rows(12)
    drawn = Drawn(Donors.of(pool), 3, match)
    assert all(drawn.of(one) != place for place, one in enumerate(pool))


def test_draws_are_uniform_and_depend_on_the_seed():
    pool, asked = rows(5), rows(4000, seed=1)
    counts = np.bincount([Drawn(Donors.of(pool), 0).of(one) for one in asked], minlength=5)
    # 5 standard deviations of a binomial count around 800
    assert np.abs(counts - 800).max() < 127
    first = [Drawn(Donors.of(pool), 0).of(one) for one in asked[:50]]
    other = [Drawn(Donors.of(pool), 1).of(one) for one in asked[:50]]
    assert first != other


def test_the_nearest_length_is_preferred():
    pool = [row(1, 2), row(3, 4), row(5, 6, 7, 8), row(9, 10, 11, 12, 13)]
    drawn = Drawn(Donors.of(pool), 0, "length")
    assert {drawn.of(row(50, n)) for n in range(30)} == {0, 1}
    # 3 subwords: 2 and 4 are equally near; the input itself never counts
    assert {drawn.of(row(50, 51, n)) for n in range(60)} == {0, 1, 2}
    assert drawn.of(pool[3]) == 2


def test_a_partner_has_the_same_class_where_the_class_is_known():
    pool = rows(20)
    own = np.array([0, 1] * 10, dtype=np.int32)
    asked = rows(40, seed=1)
    known = Table.of({one.key: place % 2 for place, one in enumerate(asked)})
    drawn = Drawn(Donors.of(pool), 0, "label", own, known)
    assert all(drawn.of(one) % 2 == place % 2 for place, one in enumerate(asked))
    unknown = [drawn.of(one) % 2 for one in rows(40, seed=2)]
    assert set(unknown) == {0, 1}


def test_label_and_length_match_together():
    pool = [row(1, 2), row(3, 4), row(5, 6, 7), row(8, 9, 10)]
    own = np.array([0, 1, 0, 1], dtype=np.int32)
    asked = {(50, n): n % 2 for n in range(20)}
    known = Table.of({row(*ids).key: label for ids, label in asked.items()})
    drawn = Drawn(Donors.of(pool), 0, "label-length", own, known)
    assert all(drawn.of(row(*ids)) == label for ids, label in asked.items())


@given(st.integers(1, 60), st.integers(1, 60))
def test_alignment_keeps_both_ends_and_the_order(own, theirs):
    places = aligned_places(own, theirs)
    assert len(places) == own
    assert places[0] == 0
    assert own == 1 or places[-1] == theirs - 1
    assert (np.diff(places) >= 0).all()
    if own == theirs:
        assert places.tolist() == list(range(own))
    exact = [p * (theirs - 1) / max(own - 1, 1) for p in range(own)]
    assert np.abs(places - exact).max() <= 0.5


@pytest.mark.parametrize("match", MATCHES)
def test_a_mask_file_gives_the_same_partners(match):
    found = resampled(tiny_tokenizer("wordpiece"), toy_parts(), max_length=32, seed=5, match=match)
    again = read_partners("resample", found.arrays())
    asked = rows(50, seed=3)
    assert [found.of(one) for one in asked] == [again.of(one) for one in asked]
    second = resampled(tiny_tokenizer("wordpiece"), toy_parts(), max_length=32, seed=5, match=match)
    for name, array in found.arrays().items():
        assert array.tobytes() == second.arrays()[name].tobytes()


def test_partners_of_the_toy_task_share_its_class():
    parts = toy_parts()
    tokenizer = tiny_tokenizer("wordpiece")
    drawn = resampled(tokenizer, parts, max_length=64, match="label")
    for example in parts.report:
        ids = tokenizer(example.texts()[0])["input_ids"]
        partner = drawn.donors.row(drawn.of(row(*ids)))
        word = tokenizer.decode(partner.ids, skip_special_tokens=True).split()[0]
        assert word == ("cats", "dogs")[int(example.label or 0)]


def test_the_pool_has_at_most_the_size_asked_for():
    drawn = resampled(tiny_tokenizer("wordpiece"), toy_parts(train=90), max_length=32, pool=20)
    assert len(drawn.donors) == 20
    of_class = resampled(
        tiny_tokenizer("wordpiece"), toy_parts(train=90), max_length=32, pool=20, match="label"
    )
    assert np.bincount(of_class.own_labels).tolist() == [10, 10]


@pytest.mark.parametrize(
    ("parts", "options", "error", "said"),
    [
        (toy_parts(), {"match": "size"}, UnknownNameError, "unknown match of partners 'size'"),
        (toy_parts(1), {"match": "label"}, ConfigError, "has no classes"),
        (
            replace(toy_parts(), train=toy_examples(1)),
            {},
            InputError,
            "fewer than 2 different inputs",
        ),
        (
            replace(toy_parts(), train=toy_examples(3)),
            {"match": "label"},
            InputError,
            "1 different input of the class label 1",
        ),
        (
            replace(toy_parts(3), train=toy_examples(8)),
            {"match": "label"},
            InputError,
            "0 different inputs of the class label 2",
        ),
    ],
)
def test_a_pool_that_cannot_work_is_refused(parts, options, error, said):
    with pytest.raises(error, match=said):
        resampled(tiny_tokenizer("wordpiece"), parts, max_length=32, **options)


OTHER = {"cats": "keys", "dogs": "foxs"}
"""Words with as many pieces: one, and two."""


def in_other_words(text):
    first, rest = text.split(" ", 1)
    return f"{OTHER[first]} {rest}"


def paired_examples(count, other=in_other_words):
    return tuple(
        replace(one, counterfactuals=((other(one.texts()[0]),),)) for one in toy_examples(count)
    )


def parts_of(examples):
    return replace(toy_parts(), train=examples, selection=examples[:4], report=examples[4:])


def test_the_pair_of_an_example_is_found_by_its_content():
    examples = paired_examples(12)
    tokenizer = tiny_tokenizer("wordpiece")
    found = paired(tokenizer, parts_of(examples), max_length=32)
    again = read_partners("counterfactual", found.arrays())
    for example in examples:
        own = row(*tokenizer(example.texts()[0])["input_ids"])
        expected = tokenizer(example.counterfactuals[0][0])["input_ids"]
        assert found.donors.row(found.of(own)).ids.tolist() == expected
        assert again.of(own) == found.of(own)


def test_the_first_counterfactual_of_equal_length_is_taken():
    example = Example("e", plain_sentence("e", "cats sleep"), label=0)
    example = replace(example, counterfactuals=(("a b c d e",), ("keys sleep",), ("the sleep",)))
    tokenizer = tiny_tokenizer("wordpiece")
    found = paired(tokenizer, parts_of((example,)), max_length=32)
    assert found.donors.row(0).ids.tolist() == tokenizer("keys sleep")["input_ids"]


def test_a_counterfactual_of_another_length_is_one_clear_line():
    examples = paired_examples(6, other=lambda text: f"{text} table")
    with pytest.raises(InputError) as caught:
        paired(tiny_tokenizer("wordpiece"), parts_of(examples), max_length=32)
    assert "the counterfactual of e0 has" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_examples_without_a_counterfactual_are_counted():
    examples = (*paired_examples(6), *toy_examples(9)[6:])
    with pytest.raises(InputError, match="3 of 9 examples have no counterfactual, such as e6"):
        paired(tiny_tokenizer("wordpiece"), parts_of(examples), max_length=32)


def test_an_input_without_a_counterfactual_is_refused():
    pairs = Paired(Donors.of([row(1, 2)]), Table.of({row(3, 4).key: 0}))
    assert pairs.of(row(3, 4)) == 0
    with pytest.raises(MaskError, match="no counterfactual for an input of 3 subwords"):
        pairs.of(row(3, 4, 5))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("donors.ids", None),
        ("donors.ids", np.array([1.0, 2.0], dtype=np.float32)),
        ("donors.ids", np.array([-1] * 9, dtype=np.int32)),
        ("donors.lengths", np.array([4, 4], dtype=np.int32)),
        ("donors.lengths", np.array([9, 0], dtype=np.int32)),
        ("donors.types", np.zeros(3, dtype=np.uint8)),
        ("donors.rule", np.array([0, 9])),
        ("donors.rule", np.array([-1, 0])),
        ("donors.labels", np.array([0], dtype=np.int32)),
        ("labels.keys", np.array([2, 1])),
        ("labels.values", np.array([0, 7], dtype=np.int32)),
    ],
)
def test_damaged_arrays_are_refused_in_one_line(name, array):
    donors = Donors.of([row(1, 2, 3, 4), row(5, 6, 7, 8, 9)])
    sound = Drawn(donors, 0, "label", np.array([0, 1], np.int32), Table.of({1: 0, 2: 1})).arrays()
    assert len(read_partners("resample", sound).donors) == 2
    damaged = {key: one for key, one in sound.items() if key != name}
    damaged |= {} if array is None else {name: array}
    with pytest.raises(MaskError) as caught:
        read_partners("resample", damaged)
    assert "\n" not in str(caught.value)


def test_a_pool_that_is_too_large_for_a_file_is_refused(monkeypatch):
    monkeypatch.setattr("subprobe.models.partners.donors.MAX_SUBWORDS", 10)
    assert len(Donors.of([row(*range(10))])) == 1
    with pytest.raises(MaskError, match="2 inputs with 11 subwords are too many"):
        Donors.of([row(*range(10)), row(1)])
    assert read_donors(Donors.of([row(1)]).arrays()).row(0).ids.tolist() == [1]
