"""Code length of word labels given hidden states, by state (minimum description length)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..learning.readouts import Form
from ..learning.word_classes import WordClasses, forms_of, labels_of
from ..states.word_states import WordStates
from ..tokens.control_labels import ControlLabels
from .blocks import block_ends, shuffled
from .coded import LabelledWords, Training
from .layer_probes import Ints, bit_schedule
from .mdl_rows import Measured, mdl_result
from .online_code import online_code
from .random_labels import labels_by_word
from .variational_code import variational_code

NAME = "mdl"


def run_mdl(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    property: str = "upos",
    code: Literal["online", "variational"] = "online",
    shuffles: int = 3,
    sentences: int = 0,
    dev_sentences: int = 500,
    control: Literal["none", "types", "words"] = "types",
    hidden: int = 0,
    variational_epochs: int = 200,
    variational_rates: tuple[float, ...] = (1e-3, 1e-2),
    seeds: int = 1,
    seed: int = 0,
    rates: tuple[float, ...] = (1e-3,),
    epochs: int = 40,
) -> ProbeResult:
    """Codelengths of a property of the words of the training part (Voita & Titov 2020).

    Args:
        context: the model with its mask.
        examples: not read: it is the labels of the training part that are coded.
        learning: what is coded, and what stops training.
        progress: called with (probes trained, of all).
        batch_size: texts per forward pass.
        property: of words.
        code: which code.
        shuffles: orders in which the texts are coded; numbers are means over them.
        sentences: how many of the training part are coded, drawn by the seed; 0 = all.
        dev_sentences: how many of the dev part stop training, drawn by the seed; 0 = all.
        control: random labels that are coded beside: a label for each word form, for each word.
        hidden: units of a hidden layer; 0 = linear.
        variational_epochs: of the variational code, in the place of `epochs`.
        variational_rates: of the same, in the place of `rates`: the one with the shortest code.
        seeds: probes from different initial weights; numbers are means over them.
        seed: of orders, random labels and initial weights.
        rates: learning rates to choose from.
        epochs: maximum number of passes over the known texts.

    Raises:
        InputError: if fewer than two labels, or fewer than two sentences with one, are there, or
            no word of the dev part has one of these labels.
        UnknownNameError: if there is no such property.
    """
    train = learning.states.of(context, learning.train, batch_size=batch_size)
    dev = learning.states.of(context, learning.dev, batch_size=batch_size)
    chosen = _chosen(train, labels_of(train, property), sentences, seed)
    dev_labels = _chosen(dev, labels_of(dev, property), dev_sentences, seed)
    classes = WordClasses.of(chosen, property, where=NAME)
    gold = classes.numbers(chosen)
    dev_gold = classes.known_numbers(dev_labels, property, "dev", where=NAME)
    variants, golds, random = ["own"], [(gold, dev_gold)], np.empty(0, dtype=np.int64)
    if control != "none":
        variants.append(f"own;control={control}")
        random, drawn = _random_labels(train, dev, classes, control, property, seed)
        golds.append(drawn)
    coded = LabelledWords(
        train,
        dev,
        np.stack([np.where(gold < 0, -1, one) for one, _ in golds]),
        np.stack([np.where(dev_gold < 0, -1, one) for _, one in golds]),
        len(classes.names),
    )
    texts = np.flatnonzero(coded.words_by_text)
    ends = block_ends(len(texts)) if code == "online" else []
    orders = [shuffled(texts, seed, number) for number in range(shuffles)]
    training = Training(
        form=Form(train.width, len(classes.names), hidden=hidden),
        rates=rates if code == "online" else variational_rates,
        seeds=range(seed, seed + seeds),
        seed=seed,
        schedule=bit_schedule(epochs if code == "online" else variational_epochs),
    )
    costs = (
        online_code(coded, orders, ends, training, progress)
        if code == "online"
        else variational_code(coded, orders, training, progress)
    )
    settings = [f";hidden={hidden}"] * bool(hidden) + [";code=variational"] * (code != "online")
    named = [variant + "".join(settings) for variant in variants]
    found = Measured(property, named, classes, coded, orders, ends, costs, random)
    lost = sum(bool(label) for label in dev_labels) - int((dev_gold >= 0).sum())
    notes = {"mdl_dev_sentences": len(coded.dev_texts), "mdl_dev_words_unseen_label": lost}
    return train.texts.counted(mdl_result(NAME, found, notes))


def _chosen(train: WordStates, labels: list[str], sentences: int, seed: int) -> list[str]:
    """The labels of some texts drawn at random; those of the others are empty."""
    texts = len(train.examples)
    if not 0 < sentences < texts:
        return labels
    kept = np.zeros(texts, dtype=np.bool_)
    kept[np.random.default_rng([seed, texts]).permutation(texts)[:sentences]] = True
    of_kept = np.repeat(kept, np.diff(train.offsets))
    return [label if one else "" for label, one in zip(labels, of_kept.tolist(), strict=True)]


def _random_labels(
    train: WordStates, dev: WordStates, classes: WordClasses, control: str, name: str, seed: int
) -> tuple[Ints, tuple[Ints, Ints]]:
    """Random classes: as they were drawn, and for each word of both parts.

    They are drawn for the word forms in alphabetical order, those of the probe `control`, or for
    the words of the training part.
    """
    if control == "words":
        K = len(classes.names)
        one = labels_by_word(train.num_words, K, (seed, 0))
        return one, (one, labels_by_word(dev.num_words, K, (seed, 1)))
    forms, dev_forms = forms_of(train), forms_of(dev)
    by_type = ControlLabels(name, seed, classes.names, classes.counts)
    first, second = (
        np.array([by_type.number(form) for form in each], dtype=np.int64)
        for each in (forms, dev_forms)
    )
    return by_type.table([*forms, *dev_forms]).astype(np.int64), (first, second)
