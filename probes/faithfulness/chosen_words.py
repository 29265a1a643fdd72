"""The words to remove or keep: those with the highest scores, and random ones as a control."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

PERCENTS = (1, 5, 10, 20, 50)
"""Shares of a text's words over which the measures are averaged (DeYoung et al. 2020)."""


def highest(scores: Floats) -> Chosen:
    """The words with the highest scores, by share of the text [Q, W].

    At least one word, and no fewer than the share; of equal scores the first word counts more.

    Args:
        scores: of the W words; the higher, the more a word speaks for the class.
    """
    order = np.argsort(-scores, kind="stable")
    chosen = np.zeros((len(PERCENTS), len(scores)), dtype=np.bool_)
    for row, percent in enumerate(PERCENTS):
        chosen[row, order[: -(-percent * len(scores) // 100)]] = True
    return chosen


def as_long(chosen: Chosen, pieces: npt.NDArray[np.int64], rng: np.random.Generator) -> Chosen:
    """Random words with as many pieces as the chosen ones, or nearly [Q, W].

    The words are gone through in a random order, the same for every share, and taken where they
    fit into what is left of the length. Where no word fits any more, fewer pieces are taken.

    Args:
        chosen: sets of words [Q, W].
        pieces: of each word [W].
        rng: draws the order.
    """
    order = rng.permutation(len(pieces))
    drawn = np.zeros_like(chosen)
    for row, members in enumerate(chosen):
        left = int(pieces[members].sum())
        for word in order.tolist():
            if 0 < pieces[word] <= left:
                drawn[row, word] = True
                left -= int(pieces[word])
    return drawn


def generator_of(seed: int, *about: str | int) -> np.random.Generator:
    """Random numbers of one text and purpose: they depend on no other text and on no order.

    Args:
        seed: of the probe.
        about: the id of the text, and what the numbers are for.
    """
    said = "\x1f".join(map(str, (seed, *about)))
    digest = hashlib.sha256(said.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
