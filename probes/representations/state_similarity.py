"""Similarity of the hidden states of a subnetwork to those of the full model, by layer.

Neither measure is a sum over sentences, so its interval comes from leaving out one block of
sentences at a time: analysis makes a jackknife of these values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import Context, ProbeResult
from ..forward.held_out import unit_digest
from ..forward.shared_pass import Progress
from ..states.cache import passing_states
from ..states.word_states import WordStates
from .similarity import CrossProducts, Floats, dissimilarities, rank_correlation, without

NAME = "state-similarity"
METRICS = ("linear_cka", "rsa")
LEFT_OUT = "left_out"
"""The array of both measures without one block of sentences each [2, L + 1, B]."""

_AT_ONCE = 4096
"""Words whose products are made at a time."""

_HELD = 2**28
"""Bytes that the products of blocks may take in memory."""

Dissimilarity = Literal["correlation", "cosine", "euclidean"]


def run_state_similarity(
    context: Context,
    examples: Sequence[Example],
    *,
    dissimilarity: Dissimilarity = "correlation",
    words: int = 500,
    blocks: int = 20,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Linear CKA and RSA between the states of the masked and those of the full model.

    CKA is of all words, RSA of a random sample of them, the same in all layers.

    Args:
        context: the model with its mask; without one it is compared with itself.
        examples: what is read.
        dissimilarity: of two words in RSA.
        words: the sample of RSA.
        blocks: of sentences, which are left out one at a time.
        seed: of the sample and of the blocks.
        batch_size: texts per forward pass.
        progress: called with (texts done, N) of each pass.

    Returns:
        a row for each state and measure; an item for each block: the jackknife's pseudo-value.

    Raises:
        InputError: if there are fewer than two different sentences, or states contain NaN or
            infinity.
    """
    whole = replace(context, subnetwork=None)
    with passing_states() as cache:
        theirs = cache.of(whole, examples, batch_size=batch_size, progress=progress)
        ours = theirs
        if context.subnetwork is not None:
            ours = cache.of(context, examples, batch_size=batch_size, progress=progress)
        parts = Blocks.of(ours, blocks, seed)
        sample = np.sort(
            np.random.default_rng(seed).permutation(ours.num_words)[: max(2, words)]
        )  # fmt: skip
        values, left_out = np.empty((2, ours.num_states)), []
        for layer in range(ours.num_states):
            cka = cka_without_blocks(ours, theirs, layer, parts)
            rsa = rsa_without_blocks(ours, theirs, layer, parts, sample, dissimilarity)
            values[:, layer] = cka[0], rsa[0]
            left_out.append([cka[1:], rsa[1:]])
    gone = np.array(left_out).swapaxes(0, 1)
    counts = (ours.num_words, len(sample))
    variants = ("own", f"own;dissimilarity={dissimilarity};words={len(sample)}")
    rows = [
        {
            "probe": NAME,
            "unit": "layer",
            "layer": layer,
            "metric": metric,
            "variant": variants[place],
            "value": values[place, layer],
            "n": counts[place],
        }
        for place, metric in enumerate(METRICS)
        for layer in range(ours.num_states)
    ]
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: _items(values, gone, variants),
        arrays={LEFT_OUT: gone},
        notes={
            "state-similarity_n_words": ours.num_words,
            "state-similarity_blocks": parts.count,
            "state-similarity_seed": seed,
        },
    )
    return ours.texts.counted(result)


@dataclass(frozen=True)
class Blocks:
    """Sentences in groups; those of one cluster, and equal ones, are in one group.

    Attributes:
        of_word: group of each word [T].
        count: how many there are.
    """

    of_word: npt.NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, states: WordStates, wanted: int, seed: int) -> Blocks:
        """Divide texts into this many groups, or into as many as there are different texts.

        Raises:
            InputError: if there are fewer than two.
        """
        units = [unit_digest(one, one.first) for one in states.examples]
        names = sorted(set(units))
        if len(names) < 2:
            raise InputError(
                "an interval needs at least two texts",
                where=NAME,
                remedy="read at least two different texts",
            )
        count = min(wanted, len(names))
        order = np.random.default_rng(seed).permutation(len(names)) % count
        group = dict(zip(names, order.tolist(), strict=True))
        each = np.array([group[unit] for unit in units], dtype=np.int64)
        return cls(np.repeat(each, np.diff(states.offsets)), count)


def cka_without_blocks(
    ours: WordStates, theirs: WordStates, layer: int, blocks: Blocks
) -> list[float]:
    """Linear CKA of one state over all words, then without each of the blocks.

    Raises:
        InputError: if states contain NaN or infinity.
    """
    kept: list[CrossProducts] = []
    total = CrossProducts(ours.width)
    for block in range(blocks.count):
        one = _products(ours, theirs, layer, blocks, block)
        total = total.plus(one)
        if _fits(ours.width, blocks.count):
            kept.append(one)
    again = kept or (_products(ours, theirs, layer, blocks, block) for block in range(blocks.count))
    return [total.cka(), *(total.less(one).cka() for one in again)]


def _fits(width: int, blocks: int) -> bool:
    """Whether the products of all blocks may be held; else blocks are read twice."""
    return 3 * 8 * width**2 * blocks <= _HELD


def _products(
    ours: WordStates, theirs: WordStates, layer: int, blocks: Blocks, block: int
) -> CrossProducts:
    rows = torch.from_numpy(np.flatnonzero(blocks.of_word == block))
    found = CrossProducts(ours.width)
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        x = ours.state(layer)[some]
        y = x if ours is theirs else theirs.state(layer)[some]
        if not bool(x.isfinite().all() and y.isfinite().all()):
            raise InputError(
                f"hidden state {layer} contains NaN or infinity",
                where=NAME,
                remedy="check the model's weights",
            )
        found = found.plus(CrossProducts.of(x, y))
    return found


def rsa_without_blocks(
    ours: WordStates,
    theirs: WordStates,
    layer: int,
    blocks: Blocks,
    sample: npt.NDArray[np.int64],
    dissimilarity: str,
) -> list[float]:
    """RSA of one state over the sample, then without the words of each of the blocks."""
    rows = torch.from_numpy(sample)
    pairs = [
        dissimilarities(one.state(layer)[rows].double().numpy(), dissimilarity)
        for one in (ours, theirs)
    ]
    found = [rank_correlation(*pairs)]
    for block in range(blocks.count):
        kept = without(blocks.of_word[sample], block)
        found.append(rank_correlation(pairs[0][kept], pairs[1][kept]))
    return found


def _items(values: Floats, left_out: Floats, variants: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Pseudo-values B v - (B - 1) v_b, whose mean is the value less its bias (Quenouille)."""
    count = left_out.shape[-1]
    pseudo = count * values[..., None] - (count - 1) * left_out
    for place, metric in enumerate(METRICS):
        layer, block = (axis.ravel() for axis in np.indices(pseudo[place].shape))
        score = pseudo[place].ravel()
        there = np.isfinite(score)
        yield items_frame(
            pd.DataFrame(
                {
                    "probe": NAME,
                    "variant": variants[place],
                    "item_id": [f"block {one}" for one in block],
                    "sentence_id": [f"block {one}" for one in block],
                    "layer": layer,
                    "metric": metric,
                    "score": score,
                }
            )[there]
        )
