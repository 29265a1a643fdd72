"""The names that a mask file may contain, and the versions of its format."""

from __future__ import annotations

FORMAT_VERSION = 3
"""Version of the file format. Files of version 2, which state no ablation, have `zero`."""

SEMANTICS_VERSION = 1
"""Version of the meaning of a mask: the positions and effects of its gates."""

KINDS = (
    "full", "good", "random", "bad", "super", "anti", "middle", "complement", "random-complement",
    "combined", "reinit", "shuffled", "given",
)  # fmt: skip
"""`given`: a mask of another tool, whose kind is unknown."""

METHODS = (
    "full", "structured", "structured-heads", "structured-mlps", "structured-neurons", "magnitude",
    "l0", "hard-concrete", "continuous-sparsification", "imp", "several",
)  # fmt: skip
"""`several`: a combination of masks of different methods."""

ABLATIONS = ("zero", "mean", "mean-by-position", "resample", "counterfactual", "learned")
"""What replaces the output of a pruned unit.

`zero`: nothing, as in the study. `mean`: its mean activation over the training part.
`mean-by-position`: its mean at each position. `resample`: its activation on another example.
`counterfactual`: its activation on a paired example. `learned`: the constant with the lowest loss.
"""

HELD_IN_BIASES = ("mean", "learned")
"""Ablations whose constants are written into biases when units are removed."""
