"""The pattern of each attention map, out of five, by head, layer and model.

Kovaleva et al. 2019 ("Revealing the Dark Secrets of BERT"), section 4.1, and Prasanna et al. 2020,
section 6, on raw maps and on norm-weighted maps ||alpha f(x)|| (Kobayashi et al. 2020). The
classifier (probes/patterns/) is trained on synthetic maps: its probabilities are calibrated only
for those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.errors import ConfigError, UnknownNameError
from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ..forward.attention_block import LayerValues
from ..forward.base import BatchView, Context, Probe, ProbeResult
from .classes import PATTERNS, SHORTEST
from .network import PatternClassifier, classifier_of
from .pattern_shares import NO_CLASS, PatternClasses, share_rows
from .real_maps import confirmed_patterns, flag_unconfirmed
from .rules import rule_patterns

VARIANTS = ("raw", "norm")

_CELLS_AT_ONCE = 2**20
"""Cells of the maps that are classified together: features hold them many times, in double
precision."""


class AttentionPatterns(Probe):
    """Shares of the five patterns among the maps of every kept head.

    Each text and kept head gives one map, cut to its real tokens, special tokens included. Texts of
    fewer than 8 tokens are left out and counted. A norm-weighted map is alpha_ij ||f(x_j)||, of the
    same shape as the raw one. Maps are not kept, only the pattern of each, its probability, and the
    pattern by mass rules (patterns/rules.py), 6 bytes in total.

    Args:
        context: the model that will be read.
        maps: which maps, `raw`, `norm` or both; none = raw, and norm where the family has it.
        weights: file of a classifier of the user's own; empty = the built-in one.

    Raises:
        ConfigError: for maps of another name.
        UnknownNameError: if `norm` is asked for by name and the family has no LayerNorm after the
            attention's residual.
        DataFileError: if `weights` is not a classifier file.
    """

    name = "attention-patterns"
    needs_attention = True

    def __init__(self, context: Context, *, maps: Sequence[str] = (), weights: str = ""):
        self._variants = _chosen(context, maps)
        self.needs_values = "norm" in self._variants
        self._context, self._classifier = context, classifier_of(weights)
        self._ids: list[tuple[str, str]] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._found: dict[str, list[PatternClasses]] = {name: [] for name in self._variants}

    def begin(self, batch: BatchView) -> None:
        """Find which texts of the batch are long enough, by length."""
        length = batch.real.sum(1).cpu().numpy()
        self._texts = {
            int(n): np.flatnonzero(length == n) for n in np.unique(length) if n >= SHORTEST
        }
        self._positions.append(batch.position)
        self._ids += [(example.id, example.first.id) for example in batch.examples]
        for parts in self._found.values():
            parts.append(PatternClasses.empty(len(length), *self._context.alive.shape))

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Classify the raw maps [B, H, S, S] of one layer."""
        if "raw" in self._variants:
            self._classify("raw", layer, attention)

    def values(self, layer: int, block: LayerValues) -> None:
        """Classify the norm-weighted maps of one layer."""
        norms = block.transformed_norms()
        self._classify("norm", layer, block.attention * norms[:, :, None])

    def _classify(self, variant: str, layer: int, maps: torch.Tensor) -> None:
        heads = np.flatnonzero(self._context.alive[layer])
        if not len(heads):
            return
        part = self._found[variant][-1]
        for n, texts in self._texts.items():
            step = max(1, _CELLS_AT_ONCE // (len(heads) * n**2))
            for start in range(0, len(texts), step):
                some = texts[start : start + step]
                cut = maps[some][:, heads, :n, :n].flatten(0, 1)
                pattern, probability, rule = classify_maps(self._classifier, cut)
                place = np.ix_(some, np.array([layer]), heads)
                part.put(place, pattern, probability, rule)

    def end(self) -> None:
        """Drop the batch; only its patterns are kept."""
        del self._texts

    def result(self) -> ProbeResult:
        """Rows by head, layer and model; an item for each text, kept head and kind of map."""
        order = np.argsort(np.concatenate(self._positions), kind="stable")
        ids = [self._ids[i] for i in order]
        found = {name: PatternClasses.join(parts, order) for name, parts in self._found.items()}
        alive, threshold = self._context.alive, self._classifier.threshold
        rows = [share_rows(one, alive, threshold).assign(variant=name)
                for name, one in found.items()]  # fmt: skip
        first = found[self._variants[0]]
        frame = pd.concat(rows, ignore_index=True).assign(probe=self.name)
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(flag_unconfirmed(frame, confirmed_patterns(self._classifier))),
            make_items=lambda: _items(self.name, ids, found),
            notes={
                "n_texts": len(ids),
                "n_short_texts": first.n_short(alive),
                "pattern_threshold": threshold,
                "pattern_maps": " ".join(self._variants),
                "pattern_classifier": str(self._classifier.meta.get("trained_on", "own maps")),
            },
        )


def classify_maps(
    classifier: PatternClassifier, maps: torch.Tensor
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Pattern, its calibrated probability and the pattern by mass rules, of maps of one length.

    Args:
        classifier: whose patterns.
        maps: [M, n, n], without padding.

    Returns:
        Three arrays [M]; ties go to the lower index.
    """
    step = max(1, _CELLS_AT_ONCE // maps[0].numel()) if len(maps) else 1
    blocks = [maps[start : start + step] for start in range(0, len(maps), step)] or [maps]
    found = torch.cat([classifier.classify(block) for block in blocks]).numpy()
    pattern = found.argmax(1)
    rule = np.concatenate([rule_patterns(block) for block in blocks])
    return pattern, found[np.arange(len(found)), pattern], rule


def possible_maps(context: Context) -> tuple[str, ...]:
    """Which of `VARIANTS` a family has: norms need a LayerNorm after the attention's residual."""
    try:
        context.anatomy.check_post_norm()
    except UnknownNameError:
        return ("raw",)
    return VARIANTS


def _chosen(context: Context, maps: Sequence[str]) -> tuple[str, ...]:
    if not maps:
        return possible_maps(context)
    chosen = tuple(dict.fromkeys((maps,) if isinstance(maps, str) else maps))
    if set(chosen) - set(VARIANTS):
        raise ConfigError(f"maps are {list(chosen)}", remedy="choose raw, norm or both")
    if "norm" in chosen:
        context.anatomy.check_post_norm()
    return chosen


def _items(
    probe: str, ids: list[tuple[str, str]], found: dict[str, PatternClasses]
) -> Iterator[pd.DataFrame]:
    names = np.array(ids, dtype=object).reshape(-1, 2)
    for variant, one in found.items():
        for block in text_blocks(len(names), one.pattern[0].size if len(names) else 0):
            text, layer, head = np.nonzero(one.pattern[block] != NO_CLASS)
            pattern = one.pattern[block][text, layer, head]
            frame = pd.DataFrame(
                {
                    "probe": probe,
                    "item_id": names[block][text, 0],
                    "sentence_id": names[block][text, 1],
                    "layer": layer,
                    "head": head,
                    "relation": np.array(PATTERNS)[pattern],
                    "metric": f"{variant}_map",
                    "prediction": pattern.astype(float),
                    "score": one.probability[block][text, layer, head].astype(float),
                    "gold": one.rule[block][text, layer, head].astype(float),
                }
            )
            yield items_frame(frame)
