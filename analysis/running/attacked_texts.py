"""The texts of adversarial attacks, before and after, as a table of a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from ...data.errors import DataFileError
from ...data.files.reading import reading
from ...data.output.tables import as_written
from ...probes.attack.entries import ADVERSARIAL_TEXT, NAME, ORIGINAL_TEXT
from ..cell_output import CellOutput
from .collect import Collected

FILE = "adversarial_texts.csv"
COLUMNS = [
    "model", "task", "method", "seed", "kind", "state", "draw", "mask_id", "cell_id", "variant",
    "item_id", "original", "adversarial", "gold", "prediction",
]  # fmt: skip
_WHOLE = ("seed", "draw", "gold", "prediction")


def attacked_frame(collected: Collected) -> pd.DataFrame:
    """One row per model and attacked example of which words were replaced.

    `prediction` and `gold` are numbers of classes; the attack succeeded where they differ.
    """
    parts = [_texts(output) for output in _outputs(collected)]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def read_attacked(folder: Path) -> dict[str, pd.DataFrame]:
    """The table that a run wrote, by its name; empty if it wrote none.

    Raises:
        DataFileError: if the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    with reading(path, problem="is not a table of adversarial texts"):
        types = {name: "Int64" if name in _WHOLE else "string" for name in COLUMNS}
        table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise DataFileError(
            f"has no column {missing[0]!r}", where=str(path), remedy="run the folder again"
        )
    return {path.stem: as_written(table)}


def _outputs(collected: Collected) -> Iterator[CellOutput]:
    """The finished cells with attacks."""
    for cell in collected.of_step("probe"):
        if cell.options["probe"]["name"] == NAME:
            output = collected.output(cell.name)
            if output is not None and len(output.items) and len(output.rows):
                yield output


def _texts(output: CellOutput) -> pd.DataFrame:
    items = output.items.set_index("item_id")
    texts = {
        name: items.loc[items["metric"] == metric, "relation"]
        for name, metric in (("original", ORIGINAL_TEXT), ("adversarial", ADVERSARIAL_TEXT))
    }
    after = items[items["metric"] == "accuracy_after"].loc[texts["original"].index]
    frame = pd.DataFrame({**texts, **{name: after[name] for name in ("gold", "prediction")}})
    frame = frame.reset_index().assign(
        **{name: output.rows.iloc[0][name] for name in COLUMNS[:8]},
        cell_id=after["cell_id"].to_numpy(),
        variant=after["variant"].to_numpy(),
    )
    return frame[COLUMNS].astype(dict.fromkeys(_WHOLE, "Int64"))
