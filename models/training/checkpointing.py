"""Resume interrupted trainings, with the same bytes as without an interruption.

The state is written at intervals of steps or minutes, which do not affect the result. It identifies
the training, and the state of another training is never used.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from ...data.errors import DataFileError
from ...data.files.reading import said_by
from ...data.files.temporaries import remove_stale
from .training_state import TrainingState, optimizer_state, random_state

Say = Callable[[str], None]

NAME = "training.safetensors"
"""File with the state of a training, in the folder that `finetune` gets for it."""


@dataclass(frozen=True)
class Checkpoints:
    """The folder for the state of one training, and the intervals of writing.

    Attributes:
        folder: folder for only this training, created when needed; None = do not write.
        steps: number of steps between writes; 0 = do not write by steps.
        minutes: number of minutes between writes; 0 = do not write by time.
        say: receives messages about a state that was found.
    """

    folder: Path | None = None
    steps: int = 0
    minutes: float = 5.0
    say: Say | None = None

    @property
    def path(self) -> Path:
        """The state file."""
        assert self.folder is not None
        return self.folder / NAME

    def tell(self, line: str) -> None:
        """Pass a line to `say`, if set."""
        if self.say is not None:
            self.say(line)

    def found(self, about: Mapping[str, Any]) -> TrainingState | None:
        """The state from which to resume; None = start anew, with a message if a state was found.

        Args:
            about: the facts that determine the result of the training, by name (see
                `what_decides`).
        """
        if self.folder is not None:
            remove_stale(self.folder)
        if self.folder is None or not self.path.exists():
            return None
        try:
            state = TrainingState.load(self.path)
        except DataFileError as error:
            self.tell(f"{error}; the training starts anew")
            return None
        theirs = state.facts["about"]
        others = [name for name in about if theirs.get(name) != about[name]]
        if others:
            self.tell(
                f"{self.path}: left by a training that differs in {', '.join(others)}: "
                "this one starts anew"
            )
            return None
        step, steps = state.facts["trainer"]["global_step"], state.facts["trainer"]["max_steps"]
        self.tell(f"resumes after step {step} of {steps}")
        return state

    def remove(self) -> None:
        """Remove the state file, and its folder if it is then empty."""
        if self.folder is None:
            return
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()


def what_decides(device: torch.device, **named: Any) -> dict[str, Any]:
    """The facts that determine the bytes of a training: its options, software, processor, threads.

    Args:
        device: device of the training.
        named: facts of the training itself: digests, seeds, options.
    """
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        **json.loads(json.dumps(named)),
        "versions": [version(name) for name in ("torch", "transformers", "accelerate")],
        "processor": [platform.machine(), torch.backends.cpu.get_cpu_capability(), gpu],
        "threads": torch.get_num_threads(),
    }


class WriteState(TrainerCallback):  # type: ignore[misc]
    """Callback that writes the state of a training; it must be the last of all callbacks.

    Args:
        checkpoints: the folder and the intervals.
        about: see `Checkpoints.found`.
        more: returns further tensors and facts that the training needs, by name.
        spent: seconds of training in previous processes.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        about: Mapping[str, Any],
        more: Callable[[], TrainingState],
        *,
        spent: float = 0.0,
    ):
        self._checkpoints, self._about, self._more = checkpoints, about, more
        self._begun = time.perf_counter() - spent
        self._last = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each optimiser step."""
        if control.should_training_stop or state.global_step == state.max_steps:
            return  # the remaining steps take no time
        steps, seconds = self._checkpoints.steps, 60 * self._checkpoints.minutes
        by_steps = steps and state.global_step % steps == 0
        by_time = seconds and time.perf_counter() - self._last >= seconds
        if by_steps or by_time:
            try:
                self._state(state, kwargs).save(self._checkpoints.path)
            except (OSError, MemoryError) as error:
                # the training itself is not affected and continues
                self._checkpoints.tell(
                    f"{self._checkpoints.path}: the state of the training was not written "
                    f"({said_by(error)})"
                )
            self._last = time.perf_counter()

    def _state(self, trainer: Any, parts: Mapping[str, Any]) -> TrainingState:
        optimizer, chance, more = optimizer_state(parts["optimizer"]), random_state(), self._more()
        weights = dict(parts["model"].named_parameters())
        groups = {"weights": weights, "optimizer": optimizer.tensors, "random": chance.tensors}
        tensors = {
            f"{group}/{name}": tensor
            for group, held in groups.items()
            for name, tensor in held.items()
        }
        facts = {
            "about": dict(self._about),
            "trainer": asdict(trainer),
            "optimizer": optimizer.facts,
            "random": chance.facts,
            "schedule": parts["lr_scheduler"].state_dict(),
            "seconds": time.perf_counter() - self._begun,
            **more.facts,
        }
        return TrainingState({**tensors, **more.tensors}, facts)
