"""The generated tasks are no toys: classifiers over words, bigrams and lengths stay at chance."""

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from subprobe.data.generator import acceptability, entailment
from tiers import mostly_slow

SEED = 3
SIZES = {"train": 1200, "validation": 120, "test": 1200}
TASKS = {"acceptability": acceptability, "entailment": entailment}
TOKEN = r"\w+|[^\w\s]"


@cache
def generated(task: str):
    return TASKS[task](SEED, SIZES)


def flat(examples):
    return [f"^ {' | '.join(e.texts())} $" for e in examples]


def lengths(examples):
    return np.array([[len(e.first.words), len(e.first.text)] for e in examples], dtype=float)


def word_counts(examples):
    return np.array([[len(text.split()) for text in e.texts()] for e in examples], dtype=float)


def bag(n, **options):
    return make_pipeline(
        FunctionTransformer(flat),
        CountVectorizer(token_pattern=TOKEN, ngram_range=(1, n), **options),
    )


def last_only(examples):
    return [e.texts()[-1] for e in examples]


def overlap(examples):
    """How many and which share of the hypothesis' words the premise holds, and both lengths."""
    rows = []
    for e in examples:
        first, second = (
            text.lower().rstrip(".?").split() for text in (e.texts()[0], e.texts()[-1])
        )
        held = [word in first for word in second]
        rows.append([np.sum(held), np.mean(held), len(first), len(second)])
    return np.array(rows)


PAIR_CLASSIFIERS = {
    "hypothesis only": lambda: make_pipeline(
        FunctionTransformer(last_only),
        CountVectorizer(token_pattern=TOKEN, ngram_range=(1, 2)),
        LogisticRegression(),
    ),
    "overlap": lambda: make_pipeline(
        FunctionTransformer(overlap), StandardScaler(), LogisticRegression()
    ),
    "overlap, forest": lambda: make_pipeline(
        FunctionTransformer(overlap), RandomForestClassifier(50, random_state=0)
    ),
}

CLASSIFIERS = {
    "words": lambda: make_pipeline(bag(1), LogisticRegression()),
    "words, binary, cased": lambda: make_pipeline(
        bag(1, lowercase=False, binary=True), LogisticRegression(C=100)
    ),
    "bigrams": lambda: make_pipeline(bag(2), LogisticRegression()),
    "bigrams, naive Bayes": lambda: make_pipeline(bag(2), MultinomialNB()),
    "lengths": lambda: make_pipeline(
        FunctionTransformer(lengths), StandardScaler(), LogisticRegression()
    ),
    "word count, forest": lambda: make_pipeline(
        FunctionTransformer(word_counts), RandomForestClassifier(50, random_state=0)
    ),
}


def without_forests(names):
    return [name for name in names if "forest" not in name]


def labels(examples):
    return np.array([e.label for e in examples])


def accuracy_by_group(predictions, examples):
    hits = defaultdict(list)
    for prediction, example in zip(predictions, examples, strict=True):
        hits[example.group].append(prediction == example.label)
    return {group: float(np.mean(values)) for group, values in hits.items()}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", mostly_slow(CLASSIFIERS, without_forests(CLASSIFIERS)))
@pytest.mark.parametrize("per_group", [False, True], ids=["pooled", "per-phenomenon"])
def test_shallow_classifiers_stay_at_chance_for_each_phenomenon(task, name, per_group):
    train, test = generated(task)["train"], generated(task)["test"]
    groups = {e.group for e in test}
    parts = [{group} for group in sorted(groups)] if per_group else [groups]
    for part in parts:
        seen = [e for e in train if e.group in part]
        asked = [e for e in test if e.group in part]
        model = CLASSIFIERS[name]().fit(seen, labels(seen))
        for group, accuracy in accuracy_by_group(model.predict(asked), asked).items():
            assert abs(accuracy - 0.5) <= 0.05, (group, accuracy)


@pytest.mark.parametrize("name", mostly_slow(PAIR_CLASSIFIERS, without_forests(PAIR_CLASSIFIERS)))
@pytest.mark.parametrize("per_group", [False, True], ids=["pooled", "per-phenomenon"])
def test_neither_the_hypothesis_nor_the_overlap_tells(name, per_group):
    train, test = generated("entailment")["train"], generated("entailment")["test"]
    groups = sorted({e.group for e in test})
    for part in [{group} for group in groups] if per_group else [set(groups)]:
        seen = [e for e in train if e.group in part]
        asked = [e for e in test if e.group in part]
        model = PAIR_CLASSIFIERS[name]().fit(seen, labels(seen))
        for group, accuracy in accuracy_by_group(model.predict(asked), asked).items():
            assert abs(accuracy - 0.5) <= 0.05, (group, accuracy)


def shared_words():
    """Lower-cased words that occur both in train and in test."""
    words = [
        {w.lower() for e in generated("acceptability")[split] for w in e.first.words}
        for split in ("train", "test")
    ]
    return words[0] & words[1]


def counts_of(examples, n, shared):
    """Words (n = 1), or bigrams of words that the splits share, with sentence borders."""
    counts: Counter[tuple[str, ...]] = Counter()
    for example in examples:
        words = ["^", *(w.lower() for w in example.first.words), "$"]
        grams = zip(*(words[i:] for i in range(n)), strict=False)
        counts.update(g for g in grams if n == 1 or {"^", "$", *shared} >= set(g))
    return counts


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("n", [1, 2])
def test_words_and_transferable_bigrams_are_balanced_in_every_minimal_set(split, n):
    """A bigram with a word of one split alone tells nothing about another split."""
    part, shared = generated("acceptability")[split], shared_words()
    for start in range(0, len(part), 4):
        members = part[start : start + 4]
        good = counts_of([e for e in members if e.label == 1], n, shared)
        bad = counts_of([e for e in members if e.label == 0], n, shared)
        assert good == bad, (part[start].id, good - bad, bad - good)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_lengths_are_balanced_in_every_minimal_set(split):
    part = generated("acceptability")[split]
    for start in range(0, len(part), 4):
        sizes = {0: Counter(), 1: Counter()}
        for example in part[start : start + 4]:
            sizes[example.label][len(example.first.words)] += 1
        assert sizes[0] == sizes[1], part[start].id


def test_the_measure_can_fail():
    """A leak in one word is found by the same classifiers."""
    train, test = generated("acceptability")["train"], generated("acceptability")["test"]

    def leaky(examples):
        return [
            f"{text} {'yes' * e.label}" for text, e in zip(flat(examples), examples, strict=True)
        ]

    model = make_pipeline(CountVectorizer(token_pattern=TOKEN), LogisticRegression())
    model.fit(leaky(train), labels(train))
    assert min(accuracy_by_group(model.predict(leaky(test)), test).values()) > 0.95
