"""Made files in the form of the GLUE diagnostics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

HEADER = (
    "Lexical Semantics", "Predicate-Argument Structure", "Logic", "Knowledge", "Domain", "Premise",
    "Hypothesis", "Label",
)  # fmt: skip
LABELS = ("entailment", "neutral", "contradiction")
_WORDS = ("cats", "dogs", "houses", "author", "envelope", "children", "table", "keys")
_FINE = (("Lexical entailment", "Quantifiers"), ("Core args", "Ellipsis"), ("Negation",), ())


def write_diagnostics(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    """Write rows under the published header."""
    lines = ["\t".join(row) for row in (HEADER, *rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def made_rows(count: int = 40, seed: int = 0) -> list[tuple[str, ...]]:
    """Random pairs; each second one turns the one before it round."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, ...]] = []
    for place in range(count):
        texts = [" ".join(["The", *rng.choice(_WORDS, 4)]) + f" {place}." for _ in range(2)]
        if place % 2:
            texts = list(reversed(rows[-1][5:7]))
        cells = [
            ";".join(name for name in some if rng.random() < 0.5) for some in _FINE
        ]  # fmt: skip
        domain = ("News", "Reddit", "")[place % 3]
        rows.append((*cells, domain, *texts, LABELS[int(rng.integers(3))]))
    return rows
