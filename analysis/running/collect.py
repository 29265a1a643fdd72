"""Read the finished cells of a run for its tables; nothing is computed here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.output.tables import rows_frame
from ..cell_output import CellOutput
from ..plan.graph import Cell, Graph
from ..storage.certificate import Certificate
from ..storage.store import CellStore


class Collected:
    """The outputs of the finished cells of a graph.

    Args:
        graph: the cells.
        ids: cell -> identity.
        store: the folder of the cells.
        proofs: finished cell -> certificate.
    """

    def __init__(
        self,
        graph: Graph,
        ids: Mapping[str, str],
        store: CellStore,
        proofs: Mapping[str, Certificate],
    ):
        self.graph, self.proofs = graph, proofs
        self._ids, self._store = ids, store
        self._read: dict[str, CellOutput] = {}

    def output(self, name: str) -> CellOutput | None:
        """The output of a cell; None if it is not finished or had nothing to compute.

        Raises:
            DataFileError: if its file is damaged.
        """
        proof = self.proofs.get(name)
        if proof is None or proof.nothing:
            return None
        return self._store.read(self._ids[name], proof)

    def notes(self, name: str) -> Mapping[str, Any]:
        """The notes of a cell; empty if it is not finished."""
        output = self.output(name) if name in self.graph.cells else None
        return output.notes if output else {}

    def recipe(self, name: str) -> Mapping[str, Any]:
        """The recipe of a cell that trains."""
        found: Mapping[str, Any] = self.graph[name].options["recipe"]
        return found

    def seconds(self, name: str) -> float | None:
        """The seconds that a cell took."""
        proof = self.proofs.get(name)
        return proof.measured.get("seconds") if proof else None

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Every row of every finished cell, in the order of the graph."""
        frames = []
        for name in self.graph.cells:
            output = self.output(name)
            if output is not None and len(output.rows):
                frames.append(output.rows)
        rows = rows_frame(pd.concat(frames, ignore_index=True) if frames else pd.DataFrame())
        return with_order_seeds(rows, self.graph)

    def measured(self) -> list[dict[str, Any]]:
        """One record per finished cell: name, identity, seconds, memory, threads, device, host."""
        return [
            {"name": cell.name, "cell": self._ids[cell.name], **self.proofs[cell.name].measured}
            for cell in self.graph
            if cell.name in self.proofs
        ]

    def of_step(self, step: str) -> Iterator[Cell]:
        """The finished cells of one step."""
        for cell in self.graph:
            if cell.step == step and cell.name in self.proofs:
                yield cell

    def check_masks(self) -> None:
        """Check the content of all masks against their certificates.

        Raises:
            DataFileError: naming the file that differs.
        """
        for cell in self._with_mask():
            self._store.check(self.proofs[cell.name])

    def copy_masks(self, folder: Path) -> None:
        """Copy masks to readable names; those of one seed and method differ only in the kind."""
        folder.mkdir(parents=True, exist_ok=True)
        for cell in self._with_mask():
            options = cell.options
            first = options["task"]
            if cell.step == "mask":
                first += f"-seed{options['seed']}"
            mask = self._store.mask(self._ids[cell.name])
            shutil.copyfile(mask, folder / _file(first, options))

    def _with_mask(self) -> Iterator[Cell]:
        """The cells whose masks are copied."""
        for step in ("mask", "across"):
            yield from (c for c in self.of_step(step) if not self.proofs[c.name].nothing)


def with_order_seeds(rows: pd.DataFrame, graph: Graph) -> pd.DataFrame:
    """Tidy rows with the seed of the data order of crossed seeds."""
    orders = {
        cell.options["seed"]: cell.options["init_order"][1]
        for cell in graph
        if "init_order" in cell.options
    }
    crossed = rows["seed"].map(orders).astype(rows["seed_order"].dtype)
    return rows.assign(seed_order=rows["seed_order"].fillna(crossed))


def _file(first: str, options: Mapping[str, Any]) -> str:
    method = "" if options["method"] == "structured" else f"{options['method']}-"
    return f"{first}-{method}{options['kind']}.safetensors"
