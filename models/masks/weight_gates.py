"""Differentiable factors on single weights, for one forward pass.

A weight gate scales one entry of the weight of a dense layer; biases are not scaled. The scaled
weights replace those of the model only during the call of the encoder. Errors therefore leave none
behind, and no parameter is changed, replaced or reordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.func import functional_call

from ...data.errors import MaskError


def run_with_weights(
    model: Any, gates: Mapping[str, torch.Tensor], inputs: Mapping[str, torch.Tensor]
) -> Any:
    """The output of the encoder for `inputs` with every gated weight multiplied by its gate.

    Gates of 0 and 1 give the same output as `without_weights` with the corresponding mask. Gates
    may require grad, even if the model is frozen.

    Args:
        model: a transformers encoder, with or without a task head (which is not run).
        gates: path of a module in the base model -> factors in the shape of its weight; gates on a
            module that several layers share act in all of them.
        inputs: keyword arguments of the encoder.

    Raises:
        MaskError: if the model does not have a module, or a gate has another shape than its weight.
    """
    encoder = model.base_model
    scaled = {f"{path}.weight": _scaled(encoder, path, gate) for path, gate in gates.items()}
    return functional_call(encoder, scaled, kwargs=dict(inputs))


def _scaled(encoder: Any, path: str, gate: torch.Tensor) -> torch.Tensor:
    try:
        weight = encoder.get_submodule(path).weight
    except AttributeError:
        raise MaskError(f"the model does not have the module {path} of the gates") from None
    if gate.shape != weight.shape:
        raise MaskError(
            f"weight gates of shape {list(gate.shape)} on {path} with {list(weight.shape)}",
            remedy="use one factor per weight",
        )
    scaled: torch.Tensor = weight * gate.to(weight)
    return scaled
