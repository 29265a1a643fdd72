"""Initialisation seeds crossed with data-order seeds, and how much of the variance each explains.

As in Dodge et al. (2020, section 4), each initialisation is trained with each order of the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.seeds import Grid, grid_of, meet

Floats = npt.NDArray[np.float64]

INIT, ORDER, RESIDUAL = "initialisation", "data order", "residual"


def crossed(runs: pd.DataFrame) -> bool:
    """Whether several seeds of the initialisation meet several of the order in these runs."""
    return meet(set(zip(runs["seed_init"], runs["seed_order"], strict=True)))


def grid_in(runs: pd.DataFrame) -> Grid | None:
    """The grid of runs with the columns `seed_init` and `seed_order`, if they are one."""
    return grid_of(list(zip(runs["seed_init"], runs["seed_order"], strict=True)))


def variance_parts(values: npt.ArrayLike) -> list[dict[str, Any]]:
    """Variance components of a grid of runs: two-way analysis of variance without replication.

    Both factors are random (Searle, Casella & McCulloch 1992, section 4.3): with mean squares MS,
    the component of the initialisation is (MS_init - MS_residual) / J, that of the data order
    (MS_order - MS_residual) / I, each at least 0, and that of the residual MS_residual. The
    residual is the interaction of both seeds together with everything else that varies. F tests
    each factor against the residual.

    Args:
        values: the metric of each run [I, J], initialisations by orders; I and J are at least 2.

    Returns:
        One line for each of `initialisation`, `data order` and `residual`: degrees of freedom, sum
        of squares and its share, component as variance, standard deviation and share, F and p. A
        share is missing where nothing varies.
    """
    values = np.asarray(values, dtype=np.float64)
    height, width = values.shape
    mean = values.mean()
    rows, columns = values.mean(axis=1), values.mean(axis=0)
    left = values - rows[:, None] - columns[None, :] + mean
    squares = {
        INIT: width * ((rows - mean) ** 2).sum(),
        ORDER: height * ((columns - mean) ** 2).sum(),
        RESIDUAL: (left**2).sum(),
    }
    df = {INIT: height - 1, ORDER: width - 1, RESIDUAL: (height - 1) * (width - 1)}
    ms = {name: squares[name] / df[name] for name in df}
    each = {INIT: width, ORDER: height}
    part = {name: max(0.0, (ms[name] - ms[RESIDUAL]) / count) for name, count in each.items()}
    part[RESIDUAL] = ms[RESIDUAL]
    total, all_squares = sum(part.values()), sum(squares.values())
    varies = np.ptp(values) > 1e-12
    lines = []
    for name in (INIT, ORDER, RESIDUAL):
        line: dict[str, Any] = {
            "source": name, "df": df[name], "sum_of_squares": squares[name],
            "variance": part[name], "sd": np.sqrt(part[name]),
        }  # fmt: skip
        if varies:
            line["share_of_squares"] = squares[name] / all_squares
            line["share"] = part[name] / total
        if varies and name != RESIDUAL and ms[RESIDUAL] > 1e-12 * all_squares:
            line |= _f_test(ms[name] / ms[RESIDUAL], df[name], df[RESIDUAL])
        lines.append(line)
    return lines


def _f_test(f: float, df: int, of_residual: int) -> dict[str, float]:
    from scipy.stats import f as f_distribution

    return {"f": f, "p_value": float(f_distribution.sf(f, df, of_residual))}
