"""Names of the untrained null in rows, files and options."""

from __future__ import annotations

PROBE = "untrained-null"
"""Its name in rows and folders."""

ROWS, ITEMS = "untrained-null.csv", "untrained-null.parquet"

UNTRAINED = "untrained"
"""State of rows about the encoder with random weights."""

NULLS = (UNTRAINED,)
"""Names of null models of a search."""

MASK_MINUS_COMPLEMENT = "mask_minus_complement"
MASK_MINUS_RANDOM = "mask_minus_random"
OWN_MINUS_OTHER = "own_minus_other"
TRAINED_MINUS_UNTRAINED = "trained_minus_untrained"
CONTRASTS = (
    MASK_MINUS_COMPLEMENT, MASK_MINUS_RANDOM, OWN_MINUS_OTHER, TRAINED_MINUS_UNTRAINED,
)  # fmt: skip
"""Metrics of rows that compare two models; `variant` says what is compared."""
