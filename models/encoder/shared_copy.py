"""Copy the modules of a model without copying its tensors."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

from torch import nn


def shared_copy(model: Any) -> Any:
    """New modules that share the parameters, buffers and configuration of the model.

    Attributes, modules and hooks set on the copy do not affect the model, and the copy takes a
    third of the time of a deep copy. Changes to a tensor or the configuration affect both.
    """
    if any("forward" in vars(module) for module in model.modules()):
        # another library has wrapped the forward of a module, and the wrapper refers to that module
        tensors = (*model.parameters(), *model.buffers(), model.config)
        return copy.deepcopy(model, {id(one): one for one in tensors})
    return _copied(model, {})


def _own(value: Any) -> Any:
    """A table or list of the copy's own; anything else is shared."""
    if type(value) in (dict, OrderedDict, list, set):
        return value.copy()  # five times as fast as copy.copy for an OrderedDict
    return copy.copy(value) if isinstance(value, dict | list | set) else value


def _copied(module: nn.Module, made: dict[int, nn.Module]) -> nn.Module:
    """Copy a module once, even if it occurs several times in the tree."""
    if id(module) in made:
        return made[id(module)]
    new: nn.Module = object.__new__(type(module))
    made[id(module)] = new
    for name, value in vars(module).items():
        # tables of parameters, buffers, children and hooks, and lists such as keys to ignore
        object.__setattr__(new, name, _own(value))
    for name, child in module._modules.items():
        if child is not None:
            new._modules[name] = _copied(child, made)
    return new
