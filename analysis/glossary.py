"""The terms that subprobe uses, each defined once, for the docs and the report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TERMS: Mapping[str, str] = MappingProxyType(
    {
        "unit": "What a mask keeps or removes: an attention head, an MLP, a neuron or a weight.",
        "mask": "The list of the units that a subnetwork keeps, stored as a safetensors file.",
        "subnetwork": "A model in which only the units of a mask are active.",
        "full": "The fine-tuned model with all of its units.",
        "good": "The subnetwork that is left when the least important units are removed step by "
        "step while the score holds. Heads and MLPs are ranked by importance (unless another "
        "score is named, the mean over examples of |∂loss/∂gate|), single weights by magnitude.",
        "random": "A subnetwork of the same size as the good one, its units drawn uniformly.",
        "bad": "A subnetwork of the same size as the good one, made of the units that pruning "
        "removed; where these are too few, units of the good one fill it up, and the tables give "
        "the share that was borrowed. Of single weights, those of smallest magnitude.",
        "super": "The units that the good subnetworks of all seeds keep.",
        "draw": "One random or bad subnetwork; several are drawn for each good one.",
        "seed": "One fine-tuning of the model, with its own good subnetwork and its own draws.",
        "pruned": "The state of a subnetwork that uses the fine-tuned weights as they are.",
        "retrained": "The state of a subnetwork that starts from the pretrained weights and is "
        "fine-tuned again by the same recipe.",
        "selection": "The examples on which masks are chosen; scores are reported on others.",
        "survival": "The share of seeds whose good subnetwork keeps a unit.",
        "survivor": "A unit that the good subnetwork keeps.",
        "sparsity": "The share of units that a mask removes.",
        "importance": "An estimate of what the model loses when a unit is removed.",
        "contamination": "The share of a bad subnetwork's units that belong to the good one.",
        "majority baseline": "The score of a classifier that always predicts the most frequent "
        "class.",
        "gain": "The difference between a score and the majority baseline.",
    }
)
