"""Maximum spanning arborescences of many small matrices at once.

The algorithm of Chu and Liu 1965 and Edmonds 1967, all matrices in step: every group of words takes
its best edge from outside, each cycle of groups becomes one group with one row of best edges, until
no cycle is left; then the groups are opened again, last to first, where the edge into them enters.
One call of a compiled solver for each matrix costs more, because matrices are small and many.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

ROOT = -1
"""The head of a word that has none."""

_BLOCK = 2**20  # scores that are worked on at a time: some 30 MiB with what is kept of them


def arborescences(scores: Floats) -> Places:
    """Heads of the arborescence of highest sum of each matrix.

    Args:
        scores: score of each word (second last axis) having each word as head (last) [M, W, W];
            -inf where there is no such edge. A word without any edge is a root, such as padding; a
            matrix without such a word gets exactly one root, where it costs least.

    Returns:
        heads [M, W], ROOT where there is none. The tree is the best one up to rounding in double
        precision; of equally good ones it is always the same.
    """
    M, W, _ = scores.shape
    if not M * W:
        return np.full((M, W), ROOT)
    step = max(1, _BLOCK // W**2)
    return np.concatenate([_solve(scores[at : at + step]) for at in range(0, M, step)])


def _solve(scores: Floats) -> Places:
    forest = _Forest(scores)
    while forest.contract():
        pass
    return forest.heads()


class _Forest:
    """Groups of words of all matrices; words are groups too, and come first, as m * W + w.

    There are at most G = 2 M W groups. For each: `rows`, score of the best edge into it from each
    word, -inf from within, and last that of being the root [G, W + 1]; `enters`, the group inside
    it that this edge enters [G, W + 1]; `pick`, the word of its matrix that it hangs on, W for a
    root [G]; `gain`, the score of that [G]; `first`, word 0 of its matrix [G]; `outer`, the group
    that it is part of, itself if there is none [G].
    """

    def __init__(self, scores: Floats):
        M, W, _ = scores.shape
        self._shape, self._n = (M, W), M * W
        G, words = 2 * M * W, np.arange(M * W)
        self._rows = np.empty((G, W + 1))
        self._rows[: M * W, :W], self._rows[: M * W, W] = scores.reshape(-1, W), 0.0
        self._enters = np.empty((G, W + 1), dtype=np.int32)
        self._pick, self._gain = np.empty(G, dtype=np.int64), np.empty(G)
        self._first, self._outer = np.empty(G, dtype=np.int64), np.arange(G)
        self._first[: M * W] = words // W * W
        self._place = np.empty(G, dtype=np.int64)  # of a group among those of open matrices
        self._of_word = words.copy()  # outermost group of each word
        self._rounds: list[slice] = []
        self._new = slice(0, M * W)
        self._words = self._groups = words  # of the matrices that are not done

    def contract(self) -> bool:
        """Let new groups pick their edges, and join cycles; whether there were any."""
        self._choose()
        joined, cycle = self._cycles()
        if not len(joined):
            return False
        order = np.argsort(cycle, kind="stable")
        joined, cycle = joined[order], cycle[order]
        starts = np.flatnonzero(np.append(True, cycle[1:] != cycle[:-1]))
        sizes = np.diff(np.append(starts, len(cycle)))
        self._new = slice(self._n, self._n + len(starts))
        self._n += len(starts)
        self._first[self._new] = self._first[joined[starts]]
        self._outer[joined] = np.arange(self._new.start, self._n).repeat(sizes)
        self._join(joined, starts, sizes)
        self._narrow()
        return True

    def _join(self, joined: Places, starts: Places, sizes: Places) -> None:
        """Rows of the new groups: the best of their members, each compared with its own edge."""

        def rows(members: Places) -> Floats:
            found = self._rows.take(members, axis=0)
            found -= self._gain[members, None]
            return found

        best, enters = self._rows[self._new], self._enters[self._new]
        one, two = joined[starts], joined[starts + 1]
        first, second = rows(one), rows(two)
        np.maximum(first, second, out=best)
        enters[:] = np.where(second > first, two[:, None], one[:, None])
        for member in range(2, sizes.max()):
            longer = np.flatnonzero(sizes > member)
            more = joined[starts[longer] + member]
            row, held = rows(more), best.take(longer, axis=0)
            enters[longer] = np.where(row > held, more[:, None], enters[longer])
            best[longer] = np.maximum(row, held)

    def _choose(self) -> None:
        rows, W = self._rows[self._new], self._shape[1]
        pick = rows[:, :W].argmax(axis=1)
        every = np.arange(len(pick))
        pick[rows[every, pick] == -np.inf] = W
        self._pick[self._new], self._gain[self._new] = pick, rows[every, pick]

    def _cycles(self) -> tuple[Places, Places]:
        """Groups that lie on cycles, and for each a number of its cycle."""
        groups, steps = self._groups, self._shape[1].bit_length()
        every = np.arange(len(groups))
        self._place[groups] = every
        pick = self._pick[groups]
        is_root = pick == self._shape[1]
        pick[is_root] = 0
        up = self._place.take(self._of_word.take(self._first.take(groups) + pick))
        up = np.where(is_root, every, up)
        # what is on a cycle is what is reached after as many steps as there are groups
        reached = up
        for _ in range(steps):
            reached = reached.take(reached)
        on_cycle = np.zeros(len(groups), dtype=np.bool_)
        on_cycle[reached] = True
        on_cycle &= up != every
        inside = np.flatnonzero(on_cycle)
        number = np.arange(len(inside))
        every[inside] = number
        up = every[up[inside]]
        cycle = np.minimum(number, up)
        for _ in range(steps):
            up = up[up]
            cycle = np.minimum(cycle, cycle[up])
        return groups[inside], cycle

    def _narrow(self) -> None:
        """Go on with the matrices that have new groups."""
        (M, W), groups, new = self._shape, self._groups, self._new
        is_open = np.zeros(M * W, dtype=np.bool_)
        is_open[self._first[new]] = True
        stays = (self._outer.take(groups) == groups) & is_open.take(self._first.take(groups))
        self._groups = np.concatenate([groups[stays], np.arange(new.start, new.stop)])
        self._words = self._words[is_open.take(self._first.take(self._words))]
        group = self._outer.take(self._of_word.take(self._words))
        self._of_word[self._words] = group
        moved = np.flatnonzero(group >= new.start)
        self._rows[group[moved], self._words[moved] % W] = -np.inf
        self._rounds.append(new)

    def heads(self) -> Places:
        """Open all groups: each passes its edge on to the group that it enters."""
        M, W = self._shape
        for groups in self._rounds[::-1]:
            pick = self._pick[groups]
            entered = self._enters[np.arange(groups.start, groups.stop), pick]
            self._pick[entered] = pick
        heads = self._pick[: M * W].reshape(M, W)
        return np.where(heads == W, ROOT, heads)
