"""A map of heads by the divergence of their attention, and groups of similar heads.

Clark et al. 2019, figure 6: metric multidimensional scaling of the Jensen-Shannon divergences
between heads to two dimensions. Groups are those of average-linkage clustering on the same
divergences, as many as give the best mean silhouette (Rousseeuw 1987).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.output.tables import rows_frame
from ...probes.forward.base import ProbeResult

MOST_GROUPS = 10


def head_map_rows(result: ProbeResult) -> pd.DataFrame:
    """Rows of `head-distances` followed by the position and group of each kept head.

    Args:
        result: what the probe found.

    Returns:
        The rows, and for each kept head `map_x`, `map_y` (in the divergence's unit) and `cluster`
        (numbered from 0 by first head, their count in `target`); nothing is added under four kept
        heads.
    """
    matrix = result.arrays["js_divergence"]
    H = len(matrix) // int(result.notes["head_distance_n_layers"])
    living = np.flatnonzero(~np.isnan(matrix).all(axis=1))
    if len(living) < 4:
        return result.rows
    distances = matrix[np.ix_(living, living)]
    x, y = scaled(distances).T
    groups = clusters(distances)
    frames = [
        pd.DataFrame({"layer": living // H, "head": living % H, "metric": metric, "value": value})
        for metric, value in (("map_x", x), ("map_y", y), ("cluster", groups.astype(np.float64)))
    ]
    placed = pd.concat(frames, ignore_index=True)
    count = f"{groups.max() + 1} clusters"
    placed = placed.assign(
        probe=result.probe,
        variant=result.rows["variant"].iloc[0],
        unit="head",
        n=int(result.rows["n"].iloc[0]),
        target=[count if metric == "cluster" else None for metric in placed["metric"]],
    )
    return rows_frame(pd.concat([result.rows, rows_frame(placed)], ignore_index=True))


def scaled(distances: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Places in two dimensions [K, 2] from distances [K, K], by SMACOF from the classical solution.

    Turned to principal axes, and each axis so that its largest coordinate is positive: the same
    distances give the same map.
    """
    from sklearn.manifold import smacof

    held = np.asarray(distances, dtype=np.float64)
    start = _principal(_classical(held))
    places, _ = smacof(
        held, n_components=2, init=start, n_init=1, metric=True, eps=1e-9, max_iter=1000,
        normalized_stress=False,
    )  # fmt: skip
    return _principal(places)


def clusters(distances: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Group of each head [K] from distances [K, K], numbered by their first members."""
    from scipy.cluster.hierarchy import cut_tree, linkage
    from scipy.spatial.distance import squareform
    from sklearn.metrics import silhouette_score

    held = np.asarray(distances, dtype=np.float64)
    tree = linkage(squareform(held, checks=False), method="average")
    best, chosen = -np.inf, np.zeros(len(held), dtype=np.int64)
    for count in range(2, min(MOST_GROUPS, len(held) - 1) + 1):
        groups = cut_tree(tree, count)[:, 0]
        score = silhouette_score(held, groups, metric="precomputed")
        if score > best + 1e-12:
            best, chosen = score, groups
    _, first, inverse = np.unique(chosen, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return np.asarray(order[inverse], dtype=np.int64)


def _classical(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Classical scaling (Torgerson 1952) to two dimensions [K, 2]."""
    centre = np.eye(len(distances)) - 1 / len(distances)
    values, vectors = np.linalg.eigh(-centre @ distances**2 @ centre / 2)
    return np.asarray(vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 0)))


def _principal(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centred, turned to principal axes, signs fixed [K, 2]."""
    centred = places - places.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=False)[2].T
    largest = turned[np.abs(turned).argmax(axis=0), [0, 1]]
    return np.asarray(turned * np.where(largest < 0, -1.0, 1.0))
