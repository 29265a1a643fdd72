"""Rows, items and facts of `mdl`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ..forward.base import ProbeResult
from ..learning.word_classes import WordClasses, entropy_of
from .coded import Costs, LabelledWords, uniform_bits
from .layer_probes import Floats, Ints

UNIFORM, ENTROPY, MAJORITY = "uniform code", "label entropy", "majority class"
"""Baselines of code lengths: log2 K per word; the entropy of the labels per word, the code length
if only their frequencies are known; for predictions, the majority baseline.
"""


@dataclass(frozen=True)
class Measured:
    """Code lengths of one property, and how they were computed.

    Attributes:
        name: of the property.
        variants: name of each of the M assignments of labels; the first is the true one.
        classes: the K labels.
        coded: the words.
        orders: S orders of the texts with a label.
        ends: texts coded at the end of each of B blocks; empty for a code without blocks.
        costs: what the labels take.
        random_labels: of the second assignment: class of each word form or of each word.
    """

    name: str
    variants: Sequence[str]
    classes: WordClasses
    coded: LabelledWords
    orders: Sequence[Ints]
    ends: Sequence[int]
    costs: Costs
    random_labels: Ints

    @property
    def words(self) -> int:
        """The number of coded labels."""
        return int(self.coded.words_by_text.sum())

    @property
    def uniform(self) -> float:
        """Bits of all labels where each is as likely as any other."""
        return float(uniform_bits(self.words, self.coded.classes))

    @cached_property
    def codelengths(self) -> Floats:
        """Bits of all labels, and of the model where it is sent [M, S, U]."""
        return np.asarray(self.costs.bits.sum(-1) + self.costs.model_bits)

    def block_sums(self, values: Floats) -> Floats:
        """Sums over each block of what texts have: values [..., S, N] to [..., S, B]."""
        starts = [0, *self.ends[:-1]]
        by_shuffle = [
            np.add.reduceat(values[..., shuffle, order], starts, axis=-1)
            for shuffle, order in enumerate(self.orders)
        ]
        return np.stack(by_shuffle, axis=-2)


def mdl_result(probe: str, found: Measured, notes: Mapping[str, int | float | str]) -> ProbeResult:
    """The result of `mdl`."""
    rows = pd.DataFrame(list(_rows(found)))
    rows = rows.assign(probe=probe, unit="layer", relation=found.name)
    return ProbeResult(
        probe=probe,
        rows=rows_frame(rows),
        make_items=lambda: _items(probe, found),
        arrays=_arrays(found),
        notes={**_notes(found), **notes},
    )


def _rows(found: Measured) -> Iterator[dict[str, object]]:
    N, uniform, mean = found.words, found.uniform, found.codelengths.mean(1)
    lost = found.coded.gold.shape[1] - N
    for m, variant in enumerate(found.variants):
        counts = np.bincount(found.coded.gold[m][found.coded.gold[m] >= 0])
        held = [(UNIFORM, uniform), (ENTROPY, N * entropy_of(counts))]
        for u in found.coded.layers:
            about = {"variant": variant, "layer": u, "n": N, "n_dropped": lost}
            bits = mean[m, u]
            beside = held + ([(found.variants[1], mean[1, u])] if m == 0 and len(mean) > 1 else [])
            for name, value in beside:
                yield {**about, "metric": "codelength", "value": bits,
                       "baseline": name, "baseline_value": value}  # fmt: skip
            yield {**about, "metric": "bits_per_word", "value": bits / N,
                   "baseline": UNIFORM, "baseline_value": uniform / N}  # fmt: skip
            yield {**about, "metric": "compression", "value": uniform / bits,
                   "baseline": UNIFORM, "baseline_value": 1.0}  # fmt: skip
            if len(found.orders) > 1:
                spread = found.codelengths[m, :, u].std(ddof=1)
                yield {**about, "metric": "codelength_sd", "value": spread}
            if found.ends:
                right = found.costs.right[m, :, u].sum() / found.costs.guessed.sum()
                yield {**about, "metric": "learning_curve_area", "value": right,
                       "baseline": MAJORITY, "baseline_value": counts.max() / N}  # fmt: skip
            else:
                model = found.costs.model_bits[m, :, u].mean()
                yield {**about, "metric": "model_bits", "value": model}


def _items(probe: str, found: Measured) -> Iterator[pd.DataFrame]:
    """Bits and words of each text, and its words guessed right and guessed at all."""
    counted = found.coded.words_by_text
    texts = np.flatnonzero(counted)
    examples = found.coded.train.examples
    names = np.array([(examples[i].id, examples[i].first.id) for i in texts], dtype=object)
    tables = [("bits_per_word", _text_bits(found), counted.astype(np.float64))]
    if found.ends:
        right, guessed = found.costs.right.mean(1), found.costs.guessed.mean(0)
        tables.append(("learning_curve_area", right, guessed))
    for metric, sums, counts in tables:
        each = sums[..., texts]  # [M, U, N']
        M, U, _ = each.shape
        for block in text_blocks(len(texts), M * U):
            variant, layer, text = (axis.ravel() for axis in np.indices(each[..., block].shape))
            frame = pd.DataFrame(
                {
                    "item_id": names[block][text, 0],
                    "sentence_id": names[block][text, 1],
                    "variant": np.array(found.variants, dtype=object)[variant],
                    "layer": layer,
                    "metric": metric,
                    "numerator": each[..., block].ravel(),
                    "denominator": counts[texts][block][text],
                }
            )
            some = frame["denominator"].gt(0)
            yield items_frame(frame[some].assign(probe=probe, relation=found.name))


def _text_bits(found: Measured) -> Floats:
    """Bits of each text, mean over shuffles, with its words' share of the model's [M, U, N]."""
    model = found.costs.model_bits.mean(1)[..., None] * found.coded.words_by_text / found.words
    return np.asarray(found.costs.bits.mean(1) + model)


def _arrays(found: Measured) -> dict[str, Floats]:
    """Orders, random labels, and the codelength of each shuffle and block."""
    arrays = {
        "mdl_orders": np.array(found.orders, dtype=np.float64),
        "mdl_codelengths": found.codelengths,
        "mdl_rates": np.array(found.costs.rates),
        "mdl_epochs": np.array(found.costs.epochs),
    }
    if len(found.variants) > 1:
        arrays["mdl_random_labels"] = found.random_labels.astype(np.float64)
    if found.ends:
        bits = np.moveaxis(found.costs.bits, 1, 2)  # [M, U, S, N]
        words = np.tile(found.coded.words_by_text, (len(found.orders), 1))
        arrays["mdl_block_ends"] = np.array(found.ends, dtype=np.float64)
        arrays["mdl_block_bits"] = np.moveaxis(found.block_sums(bits), 2, 1)
        arrays["mdl_block_words"] = found.block_sums(words.astype(np.float64))
    return arrays


def _notes(found: Measured) -> dict[str, int | float | str]:
    """Plain facts."""
    counted = zip(found.classes.names, found.classes.counts, strict=True)
    mean = found.codelengths[0].mean(-1)
    notes: dict[str, int | float | str] = {
        "mdl_words": found.words,
        "mdl_sentences": len(found.orders[0]),
        "mdl_classes": ", ".join(f"{name} {count}" for name, count in counted),
        "mdl_uniform_bits": found.uniform,
        "mdl_bits_by_shuffle_mean_over_states": _listed(mean),
        "mdl_rates_by_state": _listed(np.array(found.costs.rates)[:, 0].mean(0)),
        "mdl_epochs_by_state": _listed(np.array(found.costs.epochs)[:, 0].mean(0)),
    }
    if found.ends:
        notes["mdl_block_ends"] = _listed(np.array(found.ends))
    return notes


def _listed(values: Floats) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
