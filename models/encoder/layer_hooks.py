"""Hooks for one layer, even if several layers share a module.

ALBERT runs the same block for every layer, so that a plain hook on a module of the block is called
in all layers. These hooks track the current layer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from torch import nn

from ...data.errors import SubprobeError
from .anatomy import Anatomy


class LayerHooks:
    """Registers hooks that are called only in their own layer and are removed by `stack`.

    Layers are counted by calls of blocks, from the start of each forward pass of the base model.
    Modules that a block calls several times, such as a chunked MLP, stay in their layer, and an
    incomplete pass does not shift the count of the next one.

    Args:
        model: a transformers encoder, with or without a task head.
        anatomy: anatomy of the model.
        stack: removes the hooks when it is closed.
    """

    def __init__(self, model: Any, anatomy: Anatomy, stack: ExitStack):
        self._stack, self._layers, self._shared = stack, anatomy.num_layers, anatomy.shared
        self._running = -1
        if not anatomy.shared:
            return
        # registered before all other hooks, so that these see the count of their own layer
        stack.callback(model.base_model.register_forward_pre_hook(self._restart).remove)
        blocks = (anatomy.block(model, layer) for layer in range(anatomy.num_layers))
        for block in dict.fromkeys(blocks):
            stack.callback(block.register_forward_pre_hook(self._next).remove)

    def before(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Call `hook(module, args)` before `module` runs in `layer`; it may return new args."""
        handle = module.register_forward_pre_hook(self._in_turn(layer, hook))
        self._stack.callback(handle.remove)

    def before_with_kwargs(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Call `hook(module, args, kwargs)` before `module` runs in `layer`."""
        handle = module.register_forward_pre_hook(self._in_turn(layer, hook), with_kwargs=True)
        self._stack.callback(handle.remove)

    def after(self, layer: int, module: nn.Module, hook: Callable[..., Any]) -> None:
        """Call `hook(module, args, output)` after `module` has run in `layer`."""
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
                remedy="run the complete model: its layers are distinguished only by their order",
            )
