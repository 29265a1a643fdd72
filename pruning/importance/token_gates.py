"""One gate per token: factors of 1 whose gradients are measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.layer_hooks import LayerHooks
from ...models.masks.gates import blended
from ...models.masks.replacement import active
from .gate_gradients import Units


class TokenGates:
    """Context manager with gates [B, S, units] on every layer, created when the layer is reached.

    Inside a context of `replacing`, a gate moves an output along the line from what replaces it.

    Args:
        model: a transformers encoder with a task head.
        masks: value of the gates of each unit; 1 = kept, 0 = pruned.
    """

    def __init__(self, model: Any, masks: Units):
        self._model, self._masks, self._anatomy = model, masks, anatomy_of(model)
        self._instead = active(model)
        self._made: dict[tuple[str, int], torch.Tensor] = {}
        self._hooks: ExitStack | None = None

    def __enter__(self) -> TokenGates:
        anatomy, model = self._anatomy, self._model
        with ExitStack() as stack:
            hooks = LayerHooks(model, anatomy, stack)
            for layer in range(anatomy.num_layers):
                projection = anatomy.attention_projection(model, layer)
                hooks.before(layer, projection, self._before("head", layer, anatomy.head_size))
                down = anatomy.mlp_output(model, layer)
                if self._masks.neuron is not None:
                    hooks.before(layer, down, self._before("neuron", layer, 1))
                hooks.after(layer, down, self._after(layer))
            self._hooks = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self._hooks is not None:
            self._hooks.close()
            self._hooks = None

    def _leaf(self, kind: str, layer: int, value: Any, like: torch.Tensor) -> torch.Tensor:
        """A new leaf tensor [B, S, units] with the values of the mask."""
        row = torch.tensor(np.array(value, ndmin=1), device=like.device)
        leaf = row.to(like.dtype).expand(*like.shape[:2], len(row)).clone().requires_grad_()
        self._made[kind, layer] = leaf
        return leaf

    def _before(self, kind: str, layer: int, size: int) -> Any:
        """Scale the input of a projection, with `size` numbers per unit."""
        mask = getattr(self._masks, kind)

        def scale(_module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            read, *rest = args
            leaf = self._leaf(kind, layer, mask[layer], read)
            instead = getattr(self._instead, kind)(layer)
            if kind == "neuron" and instead is not None:
                instead = instead[..., None]
            parts = blended(read.unflatten(-1, (-1, size)), leaf[..., None], instead)
            return (parts.flatten(-2), *rest)

        return scale

    def _after(self, layer: int) -> Any:
        """Scale the output of an MLP."""

        def scale(_module: Any, _args: Any, output: torch.Tensor) -> torch.Tensor:
            leaf = self._leaf("mlp", layer, self._masks.mlp[layer], output)
            return blended(output, leaf, self._instead.mlp(layer))

        return scale

    def leaves(self) -> list[torch.Tensor]:
        """The gates of the last forward pass, by kind and layer."""
        return [self._made[key] for key in sorted(self._made)]

    def read_everywhere(self, gradients: Sequence[torch.Tensor]) -> bool:
        """Whether a text's task head reads the last layer at more than one position.

        Args:
            gradients: gradients of `leaves`, in their order.
        """
        last = dict(zip(sorted(self._made), gradients, strict=True))
        read = last["mlp", self._anatomy.num_layers - 1].ne(0).any(-1)  # [B, S]
        return bool((read.sum(1) > 1).any())

    def by_unit(self, gradients: Sequence[torch.Tensor]) -> list[npt.NDArray[np.float64]]:
        """Absolute gradients of `leaves()` summed over tokens and examples: head, mlp, neuron."""
        found = dict(zip(sorted(self._made), gradients, strict=True))
        sums = []
        for kind, mask in vars(self._masks).items():
            if mask is not None:
                layers = [found[kind, layer] for layer in range(len(self._masks.mlp))]
                rows = [g.abs().sum((0, 1), dtype=torch.float64).cpu().numpy() for g in layers]
                sums.append(np.stack(rows).reshape(np.shape(mask)))
        return sums
