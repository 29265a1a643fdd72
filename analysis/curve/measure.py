"""The tables of a curve, from the masks that were scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from .area_lines import area_lines
from .better import corrected, tested_lines
from .columns import AREAS, MASKS, POINTS, TESTS
from .panel import Panel
from .points import mask_lines, point_lines


@dataclass(frozen=True)
class Curve:
    """Everything that `subprobe curve` writes as tables.

    Attributes:
        points: one kind at one size a line (columns of `POINTS`).
        areas: one area, or the effective size, of one kind a line.
        tests: good against random: one test a line.
        masks: one mask a line.
    """

    points: pd.DataFrame
    areas: pd.DataFrame
    tests: pd.DataFrame
    masks: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """File name without its ending -> frame."""
        return {
            "curve": self.points, "curve_areas": self.areas, "curve_tests": self.tests,
            "curve_masks": self.masks,
        }  # fmt: skip


def curve_of(panel: Panel, *, within: float = 3.0, correction: str = "holm") -> Curve:
    """The tables of a curve.

    Args:
        panel: the scored masks.
        within: largest loss of a mask of effective size, in points: hundredths of the metric.
        correction: `holm` or `fdr_bh`.
    """
    tests = pd.DataFrame(list(tested_lines(panel)))
    return Curve(
        framed(pd.DataFrame(list(point_lines(panel))), POINTS),
        framed(pd.DataFrame(list(area_lines(panel, within / 100))), AREAS),
        framed(corrected(tests, correction) if len(tests) else tests, TESTS),
        framed(pd.DataFrame(list(mask_lines(panel))), MASKS),
    )


def framed(frame: pd.DataFrame, types: Mapping[str, str]) -> pd.DataFrame:
    """A frame with these columns, in their order and types; empty texts are missing."""
    found = frame.reindex(columns=list(types)).astype(dict(types))
    texts = {
        name: found[name].mask(found[name].eq("").fillna(False), pd.NA)
        for name, kind in types.items()
        if kind == "string"
    }
    return found.assign(**texts)
