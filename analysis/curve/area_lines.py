"""The areas under a curve and its effective size, of each draw and over seeds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.output.better import HIGHER, LOWER
from .areas import CMD, CPR, EFFECTIVE, cmd, cpr, effective_size
from .panel import Line, Panel

Floats = npt.NDArray[np.float64]

_AREAS = {CPR: cpr, CMD: cmd}
BETTER = {CPR: HIGHER, CMD: LOWER, EFFECTIVE: LOWER}
"""Measure -> direction of better values."""
_RANGES = {CMD: (0.0, np.inf), EFFECTIVE: (0.0, 1.0)}


def area_lines(panel: Panel, within: float) -> Iterator[dict[str, Any]]:
    """CPR, CMD and effective size of each kind, a line each.

    A super mask has fewer units than the good masks of its size, and other sizes than they have: it
    has no area on their grid.

    Args:
        panel: the scored masks.
        within: largest loss at the effective size, in the unit of the scores.
    """
    full, empty = (
        float(np.mean([one.scores[name] for one in panel.scored])) for name in ("full", "empty")
    )
    for kind, line in panel.lines.items():
        for measure in (CPR, CMD, EFFECTIVE) if kind != "super" else (EFFECTIVE,):
            values = np.stack(by_draw(panel, measure, line, within))
            value = float(values.mean())
            interval = panel.interval(value, on_resamples(panel, measure, line, within))
            # an interval over few seeds may leave the range of a measure; cut, it covers as often
            for limit in ("ci_low", "ci_high") if measure in _RANGES else ():
                interval[limit] = float(np.clip(interval[limit], *_RANGES[measure]))
            yield {
                **panel.about,
                "kind": kind,
                "measure": measure,
                "better": BETTER[measure],
                "value": value,
                **interval,
                "lowest": float(values.min()),
                "highest": float(values.max()),
                "within": within if measure == EFFECTIVE else None,
                "grid": " ".join(f"{share:.6g}" for share in line.shares),
                "full_value": full,
                "empty_value": empty,
                "n_draws": values.shape[1],
                **panel.counts,
                "flag": panel.flag,
            }


def by_draw(panel: Panel, measure: str, line: Line, within: float = 0.0) -> list[Floats]:
    """A measure of each draw [D], for each seed."""
    found = []
    for one, scores in zip(panel.scored, line.scores, strict=True):
        if measure == EFFECTIVE:
            full = np.full(scores.shape[1], one.scores["full"])
            found.append(_effective(panel, line, scores.T, full, within))
        else:
            found.append(_AREAS[measure](line.shares, panel.faithful(one, scores).T))
    return found


def on_resamples(panel: Panel, measure: str, line: Line, within: float = 0.0) -> list[Floats]:
    """The same on resamples of the examples [R, D]."""
    found = []
    for own, scores in zip(panel.samples, line.samples, strict=True):
        by_size = np.swapaxes(scores, 1, 2)
        if measure == EFFECTIVE:
            full = np.repeat(own.full[:, None], by_size.shape[1], axis=1)
            found.append(_effective(panel, line, by_size, full, within))
        else:
            found.append(_AREAS[measure](line.shares, panel.faithful_samples(own, by_size)))
    return found


def _effective(panel: Panel, line: Line, scores: Floats, full: Floats, within: float) -> Floats:
    return effective_size(line.shares, panel.sign * scores, panel.sign * full, within)
