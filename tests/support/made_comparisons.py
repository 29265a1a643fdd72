"""Made-up comparisons of the scores of a made-up run: differences of its rows, with intervals."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd
from subprobe.analysis.comparison.pair_records import COMPARED, TESTED, frame_of

HALF = 0.02
"""Half the width of every interval."""
MODELS = [("full", "finetuned"), ("good", "pruned"), ("random", "pruned"), ("bad", "pruned"),
          ("good", "retrained"), ("random", "retrained"), ("bad", "retrained")]  # fmt: skip


def made_comparisons(rows: pd.DataFrame, beyond: bool = False) -> pd.DataFrame:
    """Comparisons of every two models of each task, in each seed and over these seeds.

    Args:
        rows: made-up rows.
        beyond: also over seeds and examples, with an interval twice as wide.
    """
    scores = rows[(rows["probe"] == "performance") & rows["value"].notna()]
    lines: list[dict[str, Any]] = []
    for task, mine in scores.groupby("task", sort=False):
        means = {model: scored.groupby("seed")["value"].mean()
                 for model, scored in mine.groupby(["kind", "state"])}  # fmt: skip
        # pairs of a run stand in its tables in one order alone
        for first, second in combinations([model for model in MODELS if model in means], 2):
            gaps = means[first] - means[second]
            method = mine.loc[mine["kind"] == "good", "method"].iloc[0]
            about = {"model": "embedded", "task": task, "probe": "performance", "primary": True,
                     "metric": mine["metric"].iloc[0]}  # fmt: skip
            for side, (kind, state) in (("a", first), ("b", second)):
                about |= {f"kind_{side}": kind, f"state_{side}": state,
                          f"method_{side}": "full" if kind == "full" else method}  # fmt: skip
            for seed, gap in gaps.items():
                lines.append(about | _line("one seed", gap, HALF, "this seed") | {"seed": seed})
            if len(gaps) > 1:
                lines.append(about | _line("these seeds", gaps.mean(), HALF, "these seeds"))
            if len(gaps) > 1 and beyond:
                lines.append(about | _line("seeds and examples", gaps.mean(), 2 * HALF, ""))
    return frame_of(lines, COMPARED)


def _line(level: str, gap: float, half: float, covers: str) -> dict[str, Any]:
    over = "seeds and examples" if level == "seeds and examples" else "examples"
    method = f"paired bootstrap over {over} (2000)" + (f", {covers}" if covers else "")
    return {"level": level, "difference": gap, "ci_low": gap - half, "ci_high": gap + half,
            "ci_method": method}  # fmt: skip


def made_tests(task: str, state: str, p_value: float) -> pd.DataFrame:
    """The sign-flip test of good against random over seeds."""
    line = {"model": "embedded", "task": task, "probe": "performance", "primary": True,
            "level": "these seeds", "test": "sign flips over seeds", "p_adjusted": p_value,
            "method_a": "structured", "method_b": "structured", "kind_a": "good",
            "kind_b": "random", "state_a": state, "state_b": state}  # fmt: skip
    return frame_of([line], TESTED)


def made_costs(layers: int = 6, heads: int = 12, neurons: int = 1536) -> dict[str, Any]:
    """What the units of an encoder of this shape might cost."""
    return {"heads": layers * heads, "mlps": layers, "neurons": layers * neurons,
            "parameters": 22_000_000, "head_parameters": 49_248, "neuron_parameters": 769,
            "mlp_parameters": 384, "length": 128, "flops": 2_869_200_384,
            "head_flops": 14_680_064, "neuron_flops": 196_608, "separable": True}  # fmt: skip
