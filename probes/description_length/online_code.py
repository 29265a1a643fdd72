"""The online code (Voita & Titov 2020): each block is coded by probes trained on the earlier ones.

Sender and receiver know the words' states and K. The first block costs log2 K per word; after each
block both train the same probe on all that they have, and a label of the next block costs -log2 of
the probability that it is given. The dev part stops training and is never coded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from ..learning.word_batches import WordReadouts, word_batches
from .coded import Costs, LabelledWords, Training, uniform_bits
from .layer_probes import Ints, LayerProbes, fit_layer_probes, plain, word_bits


def online_code(
    coded: LabelledWords,
    orders: Sequence[Ints],
    ends: Sequence[int],
    training: Training,
    progress: Callable[[int, int], None] | None = None,
) -> Costs:
    """The bits of the labels of every text, from every state.

    Args:
        coded: the words and their labels.
        orders: S orders of the coded texts.
        ends: texts coded at the end of each of B blocks.
        training: of the probes; each block has fresh ones.
        progress: called with (probes trained, of all), each one for all states.
    """
    costs = Costs.none(coded, len(orders))
    for shuffle, order in enumerate(orders):
        first = order[: ends[0]]
        costs.bits[:, shuffle][..., first] = uniform_bits(coded.words_by_text[first], coded.classes)
        for place, (end, then) in enumerate(pairwise(ends)):
            probes = trained_on(coded, order[:end], training, (shuffle, place))
            costs.rates.append(probes.rates)
            costs.epochs.append(probes.epochs)
            _code(coded, probes, order[end:then], costs, shuffle)
            if progress is not None:
                progress(shuffle * (len(ends) - 1) + place + 1, len(orders) * (len(ends) - 1))
    return costs


def trained_on(
    coded: LabelledWords,
    known: Ints,
    training: Training,
    number: tuple[int, int],
    progress: Callable[[int, int], None] | None = None,
) -> LayerProbes[WordReadouts]:
    """New probes, trained on the known texts.

    Args:
        coded: the words and their labels.
        known: places of texts.
        training: how.
        number: of shuffle and block: what the order of texts in training hangs on.
        progress: see `fit`.
    """
    layers = coded.layers
    return fit_layer_probes(
        plain(training.form),
        len(layers),
        len(coded.gold),
        lambda epoch: word_batches(
            coded.train, coded.gold, layers, among=known, seed=(training.seed, *number, epoch)
        ),
        lambda: word_batches(coded.dev, coded.dev_gold, layers, among=coded.dev_texts),
        rates=training.rates,
        seeds=training.seeds,
        schedule=training.schedule,
        progress=progress,
    )


def _code(
    coded: LabelledWords, probes: LayerProbes[WordReadouts], block: Ints, costs: Costs, shuffle: int
) -> None:
    """Add the code lengths of the texts of a block."""
    shape = (len(coded.gold), len(coded.layers), -1)
    for batch in word_batches(coded.train, coded.gold, coded.layers, among=block):
        bits, said = word_bits(probes, batch)
        right = said == batch.gold.cpu().numpy()[:, None, None]
        for table, values in ((costs.bits, bits), (costs.right, right)):
            each = values.mean(2).reshape(-1, len(batch.rows))
            table[:, shuffle] += coded.over_texts(each, batch.rows).reshape(shape)
    costs.guessed[shuffle, block] = coded.words_by_text[block]
