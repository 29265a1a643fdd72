"""The points of a curve over seeds and draws, and the masks behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...data.seeds import order_column, seed_of
from .panel import Panel


def point_lines(panel: Panel) -> Iterator[dict[str, Any]]:
    """One kind at one size a line, over its seeds and draws."""
    sizes = panel.sizes
    for kind, line in panel.lines.items():
        faithful = [
            panel.faithful(one, scores).mean(axis=1)
            for one, scores in zip(panel.scored, line.scores, strict=True)
        ]
        for place, counts in enumerate(sizes.counts):
            here = np.stack([scores[place] for scores in line.scores])
            value = float(here.mean())
            held = [one.answers[kind][:, place, :] for one in panel.scored]
            baseline, chance = panel.scored[0].baseline
            yield {
                **panel.about,
                "kind": kind,
                "share_asked": sizes.asked[place],
                "share": line.shares[place],
                # units that all seeds keep are fewer than each of them keeps
                **(counts if kind != "super" else {}),
                "better": panel.better,
                "value": value,
                **panel.interval(
                    value,
                    [samples[:, place, :] for samples in line.samples],
                    constant=all(bool((one == one[:1]).all()) for one in held),
                ),
                "lowest": float(here.min()),
                "highest": float(here.max()),
                "faithfulness": float(np.mean([one[place] for one in faithful])),
                "baseline": baseline,
                "baseline_value": chance,
                "n_draws": here.shape[1],
                **panel.counts,
                "flag": panel.flag,
            }


def mask_lines(panel: Panel) -> Iterator[dict[str, Any]]:
    """One mask a line."""
    for one in panel.scored:
        for mark in one.marks:
            yield {
                **panel.about,
                "model": one.name,
                "seed": seed_of(*one.seeds),
                "seed_order": order_column(*one.seeds),
                "kind": mark.kind,
                "draw": mark.draw + (one.first_draw if mark.kind in ("random", "bad") else 0),
                "share": mark.share,
                "mask_id": mark.mask_id,
                "better": panel.better,
                "value": mark.value,
                "faithfulness": float(panel.faithful(one, mark.value)),
                "n": len(one.ids),
                "flag": "diverged" if mark.undefined else one.flag,
            }
