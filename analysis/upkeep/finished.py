"""The number of finished cells of a run, read from its folder."""

from __future__ import annotations

from pathlib import Path

from ...data.output.run_record import run_configuration
from ..configuration.config import parse_config
from ..configuration.renamed import renamed
from ..plan.whole_run import recorded_plan


def finished_cells(folder: Path) -> tuple[int, int] | None:
    """Numbers of finished cells and of all cells of a run; None if not yet recorded.

    A cell is counted as finished if its certificate is in the folder; its files are not read.

    Raises:
        InputError: if the record in the folder is damaged.
    """
    found = run_configuration(folder)
    plan = None if found is None else recorded_plan(
        parse_config(renamed(found), where=str(folder)), folder
    )  # fmt: skip
    if plan is None:
        return None
    done = sum(plan.store.proof(plan.ids[name]).is_file() for name in plan.graph.order)
    return done, len(plan.graph.order)
