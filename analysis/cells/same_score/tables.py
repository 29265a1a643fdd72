"""The step that compares masks of one size: every table of `subprobe same-score`."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ....data.output.tables import rows_frame
from ....models.masks.subnetwork import Subnetwork
from ...cell_output import CellOutput
from ...same_score.compare import Asked, tables_of
from ...same_score.core import asked_sets, core_table
from ...same_score.making import mask_name
from ...same_score.masks import check_masks
from ...same_score.of_run import records_of, summary_rows
from ...same_score.points import FULL
from ...same_score.scoring import scored_of
from ...spread.panel import PERFORMANCE
from ...steps.identity import selection_of
from ..work import Nothing, Work
from .computed import flagged_as, sets_of


def tables(work: Work) -> CellOutput:
    """The tables about the masks of one model, and their spread and correlations as rows."""
    count = int(work.options["masks"])
    names = [mask_name(number, count) for number in range(1, count + 1)]
    masks = dict(zip(names, _found(work, count), strict=True))
    check_masks(masks)
    asked = Asked(
        int(work.options["draws"]), correction=str(work.options["correction"]), seed=work.seed
    )
    rows: list[pd.DataFrame] = []
    items: dict[str, pd.DataFrame] = {}
    named: dict[str, Subnetwork | None] = {FULL: None, **masks}
    for place, (name, mask) in enumerate(named.items()):
        own = list(_outputs(work, f"mask{place}" if place else "full"))
        rows.append(flagged_as(work, pd.concat([one for one, _ in own], ignore_index=True), mask))
        items[name] = pd.concat([one for _, one in own], ignore_index=True)
    sets = sets_of(work, "found/mask")
    core = None
    if len(values := _core_values(work)):
        core = core_table(asked_sets(sets, asked.draws, asked.seed), values, asked.correction)
    result = tables_of(scored_of(rows, items, named), masks, asked, sets, core)
    who = {
        "model": work.materials.prepared.source.name, "task": work.parts.spec.name,
        "method": str(work.options["method"]), "seed": work.seed,
    }  # fmt: skip
    first = next(iter(masks.values()))
    about = who | {
        "cell_id": work.order.id, "corpus": work.parts.spec.name, "split": work.parts.report_name,
        "selection": selection_of(first, work.parts), "draw": 0, "ablation": first.ablation,
    }  # fmt: skip
    return CellOutput(
        rows_frame(summary_rows(result, about)), pd.DataFrame(),
        notes={"tables": records_of(result, who)},
    )  # fmt: skip


def _found(work: Work, count: int) -> list[Subnetwork]:
    """The masks.

    Raises:
        Nothing: if they could not be searched for.
    """
    roles = [f"found/mask{number}" for number in range(1, count + 1)]
    for role in ("model", *roles):
        if why := work.proofs[role].nothing:
            raise Nothing(why)
    return [work.read_mask(role) for role in roles]


def _outputs(work: Work, last: str) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Rows and items of the score of one model, and of every probe that could read it."""
    for role in work.order.inputs:
        if role.startswith("found/") or role.rpartition("/")[2] != last:
            continue
        if work.proofs[role].nothing:
            continue
        output = work.output(role)
        rows = rows_frame(pd.DataFrame(output.notes["rows"])) if last != FULL else output.rows
        items = output.items
        if role == last:
            # confidences of examples, which calibration reads, are not answers
            items = items[items["probe"].eq(PERFORMANCE)]
        yield rows, items


def _core_values(work: Work) -> pd.DataFrame:
    """The metrics of the core and of random sets; empty if there is no core."""
    roles = [role for role in work.order.inputs if role.rpartition("/")[2] == "core"]
    held = [work.output(role).notes["values"] for role in roles if not work.proofs[role].nothing]
    frames = [pd.DataFrame(one) for one in held if one]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
