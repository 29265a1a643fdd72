"""Mean activations of units, and masks with another ablation.

The mean of a unit is taken over all tokens of the training part, special tokens included and
padding not, in the full model. Wang et al. (2023), "Interpretability in the Wild", replace heads by
their mean; Li and Janson (2024), "Optimal Ablation for Interpretability", compare the constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.collate import Batch, to_inputs
from ...data.errors import InputError, MaskError, UnknownNameError
from ...data.masking.masked_batches import task_batches
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts
from ..encoder.anatomy import Anatomy, anatomy_of
from ..encoder.evaluating import evaluating
from ..encoder.fingerprint import weights_fingerprint
from ..encoder.kept_units import kept_units_of
from ..encoder.layer_hooks import LayerHooks
from ..masks.names import ABLATIONS
from ..masks.subnetwork import Subnetwork
from .learned import Learned, learned_constants
from .pairing import with_counterfactuals
from .resampled import with_resample

Constants = dict[str, npt.NDArray[Any]]


def mean_constants(model: Any, batches: Iterable[Batch], by_position: bool = False) -> Constants:
    """The mean output of every head, MLP and neuron of a full model over real tokens.

    Args:
        model: a transformers encoder, with or without a task head; it is not modified.
        batches: the examples.
        by_position: a mean for each position in the input instead of one for all of them.

    Returns:
        float32 arrays: `head` [L, H, d], `mlp` [L, D], `neuron` [L, F]. By position they have a
        leading axis P: the positions of the longest example, and a last row with the mean over all
        of them, for later ones.

    Raises:
        InputError: if there is no example.
        MaskError: if the model is a smaller one, which lacks the outputs of removed units.
    """
    if kept_units_of(model) is not None:
        raise MaskError(
            "a smaller model has no outputs of removed units", remedy="use the full model"
        )
    anatomy = anatomy_of(model)
    with ExitStack() as stack:
        found = _Sums(model, anatomy, stack)
        stack.enter_context(evaluating(model))
        stack.enter_context(torch.inference_mode())
        for batch in batches:
            inputs = to_inputs(batch, model.device)
            # the K inputs of a question are inputs of their own
            found.real = inputs["attention_mask"].flatten(0, -2).bool()
            found.count()
            model.base_model(**{name: one.flatten(0, -2) for name, one in inputs.items()})
    if not len(found.counts):
        raise InputError("no examples to take means of", remedy="name a task with training data")
    return {name: _means(sums, found.counts, by_position) for name, sums in found.sums.items()}


class _Sums:
    """Sums of the outputs of units by position, collected by hooks.

    Attributes:
        real: which positions of the current inputs are tokens, bool [B, S].
        counts: number of tokens at each position [P].
        sums: by type of unit [P, L, ...], float64.
    """

    def __init__(self, model: Any, anatomy: Anatomy, stack: ExitStack):
        self.real = torch.zeros(0, 0, dtype=torch.bool)
        self.counts = np.zeros(0, dtype=np.int64)
        layers, width = anatomy.num_layers, anatomy.num_heads * anatomy.head_size
        self.sums: dict[str, npt.NDArray[np.float64]] = {
            "head": np.zeros((0, layers, anatomy.num_heads, anatomy.head_size)),
            "mlp": np.zeros((0, layers, width)),
            "neuron": np.zeros((0, layers, anatomy.num_neurons)),
        }
        hooks = LayerHooks(model, anatomy, stack)
        for layer in range(layers):
            down = anatomy.mlp_output(model, layer)
            hooks.before(
                layer, anatomy.attention_projection(model, layer), self._into("head", layer)
            )
            hooks.before(layer, down, self._into("neuron", layer))
            hooks.after(layer, down, self._into("mlp", layer))

    def count(self) -> None:
        """Count the tokens of the current inputs, and make room for their positions."""
        longer = self.real.shape[1] - len(self.counts)
        if longer > 0:
            self.counts = np.pad(self.counts, (0, longer))
            for name, sums in self.sums.items():
                self.sums[name] = np.pad(sums, ((0, longer), *[(0, 0)] * (sums.ndim - 1)))
        self.counts[: self.real.shape[1]] += self.real.sum(0).cpu().numpy()

    def _into(self, name: str, layer: int) -> Any:
        def add(_module: Any, args: Any, output: Any = None) -> None:
            values = args[0] if output is None else output
            values = values.masked_fill(~self.real[..., None], 0).sum(0, dtype=torch.float64)
            rows = self.sums[name][: len(values), layer]
            rows += values.cpu().numpy().reshape(rows.shape)

        return add


def _means(
    sums: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], by_position: bool
) -> npt.NDArray[np.float32]:
    overall: npt.NDArray[np.float64] = sums.sum(0) / counts.sum()
    if not by_position:
        return overall.astype(np.float32)
    each = sums / np.maximum(counts, 1).reshape(-1, *[1] * (sums.ndim - 1))
    each[counts == 0] = overall
    rows: npt.NDArray[np.float64] = np.concatenate([each, overall[None]])
    return rows.astype(np.float32)


def with_ablation(
    mask: Subnetwork,
    name: str,
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    *,
    batch_size: int = 32,
    max_length: int = 128,
    match: str = "any",
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> Subnetwork:
    """The same mask with another ablation, whose constants are computed anew.

    Args:
        mask: the mask; whatever its ablation was, it is replaced.
        name: one of `ABLATIONS`.
        model: the full model to which the constants belong.
        tokenizer: its tokenizer.
        parts: the task; means are taken over `parts.train`, partners of `resample` are drawn from
            it, and constants are learnt on `parts.selection`.
        batch_size: B.
        max_length: maximum subwords per example.
        match: the inputs among which partners are drawn (`drawing.MATCHES`), for `resample`.
        seed: seed of that draw.
        say: receives the loss of learnt constants beside those of the mean and of zero.

    Raises:
        UnknownNameError: if there is no such ablation or match.
        InputError: if there is no example to take means of, to learn from or to draw, or an example
            has no counterfactual of its length.
        MaskError: if the mask prunes single weights, or the model is a smaller one.
    """
    if name not in ABLATIONS:
        raise UnknownNameError("ablation", name, ABLATIONS)
    if name == "zero":
        return mask.with_meta(ablation="zero", constants={}, constants_of="")
    if mask.weight_masks:
        raise MaskError(
            f"a mask of single weights cannot have the ablation {name}",
            remedy="use zero: a pruned weight has no output that could be replaced",
        )
    mask.check_fits(anatomy_of(model))

    if name == "resample":
        return with_resample(mask, tokenizer, parts, max_length=max_length, match=match, seed=seed)
    if name == "counterfactual":
        return with_counterfactuals(mask, tokenizer, parts, max_length=max_length)

    def read(examples: Sequence[Example]) -> Any:
        return task_batches(
            tokenizer, examples, parts.spec, batch_size=batch_size, max_length=max_length
        )

    if name in ("mean", "mean-by-position"):
        constants = mean_constants(model, read(parts.train), by_position=name != "mean")
    else:
        means = mean_constants(model, read(parts.train))
        found = learned_constants(model, mask, means, list(read(parts.selection)))
        constants = found.constants
        if say is not None:
            say(learned_said(found))
    return mask.with_meta(
        ablation=name, constants=constants, constants_of=weights_fingerprint(model)
    )


def learned_said(found: Learned) -> str:
    """The loss of learnt constants beside those of the mean and of zero."""
    return (
        f"loss on the selection examples: {found.loss:.4f} with learnt constants (started from "
        f"{found.start}), {found.mean:.4f} with means, {found.zero:.4f} with zeros"
    )
