"""The variational code (Voita & Titov 2020): the model is sent first, then the labels given it.

Its length is the divergence of the weights' distribution from its prior, and the expected
cross-entropy of the labels. Whatever the distribution, it is a code: so the epoch and the learning
rate with the shortest one are used, and no dev part is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from ..learning.word_batches import word_batches
from .bayesian import BayesianReadouts
from .coded import Costs, LabelledWords, Training
from .layer_probes import Ints, LayerProbes, fit_layer_probes, in_bits

SAMPLES = 8
"""Samples of the weights that the expected cross-entropy is the mean of."""


def variational_code(
    coded: LabelledWords,
    orders: Sequence[Ints],
    training: Training,
    progress: Callable[[int, int], None] | None = None,
) -> Costs:
    """The bits of the labels of every text, and of the model, from every state.

    Args:
        coded: the words and their labels.
        orders: S orders of the coded texts; the number of each seeds noise and training.
        training: of the probes.
        progress: called with (orders done, S).
    """
    costs = Costs.none(coded, len(orders))
    for shuffle, order in enumerate(orders):
        probes = _trained(coded, order, training, shuffle)
        costs.rates.append(probes.rates)
        costs.epochs.append(probes.epochs)
        active, shape = probes.chosen.ravel().tolist(), (*probes.chosen.shape, -1)
        with torch.no_grad():
            model = probes.stack.divergence(active).double().numpy()
        costs.model_bits[:, shuffle] = in_bits(model).reshape(probes.chosen.shape).mean(-1)
        for batch in word_batches(coded.train, coded.gold, coded.layers, among=order):
            nats = probes.stack.expected_nats(active, batch, SAMPLES).double().numpy()
            bits = in_bits(nats).reshape(shape).mean(2)
            each = coded.over_texts(bits.reshape(-1, len(batch.rows)), batch.rows)
            costs.bits[:, shuffle] += each.reshape(*bits.shape[:2], -1)
        if progress is not None:
            progress(shuffle + 1, len(orders))
    return costs


def _trained(
    coded: LabelledWords, order: Ints, training: Training, shuffle: int
) -> LayerProbes[BayesianReadouts]:
    """Classifiers with the distribution that gives the shortest code of these texts."""
    words = int(coded.words_by_text[order].sum())
    train, gold, layers = coded.train, coded.gold, coded.layers
    epochs = training.schedule.epochs
    # noise hides small gains, so that no epoch is the last for want of one
    schedule = replace(training.schedule, lr_patience=10, patience=epochs, min_gain=0.0)
    return fit_layer_probes(
        lambda seeds, reads, answers: BayesianReadouts(
            training.form, seeds, reads, answers, words=words, noise=training.seed + shuffle
        ),
        len(layers),
        len(gold),
        lambda epoch: word_batches(
            train, gold, layers, among=order, seed=(training.seed, shuffle, epoch)
        ),
        lambda: word_batches(train, gold, layers, among=order),
        rates=training.rates,
        seeds=training.seeds,
        schedule=schedule,
    )
