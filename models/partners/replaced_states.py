"""The activations of units on partner inputs, in place of those of pruned units.

Each pass of an encoder shows its inputs to a hook. The partner of each input is looked up by the
content of that input, and the full model runs on the partners in one further pass, without gates,
without dropout and without gradients. What it computes at the inputs of the output projections, at
the outputs of the MLPs and at their neurons replaces what a pruned unit computes.

A partner may be shorter or longer than the input. First and last subwords then meet first and last
ones, and those between keep their relative position: of an input with n subwords, subword p takes
the activation at subword p(m - 1)/(n - 1) of a partner with m, rounded. With equal lengths, each
subword takes that at its own position.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.errors import MaskError
from ..encoder.anatomy import Anatomy, anatomy_of
from ..encoder.kept_units import kept_units_of
from ..encoder.layer_hooks import LayerHooks
from ..encoder.shared_copy import shared_copy
from .donors import Donors
from .drawing import read_partners
from .input_rows import InputRow, input_rows

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

States = dict[str, list[torch.Tensor]]
"""Type of unit -> its activations in each layer, [B, S, H*d], [B, S, D] or [B, S, F]."""


class PartnerStates:
    """The replacement of pruned units by their activations on partner inputs.

    A context manager: passes of the encoder inside it are read. Their number is unlimited.

    Args:
        model: a transformers encoder, with or without a task head. Its weights may change between
            passes.
        ablation: `resample` or `counterfactual`.
        constants: the arrays of the mask.

    Raises:
        MaskError: if the arrays are not sound, name subwords that the model does not have, or the
            model is a smaller one or computes its MLPs in chunks of tokens.
    """

    def __init__(self, model: Any, ablation: str, constants: Mapping[str, npt.NDArray[Any]]):
        self._model, self._anatomy, self._ablation = model, anatomy_of(model), ablation
        self._partners = read_partners(ablation, constants)
        _check_readable(model, self._partners.donors, self._anatomy)
        self._reads = inspect.signature(type(model.base_model).forward)
        self._plain: Any = None
        self._levels = set[str]()
        self._real: npt.NDArray[np.bool_] = np.zeros((0, 0), dtype=np.bool_)
        self._typed = False
        self._chosen: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._places: tuple[torch.Tensor, torch.Tensor] | None = None
        self._known: tuple[Any, States] | None = None
        self._begun = True
        self._hook = ExitStack()

    def __enter__(self) -> PartnerStates:
        handle = self._model.base_model.register_forward_pre_hook(self._read, with_kwargs=True)
        self._hook.callback(handle.remove)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hook.close()
        self._known, self._plain = None, None

    def head(self, layer: int) -> torch.Tensor:
        """Inputs of the output projection [B, S, H, d]."""
        found = self._of("head", layer)
        size = (self._anatomy.num_heads, self._anatomy.head_size)
        return found.reshape(*found.shape[:-1], *size)

    def mlp(self, layer: int) -> torch.Tensor:
        """Outputs of the second dense layer of the MLP [B, S, D]."""
        return self._of("mlp", layer)

    def neuron(self, layer: int) -> torch.Tensor:
        """Inputs of the second dense layer of the MLP [B, S, F]."""
        return self._of("neuron", layer)

    def _read(self, _module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Find the partners of the inputs of the pass that begins."""
        given = self._reads.bind_partial(None, *args, **kwargs).arguments
        given = {**given, **given.get("kwargs", {})}
        ids, attention = given.get("input_ids"), given.get("attention_mask")
        if ids is None:
            raise MaskError(
                f"the model reads embeddings, but the ablation {self._ablation} finds the partner "
                "of an input by its subwords",
                remedy="give the mask the ablation zero or mean for this measure",
            )
        if attention is not None and attention.shape != ids.shape:
            raise MaskError(
                f"an attention mask of shape {list(attention.shape)} for inputs of "
                f"{list(ids.shape)}",
                remedy="use one value per subword",
            )
        types = given.get("token_type_ids")
        padding = None if attention is None else attention.cpu().numpy()
        self._typed = types is not None
        segments = None if types is None else types.cpu().numpy()
        rows = input_rows(ids.cpu().numpy(), padding, segments)
        self._real = np.ones(ids.shape, dtype=np.bool_) if padding is None else padding != 0
        self._chosen = np.array([self._partners.of(row) for row in rows], dtype=np.int64)
        self._places, self._begun = None, True

    def _of(self, level: str, layer: int) -> torch.Tensor:
        if self._begun or level not in self._levels:
            self._levels.add(level)
            self._known = self._partner_states()
            self._begun = False
        assert self._known is not None
        known = self._known[1]
        if self._places is None:
            self._places = self._aligned()
        row, place = self._places
        return known[level][layer][row, place]

    def _partner_states(self) -> tuple[Any, States]:
        """What the activations on the distinct partners depend on, and they themselves.

        A pass that runs again with the same inputs and weights reads no partner again.
        """
        versions = sum(one._version for one in self._model.base_model.parameters())
        device = self._model.device
        mark = (self._chosen.tobytes(), versions, device, torch.is_autocast_enabled(device.type))
        if self._known and self._known[0] == mark and not self._levels - set(self._known[1]):
            return self._known
        self._known = None  # frees its memory first
        return mark, self._captured()

    def _captured(self) -> States:
        """Run the full model on the distinct partners, without the hooks of anybody else."""
        device = self._model.device
        if self._plain is None or self._plain.device != device:
            self._plain = _without_hooks(self._model)
        donors = [self._partners.donors.row(number) for number in np.unique(self._chosen)]
        # tensors of inference mode could not be used in a later pass with gradients
        with torch.inference_mode(False), torch.no_grad(), ExitStack() as stack:
            states = _record(self._plain, self._anatomy, self._levels, stack)
            self._plain(**_padded(donors, self._plain.config, typed=self._typed, device=device))
        return states

    def _aligned(self) -> tuple[torch.Tensor, torch.Tensor]:
        """For each subword [B, S], its partner among the distinct ones and the place in it."""
        distinct, row = np.unique(self._chosen, return_inverse=True)
        lengths = self._partners.donors.lengths[distinct][row]
        place = np.zeros(self._real.shape, dtype=np.int64)
        for at, (real, theirs) in enumerate(zip(self._real, lengths, strict=True)):
            place[at, real] = aligned_places(int(real.sum()), int(theirs))
        device = self._model.device
        rows = np.broadcast_to(row.reshape(-1, 1), place.shape)
        return torch.tensor(rows, device=device), torch.tensor(place, device=device)


def aligned_places(own: int, theirs: int) -> npt.NDArray[np.int64]:
    """For each of `own` subwords, the place of its counterpart among `theirs` [own].

    Relative positions are kept and rounded to the nearest place, halves upwards.
    """
    if own == 1:
        return np.zeros(1, dtype=np.int64)
    steps = 2 * np.arange(own, dtype=np.int64) * (theirs - 1) + (own - 1)
    return np.asarray(steps // (2 * (own - 1)))


def _record(model: Any, anatomy: Anatomy, levels: set[str], stack: ExitStack) -> States:
    """Record activations of the next pass of `model`, until `stack` is closed."""
    hooks = LayerHooks(model, anatomy, stack)
    empty = torch.empty(0)
    states: States = {level: [empty] * anatomy.num_layers for level in levels}

    def given_to(level: str, layer: int) -> Callable[..., None]:
        def keep(_module: Any, args: tuple[Any, ...]) -> None:
            states[level][layer] = args[0]

        return keep

    def returned(layer: int) -> Callable[..., None]:
        def keep(_module: Any, _args: Any, output: torch.Tensor) -> None:
            states["mlp"][layer] = output

        return keep

    for layer in range(anatomy.num_layers):
        if "head" in levels:
            hooks.before(layer, anatomy.attention_projection(model, layer), given_to("head", layer))
        down = anatomy.mlp_output(model, layer)
        if "neuron" in levels:
            hooks.before(layer, down, given_to("neuron", layer))
        if "mlp" in levels:
            hooks.after(layer, down, returned(layer))
    return states


def _without_hooks(model: Any) -> Any:
    """The encoder of `model` in eval mode with the same tensors, but without gates and hooks."""
    plain = shared_copy(model.base_model).eval()
    for module in plain.modules():
        for name in _HOOKS:
            getattr(module, name).clear()
    return plain


def _padded(
    rows: list[InputRow], config: Any, *, typed: bool, device: torch.device
) -> dict[str, torch.Tensor]:
    """The tensors [U, S] of inputs, padded on the right."""
    shape = (len(rows), max(len(row) for row in rows))
    ids = np.full(shape, getattr(config, "pad_token_id", None) or 0, dtype=np.int64)
    attention, types = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row.ids
        attention[place, : len(row)] = 1
        types[place, : len(row)] = row.types
    named = {"input_ids": ids, "attention_mask": attention}
    named |= {"token_type_ids": types} if typed else {}
    return {name: torch.tensor(array, device=device) for name, array in named.items()}


def _check_readable(model: Any, donors: Donors, anatomy: Anatomy) -> None:
    """Raise unless the model can read every input of the pool.

    Raises:
        MaskError: if not.
    """
    if kept_units_of(model) is not None:
        raise MaskError(
            "a smaller model has no activations of the units that it lost",
            remedy="use the full model on which the mask was found",
        )
    if getattr(model.config, "chunk_size_feed_forward", 0):
        raise MaskError(
            "the model computes its MLPs in chunks of tokens, whose positions are unknown",
            remedy="set chunk_size_feed_forward to 0 in its configuration",
        )
    rows = int(model.get_input_embeddings().weight.shape[0])
    segments = getattr(model.config, "type_vocab_size", 0) or 256
    largest, longest = int(donors.ids.max()), int(donors.lengths.max())
    if largest >= rows or int(donors.types.max()) >= segments or longest > anatomy.max_tokens:
        raise MaskError(
            f"the mask replaces units by their activations on inputs with up to {longest} subwords "
            f"and ids up to {largest}, which the model cannot read",
            remedy="use the model on which the mask was found",
        )
