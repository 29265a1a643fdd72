"""Differentiable factors on single weights, for one forward pass.

A weight gate scales one entry of the weight of a dense layer; biases are left alone. The scaled
weights stand in for the model's own only while the encoder is called, so that no error leaves any
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
    """What the encoder gives for `inputs` if every gated weight is multiplied by its gate.

    Gates of 0 and 1 give what `without_weights` gives for the mask that they are. Gates may require
    grad, on a frozen model too.

    Args:
        model: a transformers encoder, with or without a task head, which is not run.
        gates: path of a module in the base model -> factors of its weight's shape; those of a
            module that several layers share act in all of them.
        inputs: what the encoder is called with.

    Raises:
        MaskError: for a gate of a module that the model does not have, or of another shape.
    """
    encoder = model.base_model
    scaled = {f"{path}.weight": _scaled(encoder, path, gate) for path, gate in gates.items()}
    return functional_call(encoder, scaled, kwargs=dict(inputs))


def _scaled(encoder: Any, path: str, gate: torch.Tensor) -> torch.Tensor:
    try:
        weight = encoder.get_submodule(path).weight
    except AttributeError:
        raise MaskError(f"the gates are for {path}, which the model does not have") from None
    if gate.shape != weight.shape:
        raise MaskError(
            f"weight gates of shape {list(gate.shape)} on {path} with {list(weight.shape)}",
            remedy="give one factor a weight",
        )
    scaled: torch.Tensor = weight * gate.to(weight)
    return scaled
