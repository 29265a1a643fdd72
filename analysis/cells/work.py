"""One cell being computed: what its step may read, and how its output gets onto the disk."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ...data.files.tensor_files import read_arrays, save_arrays
from ...data.tasks.task import TaskParts
from ...models.encoder.device import device_of
from ...models.masks.subnetwork import Subnetwork
from ...pruning.across_seeds import ACROSS
from ...pruning.controls import CONTROLS
from ...pruning.search.magnitude import smallest_of
from ..cell_output import CellOutput
from ..plan.graph import Cell
from ..plan.preparing import TaskSetting
from ..plan.registry import find_step
from ..steps.identity import identity, selection_of, stamped
from ..steps.progress import Progress
from ..storage.certificate import Certificate
from ..storage.store import CellStore
from .materials import Materials
from .peak_memory import forget_peak, peak_mb


class Nothing(Exception):
    """A step has nothing to compute: the reason."""


@dataclass(frozen=True)
class Order:
    """A cell that is to be computed, with the identities of what it reads.

    Attributes:
        cell: the cell.
        id: its identity.
        inputs: role -> identity of the cell that is read.
        whole: whether what is there counts as finished only by the content of all its files.
    """

    cell: Cell
    id: str
    inputs: Mapping[str, str]
    whole: bool = False


@dataclass
class Work:
    """What a step computes its output from.

    Attributes:
        order: the cell and the identities of its inputs.
        materials: what the process has read from outside the run.
        store: the finished cells.
        proofs: role -> certificate of the input.
        progress: where the step reports to.
    """

    order: Order
    materials: Materials
    store: CellStore
    proofs: Mapping[str, Certificate]
    progress: Progress
    files: list[Path] = field(default_factory=list)
    """What the step wrote beside its table."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the cell."""
        return self.order.cell.options

    @property
    def title(self) -> str:
        """The cell's name, for people."""
        return self.order.cell.name

    def say(self, line: str) -> None:
        """Tell one plain line about the cell."""
        self.progress.say(f"{self.title}: {line}")

    @property
    def setting(self) -> TaskSetting:
        """The task."""
        return self.materials.task(self.options["task"])

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.options["seed"])

    @property
    def parts(self) -> TaskParts:
        """The roles of the task's examples."""
        return self.materials.parts(self.options["task"], self.seed)

    def output(self, role: str) -> CellOutput:
        """The output of an input."""
        return self.store.read(self.order.inputs[role], self.proofs[role])

    def read_mask(self, role: str) -> Subnetwork:
        """The mask that an input gave.

        Raises:
            DataFileError: if it is not what was written.
        """
        self.store.check(self.proofs[role])
        return Subnetwork.load(self.store.mask(self.order.inputs[role]))

    def model(self, role: str) -> tuple[Any, Any]:
        """The model that an input trained, and its tokenizer.

        Raises:
            DataFileError: if its files are not what was written.
        """
        proof = self.proofs[role]
        if not self.materials.holds(proof.digest):
            self.store.check(proof)
        folder = (self.store.folder / proof.files[1].path).parent
        return self.materials.model(folder, proof.digest, self.options["task"])

    def mask(self) -> Subnetwork | None:
        """The mask that the cell is about: drawn from the good one; None for the whole model."""
        kind = self.options.get("kind", "")
        if "good" not in self.order.inputs:
            return None
        good = self.read_mask("good")
        if kind == "good" or kind in ACROSS:
            return good
        if kind not in CONTROLS:
            return good.with_meta(kind=kind, fingerprint="")
        if kind == "bad" and good.weight_masks:
            base = "base" if "base" in self.order.inputs else "model"
            return smallest_of(self.model(base)[0], good)
        return CONTROLS[kind](good, seed=self.seed, draw=int(self.options["draw"]))

    def save_mask(self, mask: Subnetwork) -> None:
        """Keep the mask that the cell gives."""
        path = self.store.mask(self.order.id)
        mask.save(path)
        self.files.append(path)

    def save_arrays(self, output: CellOutput) -> CellOutput:
        """Keep the arrays of the cell in a file of their own; the output without them."""
        path = self.store.arrays(self.order.id)
        save_arrays(output.arrays, path)
        self.files.append(path)
        return CellOutput(output.rows, output.parts, notes=output.notes)

    def read_arrays(self, role: str) -> Mapping[str, Any]:
        """The arrays that an input keeps in a file of their own; none if it had nothing to keep.

        Raises:
            DataFileError: if it is not what was written.
        """
        self.store.check(self.proofs[role])
        if len(self.proofs[role].files) == 1:
            return {}
        return read_arrays(self.store.arrays(self.order.inputs[role]))

    def about(self, mask: Subnetwork | None, state: str) -> dict[str, Any]:
        """The columns that say which model rows are about; of no cell with items."""
        return identity(self.materials.prepared.source.name, mask, state) | {
            "cell_id": "",
            "task": self.parts.spec.name,
            "selection": selection_of(mask, self.parts),
            "seed": self.seed,
        }

    def named(self, output: CellOutput, mask: Subnetwork | None, state: str) -> CellOutput:
        """The output with the columns that say which model it is about."""
        about = self.about(mask, state) | {"cell_id": self.order.id}
        items = output.parts.mapped(lambda part: part.assign(cell_id=self.order.id))
        return CellOutput(stamped(output.rows, about), items, output.arrays, output.notes)


@dataclass(frozen=True)
class Done:
    """What became of a cell.

    Attributes:
        name: of the cell.
        state: `done`; `busy` where another process computes it; `failed`.
        why: what went wrong, in one line.
        trace: the same with where in the code, for the log.
        error: the exception, if it is one of subprobe's.
        proof: the certificate of a finished cell.
    """

    name: str
    state: Literal["done", "busy", "failed"]
    why: str = ""
    trace: str = ""
    error: Exception | None = None
    proof: Certificate | None = None


def compute(order: Order, materials: Materials, progress: Progress) -> Certificate:
    """Compute one cell and write it; nothing of it is there before all of it is.

    Raises:
        DataFileError: if an input is damaged.
        SubprobeError: what the step raises.
    """
    store = CellStore(materials.folder)
    proofs = {}
    for role, other in order.inputs.items():
        proof = store.certificate(other)
        assert proof is not None, f"{order.cell.name} is computed before {other}"
        proofs[role] = proof
    work = Work(order, materials, store, proofs, progress)
    forget_peak()
    began, started = time.time(), time.perf_counter()
    if empty := next((proof.nothing for proof in proofs.values() if proof.nothing), ""):
        output = nothing(empty)
    else:
        try:
            output = find_step(order.cell.step).load()(work)
        except Nothing as reason:
            output = nothing(str(reason))
    measured = {
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "seconds": round(time.perf_counter() - started, 3),
        "peak_mb": peak_mb(),
        "host": platform.node(),
        "cores": os.cpu_count(),
        "threads": _threads(),
        "device": str(device_of(materials.config.device)),
    }
    read = {role: proof.digest for role, proof in proofs.items()}
    return store.write(order.id, order.cell.name, output, read, tuple(work.files), measured)


def nothing(why: str) -> CellOutput:
    """The output of a cell that had nothing to compute."""
    return noted({"nothing": why})


def noted(notes: Mapping[str, Any]) -> CellOutput:
    """The output of a cell that has notes alone: neither rows nor items."""
    return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)


def _threads() -> int:
    import torch

    return torch.get_num_threads()
