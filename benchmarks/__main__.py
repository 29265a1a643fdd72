"""Run every benchmark and print the table."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from .timing import Measure, plant_faults, planted


def measures(*, quick: bool) -> list[Measure]:
    """Every line of the table; `quick` only checks that they run, with few repeats."""
    import torch

    from . import (
        attack,
        attention,
        attributions,
        cells,
        curves,
        faithfulness,
        language,
        learning,
        memory,
        probing,
        pruning,
        reporting,
        scoring,
        searching,
        smaller,
        stability,
        start,
        structural,
        structural_memory,
    )

    torch.set_num_threads(1)
    small: dict[str, Any] = {"count": 12, "repeats": 1} if quick else {}
    tiny: dict[str, Any] = {"count": 4, "repeats": 1} if quick else {}
    one_each: dict[str, Any] = {"every": False, "repeats": 1} if quick else {}
    short: dict[str, Any] = {"batch": 2, "length": 16, "repeats": 1}
    calls: list[Callable[[], Measure]] = [
        lambda: pruning.importance(**small),
        lambda: pruning.gates(**small),
        lambda: searching.one_pass(**tiny),
        lambda: searching.shrinking(**tiny),
        lambda: pruning.ablation(**tiny),
        lambda: learning.learned_mask(**small),
        lambda: learning.learned_mask(units="weights", block="64x64", **small),
        lambda: smaller.compact(**(short if quick else {})),
        lambda: scoring.scoring(**small),
        lambda: curves.curve(count=4, draws=1, repeats=1) if quick else curves.curve(),
        # building the smaller models takes longer than a few short texts
        lambda: curves.curve("neurons", draws=1, **(tiny or {"count": 128})),
        lambda: curves.curve("heads", draws=1, **(tiny or {"count": 128})),
        lambda: probing.streaming(**small),
        lambda: stability.stability(**({"draws": 99, "repeats": 1} if quick else {"repeats": 3})),
        lambda: probing.change(**small),
        lambda: faithfulness.left_out(**tiny),
        lambda: attack.attacks(**tiny),
    ]
    found = [call() for call in calls]
    found += attention.attention_pass(**small)
    found += attributions.attributions(**tiny)
    found += structural.structural(**({"count": 60, "repeats": 1} if quick else {}))
    found += language.language(**tiny)
    found += start.starts(**one_each)
    found += reporting.reports(**({"count": 500, "repeats": 1} if quick else {}))
    few: dict[str, Any] = {"empty": 4, "equal": 2, "rounds": 1, "additions": 1000}
    found += cells.cells(**(few if quick else {}))
    if quick:
        return found  # with few sentences, memory is dominated by noise
    faults: dict[str, Any] = {"together": "hoarding", "items": "items-as-objects"}
    found += structural_memory.structural_memory(what="hoarding" if planted() else "probe")
    return found + memory.memory(**(faults if planted() else {}))


def main(arguments: list[str] | None = None) -> None:
    """Parse the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="few repeats, to check that it runs")
    parser.add_argument(
        "--planted",
        action="store_true",
        help="measure with a planted fault in every line; exit 1 if a limit does not detect it",
    )
    options = parser.parse_args(arguments)
    if options.planted:
        plant_faults()
    found = measures(quick=options.quick)
    if options.json:
        print(json.dumps([{**asdict(one), "within": one.within} for one in found]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="processor time, one thread, median of interleaved pairs", box=None)
    for name in ("", "measured", "lowest and highest", "in wall time", "limit", ""):
        table.add_column(name, justify="left" if not name else "right")
    for one in found:
        table.add_row(
            one.name,
            f"{one.value:.2f} {one.unit}",
            f"{one.low:.2f} to {one.high:.2f}",
            "" if one.wall is None else f"{one.wall:.2f} {one.unit}",
            "" if one.limit is None else f"{one.limit:.2f} {one.unit}",
            "" if one.limit is None else "within" if one.within else "OVER",
        )
    Console().print(table)
    blind = [one.name for one in found if one.limit is not None and one.within]
    if options.planted and blind:
        raise SystemExit(f"limits that did not detect a planted fault: {'; '.join(blind)}")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    main()
