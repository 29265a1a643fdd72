"""Match outputs with classes: by name, by position, or as specified by the user."""

import pytest
from subprobe.data.errors import CheckpointError, ConfigError
from subprobe.data.tasks.class_order import class_order, parse_pairs, plain, unnamed

MNLI = ("entailment", "neutral", "contradiction")


def order(classes, names, *pairs):
    return class_order("mnli", classes, names, pairs, where="./m")


@pytest.mark.parametrize(
    ("classes", "names", "outputs"),
    [
        (MNLI, MNLI, (0, 1, 2)),
        (MNLI, ("contradiction", "entailment", "neutral"), (1, 2, 0)),
        (MNLI, ("CONTRADICTION", "Neutral", "ENTAILMENT"), (2, 1, 0)),
        (("not_entailment", "entailment"), ("ENTAILMENT", "Not-Entailment"), (1, 0)),
        (("not entailment", "entailment"), ("entailment", "not__entailment"), (1, 0)),
        (("-1", "0", "1"), ("1", "0", "-1"), (2, 1, 0)),
        # names of a task's own come before placeholders
        (("LABEL_1", "LABEL_0"), ("LABEL_0", "LABEL_1"), (1, 0)),
        # spelled apart by case alone: only the exact names part them
        (("Yes", "yes"), ("yes", "Yes"), (1, 0)),
    ],
)
def test_names_decide(classes, names, outputs):
    found = order(classes, names)
    assert found.outputs == tuple((output,) for output in outputs)
    assert (found.by, found.said, found.merges) == ("name", "", False)
    assert [plain(names[group[0]]) for group in found.outputs] == [plain(name) for name in classes]


def test_placeholders_are_places_and_that_is_said():
    found = order(MNLI, ("LABEL_0", "label_1", "LABEL_2"))
    assert found.outputs == ((0,), (1,), (2,))
    assert found.by == "place"
    assert "entailment = LABEL_0, neutral = label_1" in found.said
    assert not unnamed(("LABEL_1", "LABEL_0"))


@pytest.mark.parametrize(
    "names",
    [
        ("yes", "no", "maybe"),
        ("entailment", "not_entailment"),
        ("LABEL_0", "LABEL_1"),
        ("LABEL_2", "LABEL_1", "LABEL_0"),
        ("entailment", "LABEL_1", "LABEL_2"),
        ("entailment", "neutral", "contradiction", "other"),
    ],
)
def test_other_names_are_refused_with_both_lists(names):
    with pytest.raises(CheckpointError) as caught:
        order(MNLI, names)
    line = str(caught.value)
    assert line.startswith("./m: ")
    assert ", ".join(names) in line
    assert ", ".join(MNLI) in line
    assert "`labels`" in line


def test_names_that_differ_in_spelling_alone_are_never_guessed():
    with pytest.raises(CheckpointError):
        order(("Yes", "yes"), ("YES", "yes"))


def test_given_names_decide_and_the_rest_is_found_by_name():
    found = order(MNLI, ("c", "ENTAILMENT", "n"), ("neutral", "n"), ("contradiction", "C"))
    assert found.outputs == ((1,), (2,), (0,))
    assert found.by == "given"
    assert "neutral = n" in found.said


def test_several_outputs_may_mean_one_class():
    hans = ("entailment", "non-entailment")
    pairs = [("non-entailment", "neutral"), ("non-entailment", "contradiction")]
    found = order(hans, MNLI, *pairs)
    assert found.outputs == ((0,), (1, 2))
    assert found.merges
    # the other way round is understood as well
    assert order(hans, MNLI, *[(b, a) for a, b in pairs]).outputs == found.outputs


def test_placeholders_can_be_given():
    pairs = list(zip(MNLI, ("LABEL_2", "LABEL_1", "LABEL_0"), strict=True))
    assert order(MNLI, ("LABEL_0", "LABEL_1", "LABEL_2"), *pairs).outputs == ((2,), (1,), (0,))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("maybe", "n")], "'maybe' is not a class of mnli"),
        ([("neutral", "m")], "'m' is not a class of the model"),
        ([("neutral", "n")], "of the model c and of mnli contradiction"),
        ([("neutral", "n"), ("neutral", "c")], "of mnli contradiction"),
        ([("neutral", "n"), ("contradiction", "n")], "'n' is matched with both 'neutral' and"),
    ],
)
def test_incomplete_pairs_are_refused(pairs, said):
    with pytest.raises(ConfigError, match=said):
        order(MNLI, ("c", "entailment", "n"), *pairs)


def test_pairs_are_read_from_text():
    assert parse_pairs(["a=A, b = B", "c=C"]) == (("a", "A"), ("b", "B"), ("c", "C"))
    assert parse_pairs(['"one, two=X",b=B']) == (("one, two", "X"), ("b", "B"))
    for text in ("a", "a=", "=A", "a=A,,b=B"):
        with pytest.raises(ConfigError, match="is not a pair of names"):
            parse_pairs([text])
