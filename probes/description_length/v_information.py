"""Usable information (V-information) about word labels in hidden states, word by word.

V-information (Xu et al. 2020) of a family V of classifiers: H_V(Y) - H_V(Y|X), with both terms the
cross-entropy on unseen words of the member of V that was fitted on the training part, once without
any input and once with the states. The classifiers here have biases, so the best without input
gives each label its share of the training part. Word by word it is the pointwise V-information of
Ethayarajh et al. (2022): PVI = log2 g(y|x) - log2 g(y).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..learning.readouts import Form
from ..learning.word_batches import word_batches
from ..learning.word_classes import WordClasses, labels_of
from ..states.word_states import WordStates
from .coded import LabelledWords, Training
from .layer_probes import Floats, Ints, bit_schedule, word_bits
from .online_code import trained_on

NAME = "v-information"
ENTROPY = "label entropy"
"""H_V(Y): what the mean would be if the states said everything."""


@dataclass(frozen=True)
class Words:
    """The words that are scored.

    Attributes:
        states: of the texts they are in.
        rows: their places among all words of these [R].
        gold: their classes [R].
        null_bits: of each label without input [R].
        bits: of each label from each state, mean over seeds [U, R].
        said: the likeliest class from each state, by the first seed [U, R].
    """

    states: WordStates
    rows: Ints
    gold: Ints
    null_bits: Floats
    bits: Floats
    said: Ints

    @property
    def pointwise(self) -> Floats:
        """Pointwise V-information in bits [U, R]."""
        return np.asarray(self.null_bits - self.bits)


def run_v_information(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    property: str = "upos",
    hidden: int = 0,
    seeds: int = 1,
    seed: int = 0,
    rates: tuple[float, ...] = (1e-3,),
    epochs: int = 40,
) -> ProbeResult:
    """V-information of a property of words given each state.

    Args:
        context: the model with its mask.
        examples: the texts whose words are scored.
        learning: what the classifiers are fitted on, and what stops training.
        progress: called with (epochs done, maximum).
        batch_size: texts per forward pass.
        property: of words.
        hidden: units of a hidden layer of the classifiers; 0 = linear.
        seeds: classifiers from different initial weights; bits are means over them.
        seed: of initial weights and of the order of texts.
        rates: learning rates; the one with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.

    Raises:
        InputError: if the training part has fewer than two labels, or no word of the test or dev
            part has one of them.
        UnknownNameError: if there is no such property.
    """
    train, dev, test = (
        learning.states.of(context, part, batch_size=batch_size)
        for part in (learning.train, learning.dev, examples)
    )
    labels = labels_of(train, property)
    classes = WordClasses.of(labels, property, where=NAME)
    test_labels = labels_of(test, property)
    gold = classes.known_numbers(test_labels, property, "test", where=NAME)
    dev_gold = classes.known_numbers(labels_of(dev, property), property, "dev", where=NAME)
    coded = LabelledWords(
        train,
        dev,
        classes.numbers(labels)[None],
        dev_gold[None],
        len(classes.names),
    )
    training = Training(
        form=Form(train.width, coded.classes, hidden=hidden),
        rates=rates,
        seeds=range(seed, seed + seeds),
        seed=seed,
        schedule=bit_schedule(epochs),
    )
    texts = np.flatnonzero(coded.words_by_text)
    probes = trained_on(coded, texts, training, (0, 0), progress)
    rows, bits, said = [], [], []
    for batch in word_batches(test, gold[None], coded.layers):
        each, likeliest = word_bits(probes, batch)
        rows.append(batch.rows)
        bits.append(each[0].mean(1))
        said.append(likeliest[0, :, 0])
    at = np.concatenate(rows)
    null_bits = -np.log2(classes.shares)[gold[at]]
    words = Words(test, at, gold[at], null_bits, np.concatenate(bits, 1), np.concatenate(said, 1))
    variant = f"own;hidden={hidden}" if hidden else "own"
    counted = zip(classes.names, classes.counts, strict=True)
    unseen = sum(bool(label) for label in test_labels) - len(at)
    result = ProbeResult(
        probe=NAME,
        rows=_rows(words, variant, property),
        make_items=lambda: _items(words, variant, property),
        notes={
            "v_information_classes": ", ".join(f"{name} {count}" for name, count in counted),
            "v_information_words": len(at),
            "v_information_words_unseen_label": unseen,
            "v_information_rates_by_state": _listed(probes.rates[0]),
            "v_information_epochs_by_state": _listed(probes.epochs[0]),
        },
    )
    return test.texts.counted(result)


def _listed(values: Floats) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _rows(words: Words, variant: str, property: str) -> pd.DataFrame:
    entropy = float(words.null_bits.mean())
    pointwise = words.pointwise
    values = {
        "v_information": (pointwise.mean(1), entropy),
        "conditional_entropy": (words.bits.mean(1), entropy),
        "negative_share": ((pointwise < 0).mean(1), np.nan),
    }
    return rows_frame(
        pd.DataFrame(
            {
                "probe": NAME,
                "variant": variant,
                "unit": "layer",
                "layer": layer,
                "relation": property,
                "metric": metric,
                "value": value,
                "n": len(words.rows),
                "n_dropped": words.states.num_words - len(words.rows),
                "baseline": None if np.isnan(held) else ENTROPY,
                "baseline_value": held,
            }
            for metric, (by_layer, held) in values.items()
            for layer, value in enumerate(by_layer)
        )
    )


def _items(words: Words, variant: str, property: str) -> Iterator[pd.DataFrame]:
    """One item per word and state: its bits, the likeliest class, and the class it has.

    Classes are counted from 0 in alphabetical order.
    """
    examples = words.states.examples
    place = np.concatenate([words.states.places(text) for text in range(len(examples))])
    text_of = np.repeat(np.arange(len(examples)), np.diff(words.states.offsets))
    names = np.array([(one.id, one.first.id) for one in examples], dtype=object)[text_of]
    U, pointwise = len(words.bits), words.pointwise
    tables = {
        "v_information": pointwise,
        "conditional_entropy": words.bits,
        "negative_share": (pointwise < 0).astype(np.float64),
    }
    for block in text_blocks(len(words.rows), U * len(tables)):
        rows = words.rows[block]
        ids = [f"{name}:{word + 1}" for name, word in zip(names[rows, 0], place[rows], strict=True)]
        layer, word = (axis.ravel() for axis in np.indices((U, len(rows))))
        same = {
            "probe": NAME,
            "variant": variant,
            "relation": property,
            "item_id": np.array(ids, dtype=object)[word],
            "sentence_id": names[rows, 1][word],
            "layer": layer,
            "prediction": words.said[:, block].ravel(),
            "gold": words.gold[block][word],
        }
        for metric, scores in tables.items():
            frame = pd.DataFrame({**same, "metric": metric, "score": scores[:, block].ravel()})
            yield items_frame(frame)
