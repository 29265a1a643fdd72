"""A model in which every layer has weights of its own, though the family shares them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from subprobe.models.encoder.anatomy import anatomy_of


def unrolled(model: Any) -> Any:
    """A copy that computes the same; transformers' own ALBERT with a group for each layer.

    Families whose layers have weights of their own are only copied.
    """
    anatomy = anatomy_of(model)
    if not anatomy.shared:
        return copy.deepcopy(model)
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = config.num_hidden_groups = anatomy.num_layers
    config.inner_group_num = 1
    with torch.random.fork_rng(devices=[]):
        found = type(model)(config)
    outside = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if ".albert_layer_groups." not in name
    }
    missing = found.load_state_dict(outside, strict=False).missing_keys
    assert all(".albert_layer_groups." in name for name in missing)
    own = anatomy_of(found)
    assert not own.shared
    for layer in range(anatomy.num_layers):
        weights = anatomy.block(model, layer).state_dict()
        own.block(found, layer).load_state_dict(weights)
    return found.to(model.dtype).train(model.training)
