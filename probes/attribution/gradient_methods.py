"""Methods that follow gradients at the word embeddings, through Captum: values by word piece.

From the baseline of a text, positions and special tokens stay: the embeddings alone are on the
path, so that complete methods sum to the difference of the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from ...data.errors import InputError
from ...models.training.randomness import own_randomness
from .classified import ClassifiedBatch
from .seeded import seed_example
from .settings import AttributionSettings

Pieces = Callable[[ClassifiedBatch, AttributionSettings, int], torch.Tensor]
"""(batch, settings, steps or draws) -> values [B, S, D]."""


def integrated_gradients(
    batch: ClassifiedBatch, settings: AttributionSettings, n_steps: int
) -> torch.Tensor:
    """Integrated gradients (Sundararajan et al. 2017), [B, S, D]."""
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(batch.logits_of)
    return _along_the_path(method, batch, n_steps, settings.internal_batch_size, 1)


def layer_conductance(
    batch: ClassifiedBatch, settings: AttributionSettings, n_steps: int
) -> torch.Tensor:
    """Conductance (Dhamdhere et al. 2018) of the output of one block, [B, S, D]."""
    from captum.attr import LayerConductance

    block = batch.context.anatomy.block(batch.context.model, settings.layer)
    method = LayerConductance(batch.logits_of, block)
    return _along_the_path(method, batch, n_steps, settings.internal_batch_size, 2)


def _along_the_path(
    method: Any, batch: ClassifiedBatch, n_steps: int, size: int, least: int
) -> torch.Tensor:
    """The attributions of a path method; a pass holds at least `least` points of each text."""
    values: torch.Tensor = method.attribute(
        batch.embedded,
        baselines=batch.blank,
        target=batch.target,
        additional_forward_args=batch.others,
        n_steps=n_steps,
        internal_batch_size=max(size, least * len(batch.embedded)),
    )
    return values.detach()


def input_x_gradient(
    batch: ClassifiedBatch, _settings: AttributionSettings, _draws: int
) -> torch.Tensor:
    """Embedding times gradient (Shrikumar et al. 2016), [B, S, D]."""
    from captum.attr import InputXGradient

    return _at_the_text(partial(InputXGradient(batch.logits_of).attribute), batch)


def saliency(batch: ClassifiedBatch, _settings: AttributionSettings, _draws: int) -> torch.Tensor:
    """|gradient| (Simonyan et al. 2014), [B, S, D]: it has no sign."""
    from captum.attr import Saliency

    return _at_the_text(partial(Saliency(batch.logits_of).attribute, abs=True), batch)


def _at_the_text(attribute: Callable[..., Any], batch: ClassifiedBatch) -> torch.Tensor:
    values: torch.Tensor = attribute(
        batch.embedded.clone().requires_grad_(),  # Captum warns where it has to ask for it
        target=batch.target,
        additional_forward_args=batch.others,
    )
    return values.detach()


def gradient_shap(
    batch: ClassifiedBatch, settings: AttributionSettings, n_samples: int
) -> torch.Tensor:
    """Gradient SHAP (Lundberg & Lee 2017; expected gradients) from one baseline, [B, S, D].

    Draws are made for each text separately, seeded by its id. What does not fit into one pass goes
    through in parts that are computed again on the way back.
    """
    from captum.attr import GradientShap

    def in_parts(embedded: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        size = settings.internal_batch_size
        if len(embedded) <= size:
            return batch.logits_of(embedded, *others)
        parts = zip(*(torch.split(one, size) for one in (embedded, *others)), strict=True)
        return torch.cat(
            [checkpoint(batch.logits_of, *part, use_reentrant=False) for part in parts]
        )

    method, values = GradientShap(in_parts), torch.zeros_like(batch.embedded)
    for row in range(len(values)):
        one = batch.rows([row])
        with own_randomness():
            seed_example(settings.seed, one.view.examples[0].id)
            found = method.attribute(
                one.embedded,
                baselines=one.blank,
                target=one.target,
                additional_forward_args=one.others,
                n_samples=n_samples,
            )
        values[row, : found.shape[1]] = found[0].detach()
    return values


GRADIENT_METHODS: Mapping[str, Pieces] = {
    "integrated-gradients": integrated_gradients,
    "input-x-gradient": input_x_gradient,
    "saliency": saliency,
    "gradient-shap": gradient_shap,
    "layer-conductance": layer_conductance,
}


def check_block(batch: ClassifiedBatch, layer: int) -> None:
    """Raise unless the output of a block is one tensor of its own.

    Raises:
        InputError: naming the family, or the layers that there are.
    """
    anatomy, model = batch.context.anatomy, batch.context.model
    remedy = "use integrated-gradients"
    if layer >= anatomy.num_layers:
        raise InputError(
            f"unknown layer {layer} for layer-conductance: the layers are 0 to "
            f"{anatomy.num_layers - 1}",
            remedy="choose another `layer`",
        )
    if anatomy.shared:
        raise InputError(
            f"layer-conductance cannot separate the layers of {anatomy.family}: they share one "
            "block",
            remedy=remedy,
        )
    given: list[Any] = []
    handle = anatomy.block(model, layer).register_forward_hook(
        lambda _module, _args, output: given.append(output)
    )
    try:
        with torch.no_grad():
            one = batch.rows([0])
            one.logits_of(one.embedded, *one.others)
    finally:
        handle.remove()
    if not isinstance(given[0], torch.Tensor):
        raise InputError(
            f"layer-conductance cannot read the blocks of {anatomy.family}, which return more than "
            "one tensor",
            remedy=remedy,
        )
