"""Write the tables, the figure and the masks of `subprobe same-score`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...data.files.atomic import write_text
from ...data.output.folders import atomic_folder
from ...data.output.tables import write_csv
from ...models.masks.subnetwork import Subnetwork
from .figure import svg_of
from .measure import SameScore

SAME_SCORE = "same-score"
"""What the record of a folder calls these files."""
FIGURE = "same-score.svg"


def emit_found(
    found: SameScore, masks: Mapping[str, Subnetwork], out: Path | None, *, overwrite: bool = False
) -> None:
    """Write one CSV file for each table, the figure, and `masks/NAME.safetensors`.

    Args:
        found: the tables.
        masks: the masks that were made.
        out: folder; None = nothing is written.
        overwrite: write although the folder holds files that subprobe did not write; they stay.
    """
    if out is None:
        return
    with atomic_folder(out, SAME_SCORE, overwrite=overwrite) as folder:
        for name, table in found.tables().items():
            write_csv(table, folder / f"{name}.csv")
        if (svg := svg_of(found)) is not None:
            write_text(folder / FIGURE, svg)
        if masks:
            (folder / "masks").mkdir()
        for name, mask in masks.items():
            mask.save(folder / "masks" / f"{name}.safetensors")
