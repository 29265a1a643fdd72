"""Run one model under many masks: layers below the first difference between masks run once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from ..encoder.anatomy import Anatomy, anatomy_of
from ..masks.constants import CONSTANT
from ..masks.subnetwork import Subnetwork, full_subnetwork
from .candidate import classifying_as

MOST_BYTES = 256 * 2**20
"""Memory for hidden states that several masks share."""

SHARING = ("zero", *CONSTANT)
"""Ablations under which a hidden state depends on the text and on the layers below it alone."""

Made = TypeVar("Made")


class SharedLayers:
    """Runs a model under many masks, each distinct mask once, in the order of their layers.

    Masks that agree in their lowest layers have the same hidden states there. The masks are sorted
    by their layers from the lowest up, so that each mask starts at its first difference from the
    previous one. Outputs are those of `classifying_as`, within 1e-5.

    Args:
        model: a classifier; it is not changed.
        masks: the masks; None = the full model.

    Raises:
        MaskError: if a mask does not fit the model.
    """

    def __init__(self, model: Any, masks: Sequence[Subnetwork | None]):
        self._model, anatomy = model, anatomy_of(model)
        self._width = anatomy.num_heads * anatomy.head_size
        self._layers = anatomy.num_layers
        whole = full_subnetwork(anatomy)
        for mask in masks:
            (mask or whole).check_fits(anatomy)
        keys = [_key(mask or whole, shares=not anatomy.shared) for mask in masks]
        # None stays None: a smaller model has no units that a full mask could keep
        first: dict[tuple[bytes, ...], Subnetwork | None] = {}
        for key, mask in zip(keys, masks, strict=True):
            first.setdefault(key, mask)
        ordered = sorted(first)
        place = {key: at for at, key in enumerate(ordered)}
        self._distinct = [first[key] for key in ordered]
        self._starts = [0, *map(_alike, ordered, ordered[1:])]
        self.places = [place[key] for key in keys]
        """Place of each mask among the distinct ones."""

    def __len__(self) -> int:
        """Number of distinct masks."""
        return len(self._distinct)

    @property
    def layers_run(self) -> int:
        """How many layers all distinct masks run together."""
        return sum(self._layers - start for start in self._starts)

    def run(
        self,
        inputs: Sequence[Any],
        tokens: Sequence[int],
        call: Callable[[Any, Any], Made],
        advance: Callable[[int, int], None] | None = None,
    ) -> list[list[Made]]:
        """What `call` makes of each batch under each distinct mask.

        Args:
            inputs: the batches.
            tokens: number of tokens of each batch, padding included.
            call: gets the model to run and a batch; must run the model once.
            advance: called with (masks done, masks in total), counted for each group of batches
                that fits into the memory.

        Returns:
            One list for each distinct mask, with one value for each batch.
        """
        made: list[list[Made]] = [[] for _ in self._distinct]
        groups = list(_groups(tokens, MOST_BYTES // (4 * self._width * max(1, self._layers - 1))))
        for number, group in enumerate(groups):
            states: dict[int, dict[int, Any]] = {}
            for at, mask in enumerate(self._distinct):
                start = self._starts[at]
                states = {depth: kept for depth, kept in states.items() if depth <= start}
                wanted = self._wanted(at)
                fresh: dict[int, dict[int, Any]] = {depth: {} for depth in wanted}
                with classifying_as(self._model, mask) as running:
                    for batch in group:
                        found = {depth: kept[batch] for depth, kept in states.items()}
                        with _resumed(running, start, found, wanted):
                            made[at].append(call(running, inputs[batch]))
                        for depth in wanted:
                            fresh[depth][batch] = found[depth]
                states |= fresh
                if advance is not None:
                    advance(number * len(self) + at + 1, len(groups) * len(self))
        return made

    def _wanted(self, at: int) -> list[int]:
        """Numbers of layers after which later masks go on from the states of this one."""
        found: set[int] = set()
        least = self._layers
        for start in self._starts[at + 1 :]:
            least = min(least, start)
            if least <= self._starts[at]:
                break
            found.add(least)
        return sorted(found)


def _key(mask: Subnetwork, *, shares: bool) -> tuple[bytes, ...]:
    """What tells a mask from others: first what holds for all layers, then each layer from below.

    Args:
        mask: the mask.
        shares: whether masks may share layers; otherwise the first part differs.
    """
    neurons = mask.neuron_mask
    if neurons is not None and neurons.all():
        neurons = None
    layers = [
        mask.head_mask[layer].tobytes()
        + mask.mlp_mask[layer : layer + 1].tobytes()
        + (b"" if neurons is None else neurons[layer].tobytes())
        for layer in range(len(mask.mlp_mask))
    ]
    whole = hashlib.sha256(mask.ablation.encode())
    for name, values in mask.constants.items():
        whole.update(name.encode() + values.tobytes())
    for path, kept in mask.weight_masks.items():
        if not kept.all():
            whole.update(path.encode() + np.packbits(kept).tobytes())
    if not shares or mask.ablation not in SHARING:
        whole.update(b"\0".join(layers))
    return (whole.digest(), *layers)


def _alike(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> int:
    """In how many of the lowest layers two different masks are equal."""
    differs = [ours != theirs for ours, theirs in zip(first, second, strict=True)]
    return max(0, differs.index(True) - 1)


def _groups(tokens: Sequence[int], most: int) -> Iterator[list[int]]:
    """Consecutive batches with at most this many tokens together; at least one batch each."""
    group: list[int] = []
    total = 0
    for batch, count in enumerate(tokens):
        if group and total + count > most:
            yield group
            group, total = [], 0
        group.append(batch)
        total += count
    if group:
        yield group


@contextmanager
def _resumed(
    model: Any, start: int, states: dict[int, Any], wanted: Sequence[int]
) -> Iterator[None]:
    """Replace the layers below `start` by their stored output, and store the `wanted` ones.

    Args:
        model: the model that runs.
        start: number of layers that are not run.
        states: number of layers -> the output of the last of them; gets the wanted ones.
        wanted: numbers of layers after which the output is stored, all above `start`.
    """
    anatomy: Anatomy = anatomy_of(model)
    with ExitStack() as undo:
        for layer in range(start):
            block = anatomy.block(model, layer)
            # an attribute of the instance overrides the method of the class
            block.forward = lambda *_args, **_options: _copied(states[start])
            undo.callback(delattr, block, "forward")
        for depth in wanted:
            block = anatomy.block(model, depth - 1)
            undo.callback(block.register_forward_hook(_storing(states, depth)).remove)
        yield


def _storing(states: dict[int, Any], depth: int) -> Callable[..., None]:
    def store(_module: nn.Module, _args: Any, output: Any) -> None:
        states[depth] = _copied(output)

    return store


def _copied(output: Any) -> Any:
    """Copy the tensors of an output, because without gradients, gates scale in place."""
    if isinstance(output, tuple):
        return tuple(_copied(part) for part in output)
    return output.clone() if isinstance(output, torch.Tensor) else output
