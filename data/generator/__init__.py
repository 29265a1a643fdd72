"""Generated tasks: the project generates their texts, labels and gold trees."""

from __future__ import annotations

from .acceptability import ACCEPTABILITY, acceptability
from .entailment import ENTAILMENT, entailment

PHENOMENA: dict[str, str] = {
    entry.name: entry.description for entry in (*ACCEPTABILITY, *ENTAILMENT)
}
"""Phenomenon of either task -> its description."""

__all__ = ["PHENOMENA", "acceptability", "entailment"]
