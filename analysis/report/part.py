"""One part of the page of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from .grids import Grid


@dataclass(frozen=True)
class Part:
    """One task of one encoder, two runs, or one transfer matrix: a picture and its tables."""

    name: str
    title: str
    text: str
    alt: str
    spec: Markup
    grids: tuple[Grid, ...]
