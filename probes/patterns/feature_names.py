"""The names of the features of a map; this file is read without torch."""

from __future__ import annotations

GRID = 10
OFFSETS = tuple(range(-3, 4))
BANDS = ("1", "2", "4", "n/8", "n/4")
WINDOWS = ("2", "4", "n/8", "n/4", "n/2")
TOP = 4

FEATURES = (
    "log_length",
    *(f"column_{rank}" for rank in range(1, TOP + 1)),
    "column_first",
    "column_last",
    "column_concentration",
    "column_entropy",
    *(f"steady_column_{rank}" for rank in range(1, TOP + 1)),
    *(f"diagonal_{offset:+d}" for offset in OFFSETS),
    *(f"diagonal_excess_{offset:+d}" for offset in OFFSETS),
    *(f"steady_diagonal_{offset:+d}" for offset in OFFSETS),
    *(f"band_excess_{band}" for band in BANDS),
    "distance",
    "distance_excess",
    "split_excess",
    "split_contrast",
    *(f"novelty_max_{window}" for window in WINDOWS),
    *(f"novelty_mean_{window}" for window in WINDOWS),
    *(f"novelty_spread_{window}" for window in WINDOWS),
    "row_variation",
    "row_entropy",
    "row_entropy_spread",
    "row_peak",
    "row_mass_spread",
    "symmetry",
    *(f"grid_{i}_{j}" for i in range(GRID) for j in range(GRID)),
)
"""Names of the F features.

`column_r`: mean mass on the column with the r-th most; `steady_*`: (mean of roots)^2 / mean down a
column or along a diagonal, 1 where every row takes part alike; `*_excess`: what is beyond the mass
that rows without an order would put there, given the columns; `split_excess`: the best cut into two
segments; `novelty_w`: mass inside minus across, of the w tokens on each side of a boundary (Foote
2000); `row_variation`: total variation distance of the rows to their mean; `grid`: log density over
GRID x GRID equal cells."""
