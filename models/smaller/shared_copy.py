"""A copy of a model's modules, with all of its tensors in common with the model."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn


def shared_copy(model: Any) -> Any:
    """Modules of their own, with the model's own parameters, buffers and configuration.

    What is set, registered or hooked on the copy does not show on the model, and it costs a third
    of a deep copy. What is written into a tensor or the configuration shows on both.
    """
    if any("forward" in vars(module) for module in model.modules()):
        # another library has wrapped the forward of a module, which then knows that module
        tensors = (*model.parameters(), *model.buffers(), model.config)
        return copy.deepcopy(model, {id(one): one for one in tensors})
    return _copied(model, {})


def _copied(module: nn.Module, made: dict[int, nn.Module]) -> nn.Module:
    """A module copied once, however often it stands in the tree."""
    if id(module) in made:
        return made[id(module)]
    new: nn.Module = object.__new__(type(module))
    made[id(module)] = new
    for name, value in vars(module).items():
        # tables of parameters, buffers, children and hooks, and lists such as of keys to ignore
        own = copy.copy(value) if isinstance(value, dict | list | set) else value
        object.__setattr__(new, name, own)
    for name, child in module._modules.items():
        if child is not None:
            new._modules[name] = _copied(child, made)
    return new
