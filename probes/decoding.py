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

from ..data.errors import ConfigError
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

    Raises:
        ConfigError: if `arborescence` is asked for and its library is missing.
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
    """Prim's algorithm on all matrices at once: one word joins each tree in each step."""
    T, U, W, _ = scores.shape
    weights = (scores + scores.transpose(-1, -2)).masked_fill(
        _barred(scores, lengths)[:, None], -torch.inf
    )
    flat = weights.reshape(T * U, W, W)
    each = torch.arange(T * U, device=flat.device)
    newest = torch.from_numpy(np.maximum(roots, 0)).to(flat.device).repeat_interleave(U)
    outside = torch.ones((T * U, W), dtype=torch.bool, device=flat.device)
    outside[each, newest] = False
    best = flat[each, newest]
    parent = newest[:, None].expand(-1, W).clone()
    heads = torch.full((T * U, W), NONE, device=flat.device)
    for _ in range(int(lengths.max(initial=1)) - 1):
        joins = torch.where(outside, best, -torch.inf).max(dim=-1).indices
        # a tree that is complete has only padding left to pick, which `decode` erases
        joins = torch.where(outside[each, joins], joins, newest)
        joined = outside[each, joins]
        heads[each[joined], joins[joined]] = parent[each, joins][joined]
        outside[each, joins] = False
        candidate = flat[each, joins]
        closer = candidate > best
        best = torch.where(closer, candidate, best)
        parent = torch.where(closer, joins[:, None], parent)
        newest = joins
    return heads.view(T, U, W).cpu().numpy()


def _arborescence(scores: torch.Tensor, lengths: Lengths, roots: Lengths) -> Heads:
    """One call of the compiled library for each matrix.

    An artificial root is word 0 of what the library sees. Adding a constant to all scores changes
    no tree, so they are lifted above the score of the edges from that root: a tree that hung two
    words on it would gain by hanging one under the other.
    """
    solve = _library()
    T, U, W, _ = scores.shape
    heads = np.full((T, U, W), NONE, dtype=np.int64)
    values = scores.to("cpu", torch.float64).numpy()
    for t, (n, root) in enumerate(zip(lengths.tolist(), roots.tolist(), strict=True)):
        if n < 2:
            continue
        matrix = np.full((U, n + 1, n + 1), np.nan)
        inner = values[t, :, :n, :n]
        matrix[:, 1:, 1:] = inner - inner.min() + 2.0
        if root == NONE:
            matrix[:, 1:, 0] = 1.0
        else:
            matrix[:, root + 1] = np.nan
            matrix[:, root + 1, 0] = 1.0
        diagonal = np.arange(n + 1)
        matrix[:, diagonal, diagonal] = np.nan
        # the library counts the artificial root as word 0 and gives it the head -1
        found = np.array([solve(one)[0] for one in matrix])[:, 1:] - 1
        heads[t, :, :n] = np.where(found < 0, NONE, found)
    return heads


def _library() -> Callable[[npt.NDArray[np.float64]], tuple[list[int], float]]:
    try:
        from ufal.chu_liu_edmonds import chu_liu_edmonds
    except ImportError:
        raise ConfigError(
            "the decoder arborescence needs ufal.chu_liu_edmonds",
            remedy="pip install 'subprobe[trees]', or choose max or spanning-tree",
        ) from None
    solve: Callable[[npt.NDArray[np.float64]], tuple[list[int], float]] = chu_liu_edmonds
    return solve


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
