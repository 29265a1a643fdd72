"""Syntax trees decoded from attention maps, for every head and for means of heads.

Htut et al. 2019, Raganato and Tiedemann 2018, Ravishankar et al. 2021: the words of a sentence get
heads from one map (decoding.py), which are compared with the gold tree (tree_scores.py) and with
model-free trees (tree_baselines.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import ConfigError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Sentence
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.held_out import Selection, check_selection, halves, unit_digest
from ..forward.needs import check_annotated
from .arc_counts import DIRECTIONS, Text
from .decoding import DECODERS, Decoder, Root, decode
from .tree_baselines import METRICS, score_baselines
from .tree_rows import TreeCounts, tree_items, tree_rows
from .tree_scores import NONE, GoldTree, count_found, gold_tree, pad_trees, relink

Scores = Literal["weights", "log"]


class AttentionTrees(Probe):
    """UAS and UUAS of the tree of every head, of each layer's mean and of the mean of all heads.

    Attention is summed over target pieces and averaged over source pieces; special tokens are left
    out. Means are over kept heads. In a pair each sentence is read by itself. Words that truncation
    cut leave the score with their arcs, and so do sentences whose root was cut, and sentences
    without tags from the scores without punctuation.

    Args:
        context: the model that will be read.
        decoder: `max`, `arborescence` or `spanning-tree` (undirected, without UAS).
        root: `gold` gives the decoder the gold root, `free` does not.
        scores: sums of attention `weights`, or of their `log` (products of weights).
        directions: `dependent->head` looks for heads where a word attends, `head->dependent` among
            the words that attend to it. An undirected tree reads both at once.
        renormalise: normalise the attention of each word to the words of its sentence, itself
            included, to sum to 1.
        selection: `held-out` chooses the best head and offset on one half of the sentences and
            scores everything on the other; `reported` does both on all sentences, as published.
        untrained: what the same probe found on an untrained encoder: one more baseline of the
            best head.

    Raises:
        ConfigError: if an option has no such value.
        AnnotationError: when a sentence without a tree comes, or one in another scheme.
    """

    name = "attention-trees"
    needs_attention = True

    def __init__(
        self,
        context: Context,
        *,
        decoder: Decoder = "max",
        root: Root = "gold",
        scores: Scores = "weights",
        directions: Sequence[str] = DIRECTIONS,
        renormalise: bool = False,
        selection: Selection = "held-out",
        untrained: ProbeResult | None = None,
    ):
        check_selection(selection)
        _check("decoder", decoder, DECODERS)
        _check("root", root, ("gold", "free"))
        _check("scores", scores, ("weights", "log"))
        for direction in directions or ("",):
            _check("directions", direction, DIRECTIONS)
        self._context, self._selection, self._untrained = context, selection, untrained
        self._decoder: Decoder = decoder
        self._root: Root = root
        self._log, self._renormalise = scores == "log", renormalise
        self._variant = f"decoder={decoder};root={root};scores={scores}" + (
            ";renormalised" if renormalise else ""
        )
        undirected = decoder == "spanning-tree"
        self._directions = (None,) if undirected else tuple(dict.fromkeys(directions))
        self._metrics = METRICS[1::2] if undirected else METRICS
        self._first: Sentence | None = None
        self._keys: list[int] = []
        self._texts: list[Text] = []
        self._trees: list[GoldTree] = []
        self._cut: list[tuple[int, ...]] = []
        self._found: list[npt.NDArray[np.int32]] = []

    def begin(self, batch: BatchView) -> None:
        """Read the gold trees of the batch."""
        self._batch = batch
        self._places: list[tuple[int, int, int]] = []  # row, first word and words of each text
        trees = []
        for row, example in enumerate(batch.examples):
            for segment, sentence in enumerate((example.first, example.second)):
                if sentence is not None:
                    trees.append(self._read(batch, row, segment, sentence))
        self._trees += trees
        self._gold, self._punctuation = pad_trees(trees)
        self._length = np.array([n for _, _, n in self._places])
        self._gold_root = np.array([tree.root for tree in trees])
        (L, H), T, W = self._context.alive.shape, *self._gold.shape
        self._heads = np.full((T, len(self._directions), L * H + L + 1, W), NONE, dtype=np.int64)
        self._sum = batch.source.new_zeros((T, W, W))

    def _read(self, batch: BatchView, row: int, segment: int, sentence: Sentence) -> GoldTree:
        self._first = self._first or sentence
        check_annotated((self._first, sentence), ["heads"])
        self._keys.append(2 * int(batch.position[row]) + segment)
        self._texts.append(
            Text(batch.examples[row].id, sentence.id, unit_digest(batch.examples[row], sentence))
        )
        kept = [index for where, index in batch.kept[row] if where == segment]
        first = next((i for i, (where, _) in enumerate(batch.kept[row]) if where == segment), 0)
        self._places.append((row, first, len(kept)))
        tree = whole = gold_tree(sentence)
        if len(kept) < len(sentence.words):
            tree = gold_tree(sentence, kept)
        if tree.root == NONE:
            tree = GoldTree(np.full(len(kept), NONE), NONE, tree.punctuation)
        arcs = _arcs(whole) if sentence.upos else (whole.n_arcs, whole.n_arcs)
        self._cut.append(tuple(a - b for a, b in zip(arcs, _arcs(tree), strict=True)))
        return tree

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        """Decode one layer's maps [B, H, S, S]."""
        L, H = self._context.alive.shape
        living = np.flatnonzero(self._context.alive[layer])
        if len(living):
            words = self._texts_of(self._batch.word_attention(attention))[:, living]
            if self._renormalise:
                words = words / words.sum(-1, keepdim=True).clamp_min(_tiny(words))
            summed = words.sum(1)
            self._sum += summed
            means = (summed / len(living))[:, None]
            units = np.append(layer * H + living, L * H + layer)
            self._decode(torch.cat([words, means], dim=1), units)

    def _texts_of(self, words: torch.Tensor) -> torch.Tensor:
        """Attention inside each text [T, H, W, W] from that of each example [B, H, W, W]."""
        if all(example.second is None for example in self._batch.examples):
            return words
        W = self._gold.shape[1]
        apart = words.new_zeros((len(self._places), words.shape[1], W, W))
        for text, (row, first, n) in enumerate(self._places):
            apart[text, :, :n, :n] = words[row, :, first : first + n, first : first + n]
        return apart

    def _decode(self, words: torch.Tensor, units: npt.NDArray[np.int64]) -> None:
        scores = words.clamp_min(_tiny(words)).log() if self._log else words
        turned = [
            scores.transpose(-1, -2) if c == DIRECTIONS[1] else scores for c in self._directions
        ]
        # in one call: arborescences take the less time the more there are of them
        found = decode(
            torch.cat(turned, dim=1),
            self._length,
            self._gold_root,
            decoder=self._decoder,
            root=self._root,
        )
        T, _, W = found.shape
        self._heads[:, :, units] = found.reshape(T, len(turned), len(units), W)

    def end(self) -> None:
        """Decode the mean of all heads, count, and drop the batch."""
        if self._context.alive.any():
            mean = self._sum / int(self._context.alive.sum())
            self._decode(mean[:, None], np.array([self._heads.shape[2] - 1]))
        gold, punctuation = self._gold[:, None, None], self._punctuation[:, None, None]
        whole = count_found(self._heads, gold)
        bare = count_found(relink(self._heads, punctuation), relink(gold, punctuation))
        found = dict(zip(METRICS, (*whole, *bare), strict=True))
        counts = np.stack([found[metric] for metric in self._metrics], axis=1)
        self._found.append(counts.astype(np.int32))
        del self._batch, self._heads, self._sum

    def result(self) -> ProbeResult:
        """Rows for every head and mean, the best head and the baselines; counts; items."""
        order = np.argsort(np.array(self._keys), kind="stable")
        texts, trees = [self._texts[i] for i in order], [self._trees[i] for i in order]
        first, M = self._first, len(self._metrics)
        assert first is not None  # the stream refuses an empty corpus
        half = halves([text.digest for text in texts])
        total = np.array([_arcs(tree) for tree in trees])
        counts = TreeCounts(
            metrics=self._metrics,
            directions=self._directions,
            selection=self._selection,
            half=half,
            found=np.concatenate(self._found)[order],
            total=total.repeat(M // 2, axis=1),
            dropped=np.array(self._cut)[order].repeat(M // 2, axis=1),
            alive=self._context.alive,
            baselines=score_baselines(trees, half, self._selection),
        )
        rows = tree_rows(counts, self._untrained).assign(
            probe=self.name,
            variant=self._variant,
            selection=self._selection,
            annotation=first.annotation,
            scheme=first.scheme,
        )
        return ProbeResult(
            probe=self.name,
            rows=rows_frame(rows),
            make_items=lambda: tree_items(self.name, counts, texts),
            arrays={
                "tree_correct": counts.of_heads(),
                "tree_total": counts.of_halves(counts.total),
            },
            notes={
                "tree_metrics": " ".join(self._metrics),
                "tree_directions": " ".join(name or "undirected" for name in self._directions),
                "tree_n_texts": len(texts),
                "tree_n_texts_without_root": sum(tree.root == NONE for tree in trees),
                "tree_n_arcs_dropped": int(counts.dropped[:, 0].sum()),
            },
        )


def _arcs(tree: GoldTree) -> tuple[int, int]:
    """Arcs with and without punctuation."""
    return tree.n_arcs, tree.without_punctuation.n_arcs


def _tiny(words: torch.Tensor) -> float:
    """The smallest weight that has a logarithm and can be divided by."""
    return float(torch.finfo(words.dtype).tiny)


def _check(option: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise ConfigError(f"unknown {option} {value!r}", remedy=f"choose {', '.join(known)}")
