"""The finished cells of a run as a table: what each took, what it read, and what it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.errors import DataFileError
from ...data.output.ownership import is_cell
from ..storage.certificate import Certificate
from ..storage.store import CellStore
from .columns import CELLS
from .dictionary import typed

_MEASURED = ("seconds", "peak_mb", "threads", "device", "host", "cores", "began")


def cell_table(folder: Path, manifest: Mapping[str, Any]) -> pd.DataFrame:
    """One line for each cell that the manifest of a run names, in its order.

    Args:
        folder: the run folder.
        manifest: of the run; that of an earlier version names none.

    Raises:
        DataFileError: if the certificate of a cell is missing or damaged, naming it.
    """
    store, listed = CellStore(folder), manifest.get("cells")
    cells = [one["cell"] for one in listed if _names_cell(one)] if isinstance(listed, list) else []
    proofs = [_proof(store, cell) for cell in cells]
    writer = {proof.digest: proof.name for proof in proofs}
    lines = [_line(proof, writer) for proof in proofs]
    return typed("cells", pd.DataFrame(lines, columns=list(CELLS)))


def _names_cell(one: Any) -> bool:
    cell = one.get("cell") if isinstance(one, dict) else None
    return isinstance(cell, str) and is_cell(f"{cell}.json")


def _proof(store: CellStore, cell: str) -> Certificate:
    found = store.certificate(cell)
    if found is None:
        raise DataFileError(
            "is missing",
            where=str(store.proof(cell)),
            remedy="copy the whole run folder, or run it again to compute what is missing",
        )
    return found


def _line(proof: Certificate, writer: Mapping[str, str]) -> dict[str, Any]:
    read = [f"{role}={writer.get(digest, digest[:16])}" for role, digest in proof.inputs.items()]
    return {
        "name": proof.name,
        "step": proof.cell.rpartition("-")[0],
        "cell_id": proof.cell,
        "inputs": " ".join(read),
        "files": " ".join(mark.path for mark in proof.files),
        "digest": proof.files[0].digest,
        "bytes": sum(mark.size for mark in proof.files),
        "nothing": proof.nothing,
        **{name: _plain(name, proof.measured.get(name)) for name in _MEASURED},
    }


def _plain(name: str, value: Any) -> Any:
    """A measured value of its column's type, else nothing."""
    kinds: dict[str, tuple[type, ...]] = {"text": (str,), "integer": (int,), "number": (int, float)}
    fits = isinstance(value, kinds[CELLS[name].type]) and not isinstance(value, bool)
    return value if fits else None
