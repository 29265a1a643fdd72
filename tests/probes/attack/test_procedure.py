"""TextFooler gives the texts of a plain implementation, whatever is answered together."""

from functools import partial
from itertools import product

import numpy as np
import pytest
from attack_cases import (
    attacked_context,
    made_candidates,
    made_examples,
    made_source,
    made_tag,
    made_tags,
    no_source,
    tiny_encoder,
)
from benchmark_code import load
from subprobe.probes.attack.answers import classifying
from subprobe.probes.attack.attack import attack_with
from subprobe.probes.attack.attacked_text import AttackedText, is_stop_word
from subprobe.probes.attack.procedure import Rule, authors_choice, importance, textattack_choice
from subprobe.probes.attack.sources import spelled
from tiers import mostly_slow

PLAIN = load("one_query_at_a_time")
AUTHORS = Rule("authors", 0.7)
TEXTATTACK = Rule("textattack", 0.7)


def attacked(context, examples, rule=AUTHORS, source=made_source, batch_size=16):
    """The outcomes, with labels that the model predicts for two of three examples."""
    texts = [AttackedText.of(one) for one in examples]
    with classifying(context, batch_size) as classifier:
        said = classifier([one.read for one in texts]).argmax(axis=1)
        labels = [int(one) if n % 3 else 1 - int(one) for n, one in enumerate(said)]
        found = attack_with(
            classifier, texts, labels, source, rule, tagger=made_tags,
            encoder=tiny_encoder(batch_size),
        )  # fmt: skip
    return labels, found


@pytest.mark.parametrize(
    ("pairs", "threshold"), mostly_slow(product([False, True], [0.5, 0.9]), [(True, 0.5)])
)
def test_a_plain_implementation_makes_the_same_texts(pairs, threshold):
    context, examples = attacked_context(), made_examples(pairs=pairs)
    labels, found = attacked(context, examples, Rule("authors", threshold))
    encoder = tiny_encoder()
    with classifying(context, 1) as classifier:
        for example, label, one in zip(examples, labels, found, strict=True):
            words = AttackedText.of(example).words
            text, changed, queries, predicted = PLAIN.fool(
                example.texts(),
                label,
                {n: spelled(made_candidates(word), word) for n, word in enumerate(words)},
                probabilities=lambda asked: classifier([asked])[0],
                tag=lambda tokens, spaces, place: made_tag(tokens[place]),
                vector=lambda asked: encoder([asked])[0],
                stop_word=is_stop_word,
                threshold=threshold,
            )
            assert one.text.text == text
            assert len(one.replaced) == changed
            assert one.queries == queries
            assert int(one.after.argmax()) == predicted
    changed = [len(one.replaced) for one in found if one.attacked]
    assert len(set(changed)) > 2
    if threshold == 0.5 and not pairs:
        flipped = [one.after.argmax() != one.before.argmax() for one in found if one.attacked]
        assert 0 < sum(flipped) < len(flipped)


@pytest.mark.parametrize("rule", [AUTHORS, TEXTATTACK])
def test_an_attack_without_candidates_changes_nothing(rule):
    examples = made_examples()
    labels, found = attacked(attacked_context(), examples, rule, no_source)
    for example, label, one in zip(examples, labels, found, strict=True):
        assert one.text.text == example.first.raw_text()
        assert one.after.tolist() == one.before.tolist()
        assert one.attacked == (one.before.argmax() == label)
        words = one.text.words
        if rule is TEXTATTACK:
            words = [word for word in words if not is_stop_word(word)]
        assert one.queries == 1 + one.attacked * len(words)


@pytest.mark.parametrize("rule", mostly_slow([AUTHORS, TEXTATTACK], [TEXTATTACK]))
def test_batch_size_and_neighbours_change_nothing(rule):
    context, examples = attacked_context(), made_examples(n=36)
    whole = attacked(context, examples, rule, batch_size=64)[1]
    single = attacked(context, examples, rule, batch_size=1)[1]
    alone = [attacked(context, [example] * 2, rule)[1][1] for example in examples[1:4]]
    for one, other in [*zip(whole, single, strict=True), *zip(whole[1:4], alone, strict=True)]:
        if other is not None and one.attacked and other.attacked:
            assert one.text == other.text
            assert dict(one.replaced) == dict(other.replaced)
            assert one.queries == other.queries
            np.testing.assert_allclose(one.after, other.after, atol=2e-6)
    assert any(one.replaced for one in whole)


@pytest.mark.parametrize("rule", mostly_slow([AUTHORS, TEXTATTACK], [TEXTATTACK]))
def test_attacks_only_change_what_they_may(rule):
    examples = made_examples(n=24, pairs=True)
    labels, found = attacked(attacked_context(), examples, rule)
    for example, label, one in zip(examples, labels, found, strict=True):
        before = AttackedText.of(example)
        assert one.text.before == (example.first.raw_text(),)
        assert one.text.gaps == before.gaps
        assert 0 <= one.share <= 1
        changed = [n for n, w in enumerate(before.words) if w != one.text.words[n]]
        assert sorted(one.replaced) == changed
        for number in changed:
            assert not is_stop_word(before.words[number])
            assert made_tag(one.text.words[number]) == made_tag(before.words[number]) or {
                made_tag(one.text.words[number]), made_tag(before.words[number])
            } == {"NOUN", "VERB"}  # fmt: skip
        if not one.attacked:
            assert not one.replaced
        elif changed:
            assert one.after.argmax() != label or one.after[label] < one.before[label]


def test_each_question_is_asked_once():
    context, examples = attacked_context(), made_examples()
    seen: list[tuple[str, ...]] = []
    texts = [AttackedText.of(one) for one in examples]
    with classifying(context, 64) as classifier:

        def counting(asked):
            seen.extend(asked)
            return classifier(asked)

        labels = classifier([one.read for one in texts]).argmax(axis=1).tolist()
        found = attack_with(
            counting, texts, labels, made_source, AUTHORS, tagger=made_tags, encoder=tiny_encoder()
        )
    assert len(seen) == len(set(seen))
    assert len(seen) <= sum(one.queries for one in found)


def test_importance_adds_the_gain_of_a_new_class():
    before = np.array([0.6, 0.3, 0.1])
    assert importance(np.array([0.5, 0.4, 0.1]), before, 0) == pytest.approx(0.1)
    # .6 - .2 for the class, .7 - .1 for the new one
    assert importance(np.array([0.2, 0.1, 0.7]), before, 0) == pytest.approx(1.0)


def test_the_most_similar_of_the_flipping_candidates_wins():
    found = [np.array([p, 1 - p]) for p in (0.1, 0.4, 0.45, 0.7, 0.95)]
    choose = partial(authors_choice, found, label=0, before=np.array([0.9, 0.1]))
    assert choose(similar={0: 0.6, 1: 0.8, 2: 0.8, 3: 0.99}) == 1
    assert choose(similar={3: 0.6, 4: 0.9}) == 3
    assert choose(similar={4: 0.9}) is None
    assert choose(similar={}) is None


def test_textattack_compares_with_the_current_text():
    found = [np.array([p, 1 - p]) for p in (0.7, 0.1, 0.4)]
    similar = {0: 0.9, 1: 0.6, 2: 0.8}
    assert textattack_choice(found, similar, 0, np.array([0.9, 0.1])) == 2
    assert textattack_choice(found[:1], similar, 0, np.array([0.9, 0.1])) == 0
    assert textattack_choice(found[:1], similar, 0, np.array([0.6, 0.4])) is None
    unknown = dict.fromkeys(similar, float("nan"))
    assert textattack_choice(found, unknown, 0, np.array([0.9, 0.1])) == 1
