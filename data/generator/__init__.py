"""Generated tasks: text, labels and gold trees are the project's own."""

from __future__ import annotations

from .acceptability import ACCEPTABILITY, acceptability

PHENOMENA: dict[str, str] = {entry.name: entry.description for entry in ACCEPTABILITY}
"""Phenomenon of the task `acceptability` -> what it is about."""

__all__ = ["PHENOMENA", "acceptability"]
