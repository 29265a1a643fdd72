"""The five patterns of attention maps (Kovaleva et al. 2019, section 4.1)."""

from __future__ import annotations

PATTERNS = ("vertical", "diagonal", "vertical+diagonal", "block", "heterogeneous")
"""`vertical`: few columns that most rows attend to, such as [CLS], [SEP] or punctuation;
`diagonal`: the token itself or its neighbours; `vertical+diagonal`: both; `block`: square blocks
along the diagonal, attention inside segments; `heterogeneous`: anything else."""

UNCONFIRMED = "unconfirmed"
"""Flag of rows about a pattern whose calls the labelled real maps do not confirm."""

SHORTEST, LONGEST = 8, 128
"""Tokens of the maps that the classifier is trained on; shorter maps have no class."""
