"""Reuse the computations of a forward pass below a layer if only layers above it change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from .anatomy import Anatomy


class Replay:
    """Stores the output of each layer in one pass and returns it again without recomputing it."""

    def __init__(self, model: Any, anatomy: Anatomy):
        self._blocks = [anatomy.block(model, layer) for layer in range(anatomy.num_layers)]
        self._attentions = [
            anatomy.attention_module(model, layer) for layer in range(anatomy.num_layers)
        ]
        # if several layers share a module, its current layer is unknown
        self._distinct = len({id(block) for block in self._blocks}) == len(self._blocks)
        # a module that contains the output projection does not return the outputs of heads
        row = anatomy.row
        self._before_gates = not row.attention_output.startswith(f"{row.attention}.")
        self._seen: dict[int, Any] = {}
        self._hooks = ExitStack()

    def __enter__(self) -> Replay:
        for module in {*self._blocks, *self._attentions} if self._distinct else ():
            self._hooks.callback(module.register_forward_hook(self._remember).remove)
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.close()
        self._seen.clear()

    def _remember(self, module: nn.Module, _args: Any, output: Any) -> None:
        self._seen.setdefault(id(module), _copied(output))

    @contextmanager
    def up_to(self, layer: int) -> Iterator[None]:
        """Replay the layers below `layer` and the attention of `layer` inside the context."""
        if not self._distinct:
            yield
            return
        replayed = self._blocks[:layer]
        replayed += [self._attentions[layer]] if self._before_gates else []
        with ExitStack() as undo:
            for module in replayed:
                # an attribute of the instance overrides the method of the class
                module.forward = _giving(self._seen[id(module)])
                undo.callback(delattr, module, "forward")
            yield


def _copied(output: Any) -> Any:
    """Copy the first tensor of an output, because without gradients, gates scale in place."""
    return (output[0].clone(), *output[1:]) if isinstance(output, tuple) else output.clone()


def _giving(output: Any) -> Callable[..., Any]:
    return lambda *_args, **_kwargs: _copied(output)
