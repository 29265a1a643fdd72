"""What a model is like besides its weights: hooks, patched modules, modes. Equal before and after.

A fault can be planted: `failing_at` raises in the last layer's MLP, in the forward pass of one's
choice, when the hooks of whatever runs the model are on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from subprobe.models.encoder.anatomy import anatomy_of


class PlantedError(Exception):
    """Raised by the tests themselves: nothing in subprobe catches it."""


def model_state(model: Any, *, modes: bool = True) -> dict[str, Any]:
    """Everything that a hook or a mode could leave behind, by module and parameter.

    Hooks that transformers registers for good, when a model first gives attention maps, are not
    counted.

    Args:
        model: a transformers encoder.
        modes: whether training or evaluation mode counts; a training that failed was in training.
    """
    state: dict[str, Any] = {"attention": model.config._attn_implementation}
    for path, module in model.named_modules():
        hooks = [
            f"{kind}: {getattr(hook, '__qualname__', hook)}"
            for kind, found in vars(module).items()
            if kind.endswith("_hooks") and isinstance(found, dict)
            for hook in found.values()
            if not str(getattr(hook, "__module__", "")).startswith("transformers.")
        ]
        state[path] = (hooks, "forward" in vars(module), modes and module.training)
    for path, parameter in model.named_parameters():
        hooks = [*(parameter._backward_hooks or ()), *(parameter._post_accumulate_grad_hooks or ())]
        state[f"parameter {path}"] = (len(hooks), parameter.requires_grad)
    return state


def weights_of(model: Any) -> dict[str, torch.Tensor]:
    """A copy of the weights."""
    return {name: one.detach().clone() for name, one in model.state_dict().items()}


@contextmanager
def failing_at(model: Any, fails: Callable[[int], bool]) -> Iterator[list[int]]:
    """Inside, forward passes are numbered from 1 and those that `fails` names raise `PlantedError`.

    Yields a list with the number of the last pass. The hook is there before and after whatever is
    tested, and goes with copies of the model.
    """
    passes = [0]

    def count(*_: Any) -> None:
        passes[0] += 1
        if fails(passes[0]):
            raise PlantedError(f"forward pass {passes[0]}")

    anatomy = anatomy_of(model)
    last = anatomy.mlp_output(model, anatomy.num_layers - 1)
    hook = last.register_forward_pre_hook(count)
    try:
        yield passes
    finally:
        hook.remove()
