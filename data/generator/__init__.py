"""Generated tasks: text, labels and gold trees are the project's own."""

from __future__ import annotations

from .acceptability import ACCEPTABILITY, acceptability
from .entailment import ENTAILMENT, entailment

PHENOMENA: dict[str, str] = {
    entry.name: entry.description for entry in (*ACCEPTABILITY, *ENTAILMENT)
}
"""Phenomenon of either task -> what it is about."""

__all__ = ["PHENOMENA", "acceptability", "entailment"]
