"""From scores between the words of a sentence to heads: three decoders.

`max` takes for every dependent the head of highest score (Htut et al. 2019), which need not give a
tree. `arborescence` takes the directed tree of highest sum (Chu-Liu-Edmonds; Raganato and
Tiedemann 2018, Htut et al. 2019), `spanning-tree` the undirected one, in which an edge has the sum
of its two scores (with log scores that is the product of the map and its transpose, Ravishankar et
al. 2021). No word is its own head; sentences of one word have no arcs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from .arborescence import arborescences
from .tree_scores import NONE, Heads

Decoder = Literal["max", "arborescence", "spanning-tree"]
Root = Literal["gold", "free"]

Lengths = npt.NDArray[np.int64]


def decode(
    scores: torch.Tensor,
    lengths: Lengths,
    roots: Lengths,
    *,
    decoder: Decoder = "max",
    root: Root = "gold",
) -> Heads:
    """Heads that a decoder finds in score matrices.

    Args:
        scores: score of each word (second last axis) having each word as head (last) [T, U, W, W],
            U matrices for each of T sentences; finite over the words of the sentence.
        lengths: words of each sentence [T].
        roots: the gold root of each sentence [T].
        decoder: see above.
        root: `gold` gives the root: it gets no head, and trees grow from it. `free`: with `max`
            every word gets a head, an arborescence has the best of its roots, at no cost and
            exactly one, and an undirected tree is read from the first word on.

    Returns:
        heads [T, U, W], NONE for roots and beyond the sentence. Of equal scores `max` takes the
        first word.
    """
    starts = roots if root == "gold" else np.full_like(roots, NONE)
    heads = _DECODERS[decoder](scores, lengths, starts)
    outside = np.arange(scores.shape[-1]) >= lengths[:, None]
    outside |= (lengths < 2)[:, None]
    heads[np.broadcast_to(outside[:, None], heads.shape)] = NONE
    return heads


def _max(scores: torch.Tensor, lengths: Lengths, roots: Lengths) -> Heads:
    masked = scores.masked_fill(_barred(scores, lengths)[:, None], -torch.inf)
    # max, not argmax: faster on CPU; both give the first of equals.
    heads: Heads = masked.max(dim=-1).indices.cpu().numpy()
    given = np.flatnonzero(roots != NONE)
    heads[given, :, roots[given]] = NONE
    return heads


def _spanning_tree(scores: torch.Tensor, lengths: Lengths, roots: Lengths) -> Heads:
    """The arborescence of the symmetric scores: it has the edges of the undirected tree."""
    both = scores + scores.transpose(-1, -2)
    return _arborescence(both, lengths, np.maximum(roots, 0))


def _arborescence(scores: torch.Tensor, lengths: Lengths, roots: Lengths) -> Heads:
    T, U, W, _ = scores.shape
    barred = _barred(scores, lengths)
    place = torch.arange(W, device=scores.device)
    headless = torch.from_numpy(np.stack([roots, lengths], axis=1)).to(scores.device)
    barred = barred | (place == headless[:, :1])[..., None]
    barred = barred | (place >= headless[:, 1:])[..., None]
    masked = scores.masked_fill(barred[:, None], -torch.inf).reshape(T * U, W, W)
    return arborescences(masked.to("cpu", torch.float64).numpy()).reshape(T, U, W)


def _barred(scores: torch.Tensor, lengths: Lengths) -> torch.Tensor:
    """True on the diagonal, and where the head is beyond the sentence [T, W, W]."""
    W = scores.shape[-1]
    place = torch.arange(W, device=scores.device)
    beyond = place >= torch.from_numpy(lengths).to(scores.device)[:, None]
    return beyond[:, None, :] | torch.eye(W, dtype=torch.bool, device=scores.device)


_DECODERS: Mapping[str, Callable[[torch.Tensor, Lengths, Lengths], Heads]] = {
    "max": _max,
    "arborescence": _arborescence,
    "spanning-tree": _spanning_tree,
}
DECODERS = tuple(_DECODERS)
"""The decoders by name."""
