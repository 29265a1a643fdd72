"""How many cells of a run are finished, read from its folder alone."""

from __future__ import annotations

from pathlib import Path

from ...data.output.run_record import run_configuration
from ..configuration.config import parse_config
from ..configuration.renamed import renamed
from ..plan.whole_run import recorded_plan


def finished_cells(folder: Path) -> tuple[int, int] | None:
    """Finished cells and all cells of the run in a folder; None where that is not recorded yet.

    A cell counts where its certificate lies in the folder; its files are not read.

    Raises:
        InputError: if what the folder records is damaged.
    """
    found = run_configuration(folder)
    plan = None if found is None else recorded_plan(
        parse_config(renamed(found), where=str(folder)), folder
    )  # fmt: skip
    if plan is None:
        return None
    done = sum(plan.store.proof(plan.ids[name]).is_file() for name in plan.graph.order)
    return done, len(plan.graph.order)
