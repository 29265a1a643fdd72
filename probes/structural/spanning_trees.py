"""Minimum spanning trees of many distance matrices at once, with the published order of ties.

The code of Hewitt & Manning 2019 sorts the pairs (i, j) with i < j by distance, equal ones in the
order of i, then j, and takes an edge wherever it joins two parts. So it is the tree of least sum in
which a pair's weight is its place in that order; these weights differ, and any algorithm finds the
same tree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]


def spanning_trees(distances: Floats, stays: Flags) -> Flags:
    """The edges of the minimum spanning tree over the words of each matrix that stay.

    Args:
        distances: symmetric; above the diagonal, no NaN [G, W, W].
        stays: words that the tree is over [G, W].

    Returns:
        whether there is an edge (i, j), i < j [G, W, W].
    """
    G, W, _ = distances.shape
    first, second = np.triu_indices(W, 1)
    order = np.argsort(distances[:, first, second], axis=1, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(1, len(first) + 1)[None], axis=1)
    graph, pair = np.nonzero(stays[:, first] & stays[:, second])
    # one graph of G parts without an edge between them
    weights = csr_array(
        (place[graph, pair], (graph * W + first[pair], graph * W + second[pair])),
        shape=(G * W, G * W),
    )
    tree = minimum_spanning_tree(weights).tocoo()
    start, end = np.minimum(tree.row, tree.col), np.maximum(tree.row, tree.col)
    edges = np.zeros((G, W, W), dtype=np.bool_)
    edges[start // W, start % W, end % W] = True
    return edges
