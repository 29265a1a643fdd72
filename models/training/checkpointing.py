"""Long trainings go on where they were stopped, to the same bytes as if they had not been.

The state is written every so many steps or minutes; when does not change the outcome. It holds what
the training is: the state of another one is never used.
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
"""The state of a training, in the folder that `finetune` is given for it."""


@dataclass(frozen=True)
class Checkpoints:
    """Where and how often the state of one training is written.

    Attributes:
        folder: for this training alone; made when first needed. None = nowhere.
        steps: write after every so many steps; 0 = not by steps.
        minutes: write when so many minutes have passed; 0 = not by time.
        say: told what became of a state that was found.
    """

    folder: Path | None = None
    steps: int = 0
    minutes: float = 5.0
    say: Say | None = None

    @property
    def path(self) -> Path:
        """The file of the state."""
        assert self.folder is not None
        return self.folder / NAME

    def tell(self, line: str) -> None:
        """Say a line, if anybody listens."""
        if self.say is not None:
            self.say(line)

    def found(self, about: Mapping[str, Any]) -> TrainingState | None:
        """The state to go on from; None = from the start, which is said if there was one.

        Args:
            about: what decides the outcome of the training, by name (see `what_decides`).
        """
        if self.folder is not None:
            remove_stale(self.folder)
        if self.folder is None or not self.path.exists():
            return None
        try:
            state = TrainingState.load(self.path)
        except DataFileError as error:
            self.tell(f"{error}: the training starts anew")
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
        self.tell(f"goes on after step {step} of {steps}")
        return state

    def remove(self) -> None:
        """Remove the state, and its folder if nothing else is in it."""
        if self.folder is None:
            return
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()


def what_decides(device: torch.device, **named: Any) -> dict[str, Any]:
    """What decides the bytes of a training beside its own options: software, processor, threads.

    Args:
        device: where it runs.
        named: the training's own: digests, seeds, options.
    """
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        **json.loads(json.dumps(named)),
        "versions": [version(name) for name in ("torch", "transformers", "accelerate")],
        "processor": [platform.machine(), torch.backends.cpu.get_cpu_capability(), gpu],
        "threads": torch.get_num_threads(),
    }


class WriteState(TrainerCallback):  # type: ignore[misc]
    """Writes the state of a training after its steps. It must come after all other callbacks.

    Args:
        checkpoints: where and how often.
        about: see `Checkpoints.found`.
        more: gives tensors and facts of others that the training needs, by name.
        spent: seconds of training before this process.
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
            return  # what follows takes no time
        steps, seconds = self._checkpoints.steps, 60 * self._checkpoints.minutes
        by_steps = steps and state.global_step % steps == 0
        by_time = seconds and time.perf_counter() - self._last >= seconds
        if by_steps or by_time:
            try:
                self._state(state, kwargs).save(self._checkpoints.path)
            except (OSError, MemoryError) as error:
                # the training itself is well and goes on
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
