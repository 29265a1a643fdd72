"""Flags of a training that came to nothing, in words."""

from __future__ import annotations

DIVERGED = "diverged"
"""The loss was not finite, or exploded: the training failed."""
UNLEARNED = "unlearned"
"""The model ended not significantly above the baseline: it did not learn in the training given."""
FAILED = (DIVERGED, UNLEARNED)

OF_A_SEED = {
    DIVERGED: "its training diverged",
    UNLEARNED: "its full model did not learn the task",
}
"""Flag of a full model -> why its seed is left out."""

ABOUT = {
    DIVERGED: "diverged: its scores say nothing about the model, and count as they came out",
    UNLEARNED: (
        "did not learn in the time given: its scores count, and say nothing about what more "
        "training would give"
    ),
}
"""Flag of a training -> what its scores are worth."""
