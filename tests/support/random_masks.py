"""Random masks that reach the corners: layers without heads, pruned MLPs, nothing left at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import Subnetwork, full_subnetwork


def random_mask(
    layers: int, heads: int, neurons: int, seed: int, *, with_neurons: bool, share: float
) -> Subnetwork:
    """A mask in which each unit lives with probability `share`, and one layer has no head."""
    random = np.random.default_rng(seed)
    head = random.random((layers, heads)) < share
    head[random.integers(layers)] = False
    neuron = random.random((layers, neurons)) < share if with_neurons else None
    return Subnetwork(head, random.random(layers) < share, neuron)


def every_third_weight_dead(model: Any) -> Subnetwork:
    """A mask of single weights in one projection of an encoder of BERT's."""
    path = "encoder.layer.1.output.dense"
    shape = tuple(model.get_submodule(path).weight.shape)
    living = np.arange(shape[0] * shape[1]).reshape(shape) % 3 != 0
    whole = full_subnetwork(anatomy_of(model), kind="good", method="magnitude")
    return whole.with_meta(weight_masks={path: living})


def masks(layers: int, heads: int, neurons: int) -> st.SearchStrategy[Subnetwork]:
    """Masks of all densities, with and without neurons."""

    def build(seed: int, with_neurons: bool, share: float) -> Any:
        return random_mask(layers, heads, neurons, seed, with_neurons=with_neurons, share=share)

    shares = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    return st.builds(build, st.integers(0, 2**16), st.booleans(), shares)
