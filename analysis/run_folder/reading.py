"""Reading a run folder back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...data.errors import DataFileError, UnknownNameError
from ...data.files.parquet_files import DAMAGED_CELL, parquet_file
from ...data.output.run_record import masks_left_over
from ...data.output.tables import items_frame, read_rows
from ...data.seeds import order_column, seed_of
from ..cell_output import check_as_written, check_own_items
from .dictionary import IDENTITY, ITEM_COLUMNS, MASK_COLUMNS, typed
from .manifest_file import read_manifest
from .written_tables import read_written, written_tables

if TYPE_CHECKING:
    from ..figures.charts import Figure

_ITEMS_AT_ONCE = 200_000


def _part(folder: Path | str, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise DataFileError(
            f"holds no {name}",
            where=str(folder),
            remedy="name a folder that `subprobe run` has finished",
        )
    return path


def load_rows(folder: Path | str) -> pd.DataFrame:
    """Every tidy row of a finished run.

    Raises:
        DataFileError: if the folder is not a finished run.
    """
    path = _part(folder, "rows.parquet")
    rows = read_rows(path)
    if rows.empty:
        raise DataFileError("holds no rows", where=str(path))
    return rows


def load_manifest(folder: Path | str) -> dict[str, Any]:
    """The manifest of a finished run.

    Raises:
        DataFileError: if the folder is not a finished run, or its manifest is damaged.
    """
    return read_manifest(_part(folder, "manifest.json"))


@dataclass(frozen=True)
class Run:
    """A finished run as pandas frames.

    Attributes:
        folder: where it lies.
        rows: every tidy row.
        manifest: what ran: options, versions, seeds, inputs.
    """

    folder: Path
    rows: pd.DataFrame
    manifest: dict[str, Any]

    def to_frame(self) -> pd.DataFrame:
        """Every tidy row; a copy."""
        return self.rows.copy()

    def plot(self, name: str | None = None) -> Figure:
        """A figure of the report, which a notebook shows; `spec` is its Vega-Lite.

        Args:
            name: of the figure, such as `performance-acceptability`; the first by default.

        Raises:
            DataFileError: if the rows have no numbers for any figure.
            UnknownNameError: if there is no such figure; the message lists those there are.
        """
        known = self._figures
        if not known:
            raise DataFileError("its rows have no numbers for a figure", where=str(self.folder))
        name = next(iter(known)) if name is None else name
        if name not in known:
            raise UnknownNameError("figure", name, known)
        return deepcopy(known[name])  # whoever changes one changes theirs alone

    @cached_property
    def _figures(self) -> Mapping[str, Figure]:
        """Every figure by name: one needs the summaries that all of them need."""
        from ..calibration.of_folder import answered_tables
        from ..curve.written import read_curves
        from ..figures.figures import figures
        from ..same_score.written import read_same_score
        from ..summary.summaries import summaries

        answered = answered_tables(self.rows, self.manifest, self.folder)
        curves = read_curves(self.rows, self.folder)
        alike = read_same_score(self.rows, self.folder)
        tables = {**summaries(self.rows), **answered, **curves, **alike}
        return {figure.name: figure for figure in figures(self.rows, tables)}

    @cached_property
    def items(self) -> pd.DataFrame:
        """Every scored item, with the columns that say which model it is about.

        Read from the cells when first asked for. Two kinds with the same mask share a cell: its
        items come once for each of them.

        Raises:
            DataFileError: if a cell of the run is missing or broken.
        """
        return _joined("items", self.item_parts())

    @cached_property
    def masks(self) -> pd.DataFrame:
        """One line for each head, MLP and neuron of every saved mask.

        Masks of single weights are not listed weight by weight: `rows` has their kept shares.

        Raises:
            DataFileError: if the folder of masks is missing.
            MaskError: if a file is no whole mask.
        """
        return _joined("masks", self.mask_parts())

    @cached_property
    def summaries(self) -> Mapping[str, pd.DataFrame]:
        """The summaries of the run by the name of their CSV file."""
        from ..summary.summaries import summaries

        return MappingProxyType({k: typed(k, table) for k, table in summaries(self.rows).items()})

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The other tables that the run wrote, by the name of their CSV file.

        These are comparisons of models and their tests, and attributed words, where the run has
        them.

        Raises:
            DataFileError: if a file is not a table.
        """
        files = written_tables(self.folder)
        return MappingProxyType({k: typed(k, read_written(path)) for k, path in files.items()})

    @cached_property
    def manifest_table(self) -> pd.DataFrame:
        """The manifest as lines of key, value and type."""
        lines = list(_flat(self.manifest, ""))
        return typed("manifest", pd.DataFrame(lines, columns=["key", "value", "type"]))

    def item_parts(self) -> Iterator[pd.DataFrame]:
        """The items in parts that fit into memory, in the order of the rows."""
        about = self.rows[["cell_id", *IDENTITY]].drop_duplicates()
        about = about[about["cell_id"].fillna("").ne("")]
        waiting: list[pd.DataFrame] = []
        for model in about.to_dict("records"):
            for items in _cell_items(self.folder / "cells" / f"{model['cell_id']}.parquet"):
                if waiting and sum(map(len, waiting)) + len(items) > _ITEMS_AT_ONCE:
                    yield _items(waiting)
                    waiting = []
                waiting.append(items.assign(**model))
        yield _items(waiting)

    def mask_parts(self) -> Iterator[pd.DataFrame]:
        """The units of one mask after another, in the order of file names."""
        folder = self.folder / "masks"
        if not folder.is_dir():
            raise DataFileError("holds no masks", where=str(self.folder))
        yield _empty("masks")
        paths = sorted(folder.glob("*.safetensors"))
        left_over = set(masks_left_over(self.folder, paths))
        for path in (path for path in paths if path not in left_over):
            yield _mask_units(path)


def load_run(folder: Path | str) -> Run:
    """A finished run: rows and manifest at once, items, masks and summaries when asked for.

    Raises:
        DataFileError: if the folder is not a finished run.
    """
    return Run(Path(folder), load_rows(folder), load_manifest(folder))


def _empty(table: str) -> pd.DataFrame:
    columns = {"items": ITEM_COLUMNS, "masks": MASK_COLUMNS}[table]
    return typed(table, pd.DataFrame(columns=list(columns)))


def _joined(table: str, parts: Iterator[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([_empty(table), *parts], ignore_index=True)


def _items(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Items joined and typed, with every column."""
    if not parts:
        return _empty("items")
    return typed("items", pd.concat(parts, ignore_index=True)[list(ITEM_COLUMNS)])


def _cell_items(path: Path) -> Iterator[pd.DataFrame]:
    """The items of one cell in parts, without its rows and arrays."""
    if not path.is_file():
        raise DataFileError(
            "is missing: rows of the run were made from it",
            where=str(path),
            remedy="copy the whole run folder, or run it again to compute what is missing",
        )
    check_as_written(path)
    with parquet_file(path, remedy=DAMAGED_CELL, seal=True) as file:
        for batch in file.iter_batches(batch_size=_ITEMS_AT_ONCE):
            batch.validate(full=True)
            items = items_frame(batch.to_pandas())
            check_own_items(items["cell_id"].unique(), path)
            yield items


def _mask_units(path: Path) -> pd.DataFrame:
    """Every unit of one mask file."""
    from ...models.masks.subnetwork import Subnetwork

    mask = Subnetwork.load(path)
    layer, head = np.indices(mask.head_mask.shape).reshape(2, -1)
    heads = mask.head_mask.ravel()
    units = [
        pd.DataFrame({"unit": "head", "layer": layer, "head": head, "kept": heads}),
        pd.DataFrame({"unit": "mlp", "layer": range(len(mask.mlp_mask)), "kept": mask.mlp_mask}),
    ]
    if mask.neuron_mask is not None:
        layer, neuron = np.indices(mask.neuron_mask.shape).reshape(2, -1)
        kept = mask.neuron_mask.ravel()
        units.append(
            pd.DataFrame({"unit": "neuron", "layer": layer, "neuron": neuron, "kept": kept})
        )
    about = {
        "model": mask.model, "task": mask.task, "method": mask.method, "kind": mask.kind,
        "seed": seed_of(mask.seed_init, mask.seed_order),
        "seed_order": order_column(mask.seed_init, mask.seed_order),
        "draw": mask.draw, "selection": mask.selection, "importance": mask.importance,
        "mask_id": mask.mask_id, "file": f"masks/{path.name}",
    }  # fmt: skip
    every = pd.concat(units, ignore_index=True).assign(**about)
    return typed("masks", every.reindex(columns=list(MASK_COLUMNS)))


def _flat(value: Any, key: str) -> Iterator[tuple[str, str | None, str]]:
    """Leaves of nested JSON values: path, value as text, type."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{key}.{place}" if key else str(place))
    elif isinstance(value, (Mapping, list)):
        yield key, None, "empty"
    else:
        yield key, None if value is None else _text(value), _kind(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _kind(value: Any) -> str:
    kinds = {str: "text", bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "null")
