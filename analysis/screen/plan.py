"""A plan on the screen: its cells by step, what is left, and how long that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from ..cost.outlook import Outlook, StepOutlook
from ..wording import counted, duration
from .records import console_of, print_lines, print_records

_MOST = 5
"""Damaged cells that are named."""


def print_plan(
    outlook: Outlook, wording: Callable[[str], str] = str, console: Console | None = None
) -> None:
    """Print the steps of a plan, schedules, the longest chain and what the figures rest on.

    Args:
        outlook: the plan.
        wording: what is done to each line before it is written.
        console: where to; None = the screen.
    """
    console = console_of(console)
    records = [_step(step, outlook.steps) for step in outlook.steps]
    keep = ("step", "missing", "time left", "cells", "done", "damaged", "from")
    title = f"{len(outlook.states):,} cells"
    print_records(records, title=title, console=console, keep=keep)
    print_lines([wording(line) for line in plan_lines(outlook)], console)


def _step(step: StepOutlook, steps: Sequence[StepOutlook]) -> dict[str, str]:
    extra = [name for name in ("damaged", "to_check") if any(getattr(one, name) for one in steps)]
    counts = {name: f"{getattr(step, name):,}" for name in ("cells", "done", "missing", *extra)}
    return {
        "step": step.step,
        **{name.replace("_", " "): count for name, count in counts.items()},
        "time left": duration(step.seconds) if step.done < step.cells else "",
        "memory": megabytes(step.memory_mb),
        "disk": megabytes(step.disk / 1e6),
        "from": step.basis,
    }


def plan_lines(outlook: Outlook) -> list[str]:
    """What stands below the table."""
    left = outlook.left
    lines = [f"damaged: {name}: {why}" for name, why in list(outlook.faults.items())[:_MOST]]
    if len(outlook.faults) > _MOST:
        lines.append(f"damaged: {counted(len(outlook.faults) - _MOST, 'more cell')}")
    if not left:
        lines.append("nothing is left to compute")
    else:
        work = sum(outlook.estimates[name].seconds for name in left)
        chain = sum(outlook.estimates[name].seconds for name in outlook.path)
        lines += [
            f"left: {len(left):,} of {len(outlook.states):,} cells, {duration(work)} of work",
            f"longest chain: {duration(chain)}: {' > '.join(outlook.path)}",
        ]
        for one in outlook.schedules:
            ratio = one.makespan / one.bound if one.bound else 1.0
            lines.append(
                f"with {counted(one.workers, 'worker')}: {duration(one.makespan)} "
                f"({ratio:.2f} x {duration(one.bound)}, which no order of the cells can beat)"
            )
    disk = sum(one.disk for one in outlook.estimates.values()) / 1e6
    after = sum(outlook.estimates[name].disk for name in left) / 1e6
    lines.append(f"disk: {megabytes(disk)} in all, {megabytes(after)} still to be written")
    return [*lines, *outlook.said]


def megabytes(value: float) -> str:
    """Megabytes as people say them."""
    if value >= 1000:
        return f"{value / 1000:,.1f} GB"
    return f"{value:,.0f} MB" if value >= 1 else f"{1000 * value:,.0f} kB"
