"""What a model is like besides its weights: hooks, patched modules, modes. Equal before and after.

A fault can be planted: `failing_at` raises in the last layer's MLP, in the forward pass of one's
choice, when the hooks of whatever runs the model are on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork


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


def check_left_as_they_were(
    model: Any, call: Callable[[], Any], others: Sequence[Any] = (), *, modes: bool = True
) -> None:
    """Call once to the end, then with a fault in the first, the middle and the last forward pass.

    After each the model, and others that it is compared with, must be as they were.

    Args:
        model: where the faults are planted.
        call: whatever runs it.
        others: models that are looked at as well.
        modes: whether a call that failed must also put the modes back.
    """
    watched = (model, *others)

    def states(**options: bool) -> list[dict[str, Any]]:
        return [model_state(one, **options) for one in watched]

    with failing_at(model, lambda number: False) as passes:
        before = states()
        call()
        assert states() == before
    assert passes[0], "no forward pass was seen"
    for place in sorted({1, (passes[0] + 1) // 2, passes[0]}):
        with failing_at(model, place.__eq__):
            before = states(modes=modes)
            with pytest.raises(PlantedError):
                call()
            assert states(modes=modes) == before, f"after pass {place}"


def half_of(model: Any) -> Subnetwork:
    """A mask without every second head, an MLP and some neurons."""
    anatomy = anatomy_of(model)
    heads = np.ones((anatomy.num_layers, anatomy.num_heads), dtype=np.bool_)
    heads[:, ::2] = False
    neurons = np.ones((anatomy.num_layers, anatomy.num_neurons), dtype=np.bool_)
    neurons[:, 3] = False
    mlps = np.arange(anatomy.num_layers) > 0
    return full_subnetwork(anatomy).with_meta(
        head_mask=heads, mlp_mask=mlps, neuron_mask=neurons, kind="good", method="structured"
    )
