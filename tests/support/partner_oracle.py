"""A plain second implementation of pruned units with the activations of partner inputs.

One example at a time, without padding, on a model in which every layer has weights of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from subprobe.models.encoder.anatomy import anatomy_of
from unrolled import unrolled

Row = tuple[list[int], list[int]]


def alone(model: Any, row: Row) -> dict[str, torch.Tensor]:
    """The inputs of one example."""
    ids, types = row
    found = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids)).long()}
    if getattr(model.config, "type_vocab_size", 0) > 1:
        found["token_type_ids"] = torch.tensor([types])
    return found


@torch.no_grad()
def activations(model: Any, row: Row) -> list[dict[str, torch.Tensor]]:
    """For each layer what the output projection and the second dense layer read, and its output."""
    anatomy = anatomy_of(model)
    found: list[dict[str, torch.Tensor]] = [{} for _ in range(anatomy.num_layers)]
    handles = []
    for layer, kept in enumerate(found):

        def projection(_module: Any, args: Any, kept: Any = kept) -> None:
            kept["head"] = args[0][0].clone()

        def down(_module: Any, args: Any, output: Any, kept: Any = kept) -> None:
            kept["neuron"], kept["mlp"] = args[0][0].clone(), output[0].clone()

        handles += [
            anatomy.attention_projection(model, layer).register_forward_pre_hook(projection),
            anatomy.mlp_output(model, layer).register_forward_hook(down),
        ]
    model(**alone(model, row))
    for handle in handles:
        handle.remove()
    return found


@torch.no_grad()
def logits_with_partner(model: Any, row: Row, partner: Row, mask: Any) -> torch.Tensor:
    """The logits [K] of one example whose pruned units have their activations on a partner."""
    plain = replaced(model, lambda made: activations(made, partner), row, partner, mask)
    logits: torch.Tensor = plain(**alone(plain, row)).logits[0]
    return logits


def replaced(model: Any, read: Any, row: Row, partner: Row, mask: Any) -> Any:
    """A copy of the model for one example; `read` gives its activations on the partner."""
    plain = unrolled(model).eval()
    anatomy = anatomy_of(plain)
    theirs = read(plain)
    own, size = len(row[0]), len(partner[0])
    # first meets first, last meets last, in between the relative position counts
    place = [int(np.floor(p * (size - 1) / (own - 1) + 0.5)) if own > 1 else 0 for p in range(own)]
    for layer in range(anatomy.num_layers):
        held = {name: values[place] for name, values in theirs[layer].items()}

        def projection(_module: Any, args: Any, layer: Any = layer, held: Any = held) -> Any:
            values = args[0].clone()
            for head in np.flatnonzero(~mask.head_mask[layer]):
                columns = slice(head * anatomy.head_size, (head + 1) * anatomy.head_size)
                values[0][:, columns] = held["head"][:, columns]
            return (values, *args[1:])

        def before(_module: Any, args: Any, layer: Any = layer, held: Any = held) -> Any:
            values = args[0].clone()
            if mask.neuron_mask is not None:
                gone = ~mask.neuron_mask[layer]
                values[0][:, gone] = held["neuron"][:, gone]
            return (values, *args[1:])

        def after(
            _module: Any, _args: Any, output: Any, layer: Any = layer, held: Any = held
        ) -> Any:
            return output if mask.mlp_mask[layer] else held["mlp"][None]

        anatomy.attention_projection(plain, layer).register_forward_pre_hook(projection)
        anatomy.mlp_output(plain, layer).register_forward_pre_hook(before)
        anatomy.mlp_output(plain, layer).register_forward_hook(after)
    return plain
