"""The cells of a run on disk: which are finished, and their outputs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.errors import DataFileError
from ...data.files.parquet_files import DAMAGED_CELL
from ...data.output.ownership import DAMAGED, HIDDEN_STATES, LOCKS, RECORD, Record
from ...models.folder.sources import MODEL
from .certificate import MISSING, Certificate, FileMark

if TYPE_CHECKING:  # whether cells are finished is known without pandas
    from ..cell_output import CellOutput

STATES = "unfinished"
"""Folder in a run folder for the states of interrupted trainings."""

LOGS = "logs"
"""Folder in a run folder for the logs of failed cells."""

WRITTEN = (
    "cells", "models", "models/*", "masks", STATES, f"{STATES}/*", LOGS, LOCKS, HIDDEN_STATES,
)  # fmt: skip
"""Folders inside a run folder that are written to; none may be a link."""


class CellStore:
    """The finished cells in a run folder.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.cells = folder / "cells"

    def table(self, cell: str) -> Path:
        """The Parquet file of a cell."""
        return self.cells / f"{cell}.parquet"

    def mask(self, cell: str) -> Path:
        """The mask of a cell that produces one."""
        return self.cells / f"{cell}.safetensors"

    def proof(self, cell: str) -> Path:
        """The certificate of a cell."""
        return self.cells / f"{cell}.json"

    def arrays(self, cell: str) -> Path:
        """The arrays of a cell that are too large for its table; such a cell produces no mask."""
        return self.mask(cell)

    def state(self, cell: str) -> Path:
        """Folder for the state of a running training, from which another process can resume it."""
        return self.folder / STATES / cell

    def log(self, cell: str) -> Path:
        """The log of a failure of the cell."""
        return self.folder / LOGS / f"{cell}.log"

    def certificate(self, cell: str) -> Certificate | None:
        """The certificate of a finished cell; None if it is not finished.

        Raises:
            DataFileError: if the file is damaged, or belongs to another cell.
        """
        path = self.proof(cell)
        if not path.is_file():
            return None
        found = Certificate.load(path)
        if found.cell != cell:
            raise DataFileError(f"belongs to {found.cell}", where=str(path), remedy=DAMAGED_CELL)
        return found

    def fault(
        self, cell: str, inputs: Mapping[str, str], *, whole: bool = False, models: bool = True
    ) -> str:
        """Why a cell has to be computed (again); empty if it is finished and intact.

        Args:
            cell: its identity.
            inputs: role -> digest of the finished output of each cell that it reads.
            whole: read the content of every file, not only of those whose size or time changed.
            models: whether the files of a trained model must exist too.

        Returns:
            `missing`, or what is wrong with which file.
        """
        try:
            found = self.certificate(cell)
        except DataFileError as error:
            return f"{self.proof(cell).name} {error.problem}"
        if found is None:
            return "missing"
        for role, digest in inputs.items():
            if found.inputs.get(role) != digest:
                return f"{self.proof(cell).name} was computed from another {role}"
        for mark in found.files:
            wrong = mark.fault(self.folder, whole=whole)
            removed = wrong == MISSING and mark.path.startswith("models/")
            if wrong and (models or not removed):
                return f"{mark.path} {wrong}"
        return ""

    def check(self, found: Certificate) -> None:
        """Check the content of all files of a finished cell against its certificate.

        Raises:
            DataFileError: naming the file that differs.
        """
        for mark in found.files:
            if wrong := mark.fault(self.folder, whole=True):
                where = str(self.folder / mark.path)
                raise DataFileError(wrong, where=where, remedy=DAMAGED_CELL)

    def read(self, cell: str, found: Certificate | None = None) -> CellOutput:
        """The output of a finished cell, checked against its certificate.

        Raises:
            DataFileError: if it is missing, damaged, or belongs to another cell.
        """
        from ..cell_output import CellOutput

        found = found or self.certificate(cell)
        path = self.table(cell)
        if found is None:
            raise DataFileError("is missing", where=str(path), remedy=DAMAGED_CELL)
        if wrong := found.files[0].fault(self.folder):
            raise DataFileError(wrong, where=str(path), remedy=DAMAGED_CELL)
        output = CellOutput.load(path)
        if output.notes.get("cell") != cell:
            raise DataFileError("belongs to another cell", where=str(path), remedy=DAMAGED_CELL)
        return output

    def write(
        self,
        cell: str,
        name: str,
        output: CellOutput,
        inputs: Mapping[str, str],
        others: tuple[Path, ...],
        measured: Mapping[str, Any],
    ) -> Certificate:
        """Write a cell's table and then its certificate; `others` are already on disk."""
        path = self.table(cell)
        notes = {**output.notes, "cell": cell}
        output.but(notes=notes).save(path)
        marks = tuple(FileMark.of(self.folder, one) for one in (path, *others))
        nothing = str(output.notes.get("nothing", ""))
        found = Certificate(cell, name, dict(inputs), marks, nothing, dict(measured))
        found.save(self.proof(cell))
        self.log(cell).unlink(missing_ok=True)
        return found

    def set_aside(self, cell: str) -> None:
        """Rename the damaged files of a cell: they get the ending `.damaged`.

        Only who holds the lock of the cell may: what another is writing looks damaged too.
        """
        proof = self.proof(cell)
        try:
            found = self.certificate(cell)
        except DataFileError:
            found = None
            _put_aside(proof)
        marks = {self.folder / mark.path: mark for mark in found.files} if found else {}
        for path in dict.fromkeys((self.table(cell), self.mask(cell), *marks)):
            if path not in marks or marks[path].fault(self.folder, whole=True):
                _put_aside(path)
        proof.unlink(missing_ok=True)

    def remove(self, cell: str) -> None:
        """Remove a cell with its certificate; models are kept."""
        for path in (self.proof(cell), self.table(cell), self.mask(cell), self.log(cell)):
            path.unlink(missing_ok=True)

    def remove_model(self, mark: FileMark) -> None:
        """Remove the folder of a trained model, if subprobe wrote all files in it."""
        folder = (self.folder / mark.path).parent
        if is_own_model(folder):
            shutil.rmtree(folder)


def is_own_model(folder: Path) -> bool:
    """Whether a folder is a trained model and subprobe wrote all files in it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    listed = set(Record.of(folder).files.get(MODEL, {}))
    known = {*listed, RECORD, *(f"{name}{DAMAGED}" for name in listed)}
    return bool(listed) and names <= known


def _put_aside(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.is_file():
        path.replace(path.with_name(f"{path.name}{DAMAGED}"))
