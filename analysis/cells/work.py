"""Compute one cell: what its step may read, and how its output is stored."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ...data.errors import MaskError
from ...data.files.tensor_files import read_arrays, save_arrays
from ...data.tasks.task import TaskParts
from ...models.ablation.constants import with_ablation
from ...models.ablation.partner_counts import OF_INPUTS
from ...models.encoder.device import device_of
from ...models.masks.subnetwork import Subnetwork
from ...models.partners.drawing import draws_of
from ...models.training.evaluate import is_finite
from ...pruning.across_seeds import ACROSS
from ...pruning.sampling import KINDS, sample
from ...pruning.search.magnitude import smallest_of
from ..cell_output import CellOutput
from ..plan.graph import Cell
from ..plan.preparing import TaskSetting
from ..plan.registry import find_step
from ..steps.identity import drawn_by_layer, identity, selection_of, stamped
from ..steps.progress import Progress
from ..storage.certificate import Certificate
from ..storage.peak_memory import forget_peak, peak_mb
from ..storage.store import CellStore
from .materials import Materials


class Nothing(Exception):
    """Raised if a step has nothing to compute; the message is the reason."""


@dataclass(frozen=True)
class Order:
    """A cell to be computed, with the identities of its inputs.

    Attributes:
        cell: the cell.
        id: its identity.
        inputs: role -> identity of the input cell.
        whole: whether to check the content of all files before an existing cell counts as finished.
    """

    cell: Cell
    id: str
    inputs: Mapping[str, str]
    whole: bool = False


@dataclass
class Work:
    """The inputs of a step.

    Attributes:
        order: the cell and the identities of its inputs.
        materials: the inputs from outside the run that the process has read.
        store: the finished cells.
        proofs: role -> certificate of the input.
        progress: receives the progress of the step.
    """

    order: Order
    materials: Materials
    store: CellStore
    proofs: Mapping[str, Certificate]
    progress: Progress
    files: list[Path] = field(default_factory=list)
    """The files that the step wrote in addition to its table."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the cell."""
        return self.order.cell.options

    @property
    def title(self) -> str:
        """The readable name of the cell."""
        return self.order.cell.name

    def say(self, line: str) -> None:
        """Report one line about the cell."""
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
    def seeds(self) -> tuple[int, int]:
        """The seeds of initialisation and of order; both are `seed` unless they are crossed."""
        init, order = self.options.get("init_order", (self.seed, self.seed))
        return int(init), int(order)

    @property
    def parts(self) -> TaskParts:
        """The examples of the task by their role."""
        return self.materials.parts(self.options["task"], self.seed)

    def output(self, role: str) -> CellOutput:
        """The output of an input."""
        return self.store.read(self.order.inputs[role], self.proofs[role])

    def read_mask(self, role: str) -> Subnetwork:
        """The mask that an input produced.

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
        """The mask of the cell, drawn from the good one; None for the full model.

        Raises:
            Nothing: if there is no such mask, such as the complement of one that keeps every unit.
        """
        if "good" not in self.order.inputs:
            return None
        return self._drawn(self._with_own_constants(self.read_mask("good")))

    def _with_own_constants(self, mask: Subnetwork) -> Subnetwork:
        """The mask with the constants of the cell's fine-tuned model, if it has those of another.

        Masks that several seeds share, and masks of another task, were found in other models.
        """
        role = "base" if "base" in self.order.inputs else "model"
        if role not in self.order.inputs:
            return mask
        if mask.ablation in OF_INPUTS:
            own = mask.task == self.parts.spec.name
        else:
            own = mask.constants_of in ("", self.output(role).notes["fingerprint"])
        if own:
            return mask
        model, tokenizer = self.model(role)
        if not is_finite(model):
            return mask
        return with_ablation(
            mask, mask.ablation, model, tokenizer, self.parts,
            max_length=self.setting.recipe.max_length, **draws_of(mask.constants),
        )  # fmt: skip

    def _drawn(self, good: Subnetwork) -> Subnetwork:
        """The mask of the cell's kind."""
        kind = self.options.get("kind", "")
        if kind == "good" or kind in ACROSS:
            return good
        if kind not in KINDS:
            return good.with_meta(kind=kind, fingerprint="")
        if kind == "bad" and good.weight_masks:
            base = "base" if "base" in self.order.inputs else "model"
            return smallest_of(self.model(base)[0], good)
        draw, match = int(self.options["draw"]), str(self.options.get("match", "model"))
        try:
            return sample(str(kind), [good], self.seed, draw, match)
        except MaskError as error:
            raise Nothing(error.problem) from None

    def save_mask(self, mask: Subnetwork) -> None:
        """Store the mask that the cell produces."""
        path = self.store.mask(self.order.id)
        mask.save(path)
        self.files.append(path)

    def save_arrays(self, output: CellOutput) -> CellOutput:
        """Store the arrays of the cell in a file of their own; returns the output without them."""
        path = self.store.arrays(self.order.id)
        save_arrays(output.arrays, path)
        self.files.append(path)
        return CellOutput(output.rows, output.parts, notes=output.notes)

    def read_arrays(self, role: str) -> Mapping[str, Any]:
        """The arrays that an input stored in a file of their own; empty if it stored none.

        Raises:
            DataFileError: if it is not what was written.
        """
        self.store.check(self.proofs[role])
        if len(self.proofs[role].files) == 1:
            return {}
        return read_arrays(self.store.arrays(self.order.inputs[role]))

    def about(self, mask: Subnetwork | None, state: str) -> dict[str, Any]:
        """The columns that identify the model of rows; only for cells without items."""
        return identity(self.materials.prepared.source.name, mask, state) | {
            "cell_id": "",
            "task": self.parts.spec.name,
            "selection": selection_of(mask, self.parts),
            "seed": self.seed,
            **drawn_by_layer(mask),
        }

    def named(self, output: CellOutput, mask: Subnetwork | None, state: str) -> CellOutput:
        """The output with the columns that identify the model."""
        about = self.about(mask, state) | {"cell_id": self.order.id}
        items = output.parts.mapped(lambda part: part.assign(cell_id=self.order.id))
        return CellOutput(stamped(output.rows, about), items, output.arrays, output.notes)


@dataclass(frozen=True)
class Done:
    """The outcome of a cell.

    Attributes:
        name: of the cell.
        state: `done`, `failed`, or `busy` if another process computes it.
        why: what went wrong, in one line.
        trace: the same with the traceback, for the log.
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
    """Compute one cell and write it; its files become visible only when all are complete.

    Raises:
        DataFileError: if an input is damaged.
        SubprobeError: any error that the step raises.
    """
    store = CellStore(materials.folder)
    proofs = {}
    for role, other in order.inputs.items():
        proof = store.certificate(other)
        assert proof is not None, f"{order.cell.name} would be computed before {other}"
        proofs[role] = proof
    work = Work(order, materials, store, proofs, progress)
    forget_peak()
    began, started = time.time(), time.perf_counter()
    step = find_step(order.cell.step)
    empty = next((proof.nothing for proof in proofs.values() if proof.nothing), "")
    if empty and not step.partial:
        output = nothing(empty)
    else:
        try:
            output = step.load()(work)
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
    """The output of a cell with nothing to compute."""
    return noted({"nothing": why})


def noted(notes: Mapping[str, Any]) -> CellOutput:
    """The output of a cell that has only notes, neither rows nor items."""
    return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)


def _threads() -> int:
    import torch

    return torch.get_num_threads()
