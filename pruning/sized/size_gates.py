"""Gates learned towards a target size, by the loss of a task or by faithfulness to the full model.

The form of Bhaskar, Friedman and Chen (2024), "The Heuristic Core": criterion + lambda1 (t - s) +
lambda2 (t - s)^2, in which the target sparsity t rises linearly and the multipliers are raised by
gradient ascent. At the end, the gates with the highest location are kept, exactly as many as the
target asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...data.tasks.task import TaskParts
from ...models.masks.replacement import replacing
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ..learned.gate_forms import binary_share
from ..learned.gate_training import learned_mask, learning, to_train
from ..learned.unit_gates import Tensors
from .gated_units import GatedUnits
from .hardening import check_target, kept_at_size
from .size_options import SizeOptions
from .size_training import SizeTraining


@dataclass(frozen=True)
class SizedGates:
    """The result of learning gates towards a size.

    Attributes:
        subnetwork: the mask that keeps the gates with the highest location, as many as asked for.
        locations: location of each gate, by gate tensor.
        soft: the gates without noise, in [0, 1]; those of weights in the shape of the weight.
        model: the model of the mask: the given one, or the copy that was trained with the gates.
        binary: share of the gates that are within .01 of 0 or 1.
        flag: `diverged` if the criterion or a gradient was not finite (the gates are those before
            that step), else empty.
    """

    subnetwork: Subnetwork
    locations: Tensors
    soft: Tensors
    model: Any
    binary: float
    flag: str


def learn_to_size(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: SizeOptions,
    recipe: Recipe,
    *,
    seeds: tuple[int, int] = (0, 0),
    model_name: str = "",
    like: Subnetwork | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SizedGates:
    """Learn which units of a fine-tuned model to keep, for a given share of them.

    The given model is not changed: it is frozen, or copied if the encoder is trained. The same seed
    gives the same gates.

    Args:
        model: a fine-tuned classifier, regressor or masked language model.
        tokenizer: its tokenizer.
        parts: the task; gates are trained on `parts.train`.
        options: the size, and the options for training.
        recipe: maximum length and precision; if the encoder is trained, also its learning rate
            (which falls linearly), weight decay and clipping.
        seeds: (init, order) seeds of the model, for the metadata of the mask.
        model_name: name of the pretrained encoder, for the metadata of the mask.
        like: a mask whose ablation replaces what the gates close; None = zeros.
        progress: called with (completed steps, total steps).

    Returns:
        A mask of kind `good`, whose method is the form of its gates, selected on `train`. Its
        history has one record per epoch: `loss`, the mean criterion of its steps (null if not
        finite); and at its end `target`, the target sparsity of its last step, `sparsity`, the
        expected one, `lambda1`, `lambda2`, `open`, the number of gates that the form itself keeps
        (hard concrete: above 1/2 without noise; continuous sparsification: s > 0), and `binary`,
        the share of gates within .01 of 0 or 1. The first record also contains the options.

    Raises:
        ConfigError: if the size is below one unit, or prunes less than one.
    """
    units = GatedUnits(model, options.units, options.block)
    check_target(options.keep, units.costs, units.what)
    trained, encoded = to_train(model, tokenizer, parts, options, recipe)
    with learning(trained, options.frozen, options.seed), replacing(trained, like):
        training = SizeTraining(model, trained, units, encoded, options, recipe)
        history = training.run(progress)
    kept = kept_at_size(training.locations, units.costs, options.keep)
    return SizedGates(
        subnetwork=learned_mask(
            options.form,
            parts,
            trained,
            seeds=seeds,
            model_name=model_name,
            history=history,
            **units.masks(kept),
        ),
        locations=training.locations,
        soft=units.factors(training.soft()),
        model=trained,
        binary=binary_share(training.soft()),
        flag="diverged" if training.diverged else "",
    )
