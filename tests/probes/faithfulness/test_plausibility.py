from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from probe_cases import random_examples, tiny_context
from subprobe.data.encoding.alignment import encode_texts
from subprobe.data.errors import AnnotationError, InputError
from subprobe.data.sentences.annotate import split_words
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.probes.attribution.settings import AttributionSettings
from subprobe.probes.attribution.word_scores import word_scores
from subprobe.probes.faithfulness.plausibility import run_plausibility
from subprobe.probes.faithfulness.rationale_agreement import (
    auprc,
    marked_words,
    random_auprc,
    token_f1,
)
from subprobe.probes.forward.texts import read_texts
from subprobe.probes.named import run_named_probes
from subprobe.probes.registry import find_probe

GRADIENT = ("input-x-gradient",)


def test_words_that_share_a_character_with_the_rationale_are_marked():
    texts = [plain_sentence("a", "It isn't good, sadly."), plain_sentence("b", "No, never.")]
    first, second = split_words(texts)
    assert first.words == ("It", "isn't", "good", ",", "sadly", ".")
    example = Example("e", first, second, rationale=((0, 3, 7), (0, 9, 14), (1, 0, 2)))
    kept = tuple(
        (segment, i) for segment, one in enumerate((first, second)) for i in range(len(one.words))
    )
    marked = marked_words(example, kept)
    words = [(first, second)[segment].words[i] for segment, i in kept]
    assert [word for word, mark in zip(words, marked, strict=True) if mark] == [
        "isn't", "good", ",", "No",
    ]  # fmt: skip
    assert marked_words(example, kept[2:4]).tolist() == [True, True]


def plain_auprc(scores, marked):
    """Trapezoids under precision over recall, a threshold at each score."""
    points = [(0.0, 1.0)]
    for threshold in sorted(set(scores), reverse=True):
        taken = [mark for score, mark in zip(scores, marked, strict=True) if score >= threshold]
        points.append((sum(taken) / sum(marked), sum(taken) / len(taken)))
    return sum(
        (after[0] - before[0]) * (after[1] + before[1]) / 2 for before, after in pairwise(points)
    )


def test_agreement_is_that_of_plain_counts():
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.integers(-3, 4, 8).astype(float)
        marked = rng.random(8) < 0.4
        marked[rng.integers(8)] = True
        assert auprc(scores, marked) == pytest.approx(plain_auprc(scores, marked))
        top = set(sorted(range(8), key=lambda i: -scores[i])[:3])
        found, _ = token_f1(scores, marked, 3)
        gold = set(np.flatnonzero(marked))
        precision, recall = len(top & gold) / 3, len(top & gold) / len(gold)
        both = precision + recall
        assert found == pytest.approx(2 * precision * recall / both if both else 0)
    every = [
        token_f1(np.array(order, dtype=float), np.array([1, 1, 0, 0, 0], dtype=bool), 3)
        for order in permutations(range(5))
    ]
    assert np.mean([one for one, _ in every]) == pytest.approx(every[0][1])
    assert auprc(np.array([3.0, 2, 1]), np.array([True, True, False])) == 1
    areas = [
        auprc(np.array(order, dtype=float), np.array([True, True, False, False, False]))
        for order in permutations(range(5))
    ]
    assert random_auprc(5, 2, 400, 0) == pytest.approx(np.mean(areas), abs=0.05)


@pytest.fixture(scope="module")
def context():
    return tiny_context("bert", "classification")


def marked_examples(n=6, **options):
    """Examples whose third and, in odd ones, first word is marked."""
    found = []
    for number, example in enumerate(random_examples(n, **options)):
        words = example.first.words
        starts = np.cumsum([0, *(len(word) + 1 for word in words)])
        places = [2 % len(words), *([0] if number % 2 else [])]
        spans = tuple((0, int(starts[i]), int(starts[i]) + len(words[i])) for i in sorted(places))
        found.append(replace(example, rationale=spans))
    return found


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("scores", ["signed", "absolute"])
def test_numbers_are_means_over_texts(context, pairs, scores):
    examples = marked_examples(pairs=pairs)
    result = run_plausibility(context, examples, method=GRADIENT, scores=scores, seed=2)
    found = word_scores(context, read_texts(context, examples), AttributionSettings(*GRADIENT))
    marks = [marked_words(example, one.kept) for example, one in zip(examples, found, strict=True)]
    share = np.mean([one.mean() for one in marks])
    assert result.notes["rationale_share"] == pytest.approx(share)
    expected = {"token_f1": [], "auprc": []}
    for one, marked in zip(found, marks, strict=True):
        words = np.abs(one.words) if scores == "absolute" else one.words
        count = max(1, round(share * len(words)))
        expected["token_f1"].append(token_f1(words, marked, count))
        expected["auprc"].append(
            (plain_auprc(words, marked), random_auprc(len(words), int(marked.sum()), 20, 2))
        )
    rows = result.rows.set_index("metric")
    for metric, values in expected.items():
        value, null = np.mean(values, axis=0)
        assert rows.loc[metric, "value"] == pytest.approx(value)
        assert rows.loc[metric, "baseline_value"] == pytest.approx(null)
    assert set(rows["variant"]) == {f"input-x-gradient;scores={scores}"}


def test_scores_that_know_the_rationale_are_perfect(context, monkeypatch):
    import subprobe.probes.faithfulness.plausibility as module

    def knowing(context, texts, settings, progress=None):
        given = word_scores(context, texts, settings, progress)
        return [
            replace(one, words=marked_words(example, one.kept).astype(float))
            for example, one in zip(texts.examples, given, strict=True)
        ]

    monkeypatch.setattr(module, "word_scores", knowing)
    rows = run_plausibility(context, marked_examples(), method=GRADIENT).rows.set_index("metric")
    assert rows.loc["auprc", "value"] == 1
    assert rows.loc["token_f1", "value"] > rows.loc["token_f1", "baseline_value"] + 0.2


def test_texts_without_a_rationale_are_left_out_and_counted(context):
    examples = marked_examples()
    some = [replace(examples[0], rationale=None), replace(examples[1], rationale=()), *examples[2:]]
    options = {"plausibility": {"method": GRADIENT}}
    (found,) = run_named_probes(context, some, ["plausibility"], options=options)
    assert set(found.rows["n"]) == {4}
    assert set(found.rows["n_dropped"]) == {2}
    assert found.notes["n_unmarked"] == 1
    assert found.notes["plausibility_n_without_rationale"] == 1
    (alone,) = run_named_probes(context, some[2:], ["plausibility"], options=options)
    areas = [one.rows.set_index("metric").loc["auprc", "value"] for one in (found, alone)]
    assert areas[0] == pytest.approx(areas[1])


def test_bad_input_is_refused(context):
    examples = random_examples(2)
    bare = [replace(one, rationale=None) for one in examples]
    with pytest.raises(AnnotationError, match=r"no human rationale.*rationale=\.\.\."):
        run_named_probes(context, bare, ["plausibility"])
    unmarked = [replace(one, rationale=()) for one in examples]
    with pytest.raises(InputError, match="the rationales mark no word that the model reads"):
        run_plausibility(context, unmarked)
    with pytest.raises(InputError, match="task head"):
        run_plausibility(tiny_context("bert"), examples)
    assert find_probe("plausibility").needs == ("rationale",)


def test_offsets_of_a_rationale_are_those_of_the_raw_text():
    context = tiny_context("bert", "classification")
    text = plain_sentence("a", "A  good   film.")
    (read,) = split_words([text])
    example = Example("e", read, rationale=((0, 10, 14),))
    (encoded,) = encode_texts(context.tokenizer, [read], max_length=32)
    kept = tuple((0, i) for i in range(encoded.n_words_kept[0]))
    assert marked_words(example, kept).tolist() == [False, False, True, False]
