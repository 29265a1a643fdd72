"""The state file of an unfinished training: one safetensors file with a checksum.

Trainer's checkpoints contain pickles (`optimizer.pt`, `rng_state.pth`). Here, tensors are stored as
tensors and everything else as one JSON text in the metadata, with a SHA-256 of both.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ...data.errors import DataFileError
from ...data.files.atomic import atomic_path, canonical_json, digest
from ...data.files.reading import reading
from ..encoder.fingerprint import tensors_hash

_KEY = "subprobe"
_FORMAT = 1
_DAMAGED = "is damaged"


@dataclass(frozen=True)
class TrainingState:
    """The state that a training needs to resume as if it had not been interrupted.

    Attributes:
        tensors: weights, moments of the optimiser, random states, losses of the steps so far.
        facts: plain JSON values: the step, the schedule, the groups of the optimiser, and the facts
            that identify the training.
    """

    tensors: Mapping[str, torch.Tensor]
    facts: Mapping[str, Any]

    def group(self, name: str) -> dict[str, torch.Tensor]:
        """The tensors whose names start with `name/`, without this prefix."""
        return {
            key.removeprefix(f"{name}/"): tensor
            for key, tensor in self.tensors.items()
            if key.startswith(f"{name}/")
        }

    def save(self, path: Path) -> None:
        """Write the file atomically; an existing one is kept until the new one is complete."""
        tensors = {name: one.detach().cpu().contiguous() for name, one in self.tensors.items()}
        facts = {**self.facts, "format": _FORMAT}
        sealed = {"facts": facts, "sha256": _seal(tensors, facts)}
        with atomic_path(path) as temporary:
            # a single key, because safetensors writes several in hash order
            save_file(tensors, temporary, metadata={_KEY: canonical_json(sealed)})

    @classmethod
    def load(cls, path: Path) -> TrainingState:
        """Read a file written by `save`.

        Raises:
            DataFileError: if it is incomplete or was changed.
        """
        with reading(path, DataFileError, problem=_DAMAGED), safe_open(path, "pt") as file:
            sealed = json.loads((file.metadata() or {})[_KEY])
            facts, seal = sealed["facts"], sealed["sha256"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            whole = seal == _seal(tensors, facts) and facts["format"] == _FORMAT
        if not whole:
            raise DataFileError(_DAMAGED, where=str(path))
        return cls(tensors, facts)


def _seal(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> str:
    return digest([tensors_hash(tensors), facts], 64)


def random_state() -> TrainingState:
    """The random states of torch, NumPy and Python."""
    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    version, internal, gauss = random.getstate()
    tensors = {
        "torch": torch.get_rng_state(),
        "numpy": torch.from_numpy(numpy_state[1].astype(np.int64)),
        "python": torch.tensor(internal, dtype=torch.int64),
    }
    for place in range(torch.cuda.device_count()):
        tensors[f"cuda/{place}"] = torch.cuda.get_rng_state(place)
    facts = {"numpy": [numpy_state[0], *numpy_state[2:]], "python": [version, gauss]}
    return TrainingState(tensors, facts)


def set_random_state(tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
    """Restore the states that `random_state` returned."""
    name, *rest = facts["numpy"]
    words = tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state((name, words, *rest))  # noqa: NPY002
    version, gauss = facts["python"]
    random.setstate((version, tuple(tensors["python"].tolist()), gauss))
    torch.set_rng_state(tensors["torch"])
    for place in range(torch.cuda.device_count()):
        torch.cuda.set_rng_state(tensors[f"cuda/{place}"], place)


def optimizer_state(optimizer: Any) -> TrainingState:
    """The state of an optimiser: a tensor for each position and name, and its groups."""
    held = optimizer.state_dict()
    tensors = {
        f"{place}/{name}": value
        for place, values in held["state"].items()
        for name, value in values.items()
    }
    return TrainingState(tensors, {"groups": held["param_groups"]})


def set_optimizer_state(
    optimizer: Any, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
) -> None:
    """Restore the state that `optimizer_state` returned."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        place, _, name = key.partition("/")
        state.setdefault(int(place), {})[name] = tensor
    # JSON has no tuples, but the betas of AdamW are one
    groups = [
        {name: tuple(value) if name == "betas" else value for name, value in group.items()}
        for group in facts["groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
