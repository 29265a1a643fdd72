"""Hooks that belong to one layer, also where several layers are one module.

ALBERT runs the same block once for every layer, so that a plain hook on a module of the block is
called in each of them. These hooks know whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import nn

from ...data.errors import SubprobeError
from .anatomy import Anatomy


class LayerHooks:
    """Registers hooks that are called in their own layer alone, and taken off by `stack`.

    Layers are counted from the start of each forward pass of the base model, by calls of blocks:
    what a block calls several times, such as a chunked MLP, stays in its layer, and a pass that
    failed half-way does not shift the next one.

    Args:
        model: a transformers encoder, with or without a task head.
        anatomy: the model's.
        stack: takes the hooks off when it is closed.
    """

    def __init__(self, model: Any, anatomy: Anatomy, stack: ExitStack):
        self._stack, self._layers, self._shared = stack, anatomy.num_layers, anatomy.shared
        self._running = -1
        if not anatomy.shared:
            return
        # first of all hooks, so that those registered later find the count of their own layer
        stack.callback(model.base_model.register_forward_pre_hook(self._restart).remove)
        blocks = (anatomy.block(model, layer) for layer in range(anatomy.num_layers))
        for block in dict.fromkeys(blocks):
            stack.callback(block.register_forward_pre_hook(self._next).remove)

    def before(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Call `hook(module, args)` before `module` runs in `layer`; it may give other args."""
        handle = module.register_forward_pre_hook(self._in_turn(layer, hook))
        self._stack.callback(handle.remove)

    def before_with_kwargs(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """The same with `hook(module, args, kwargs)`."""
        handle = module.register_forward_pre_hook(self._in_turn(layer, hook), with_kwargs=True)
        self._stack.callback(handle.remove)

    def after(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Call `hook(module, args, output)` after `module` ran in `layer`."""
        handle = module.register_forward_hook(self._in_turn(layer, hook))
        self._stack.callback(handle.remove)

    def _in_turn(self, layer: int, hook: Callable[..., Any]) -> Callable[..., Any]:
        if not self._shared:
            return hook
        return lambda *args: hook(*args) if self._running == layer else None

    def _restart(self, _module: Any, _args: Any) -> None:
        self._running = -1

    def _next(self, _module: Any, _args: Any) -> None:
        self._running += 1
        if self._running >= self._layers:
            raise SubprobeError(
                "a block with shared weights ran outside a forward pass of its model",
                remedy="run the whole model: its layers are told apart by their order alone",
            )
