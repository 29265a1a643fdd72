"""Write compact and baked models, as the commands about smaller models do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.errors import ConfigError
from ...data.tasks.plugin_tasks import OF_TEXTS
from ...models.checkpoint.checkpoint import load_saved, load_tokenizer, meta_of, save_classifier
from ...models.checkpoint.compact_files import save_compact
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.device import device_of
from ...models.encoder.kept_units import kept_units_of
from ...models.language.loading import load_language_model
from ...models.masks.subnetwork import Subnetwork
from ...models.smaller.bake import bake
from ...models.smaller.cost import Cost, cost, kept_share
from ...models.smaller.shrink import shrink
from ..steps.masks import RETRAINED, load_mask
from ..steps.progress import unheard


@dataclass(frozen=True)
class Whole:
    """A full model with its tokenizer and the mask to apply permanently."""

    name: str
    model: Any
    tokenizer: Any
    mask: Subnetwork


def load_whole(
    name: str,
    mask: Path,
    *,
    other_weights: bool = False,
    device: str = "cpu",
    say: Callable[[str], None] = unheard,
) -> Whole:
    """Load a model with its saved head, and a matching mask.

    Args:
        name: the model.
        mask: the mask file.
        other_weights: accept a mask that was found on other weights.
        device: where the model runs, see `device_of`.
        say: receives messages about what is unknown of the mask.

    Raises:
        ConfigError: if the model is already compact, or the device does not exist.
    """
    place = device_of(device)
    model = _load(name).to(place)
    if kept_units_of(model) is not None:
        raise ConfigError("is already a compact model", where=name, remedy="name the full model")
    # a model that was trained under the mask says so in its folder
    trained = name if RETRAINED in meta_of(name) else ""
    found = load_mask(mask, model, name=trained, other_weights=other_weights, say=say)
    assert found is not None
    return Whole(name, model, load_tokenizer(name), found)


def _load(name: str) -> Any:
    """The model with the head that it was trained with."""
    if meta_of(name).get("task") in OF_TEXTS:
        return load_language_model(name)
    return load_saved(name)


def compact_to_folder(
    whole: Whole, out: Path, *, overwrite: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Remove the units that the mask prunes; returns the compact model and its changes in size."""
    if meta_of(whole.name).get("task") in OF_TEXTS:
        raise ConfigError(
            "a masked language model has no compact form",
            where=whole.name,
            remedy="write its mask into an ordinary checkpoint: subprobe bake",
        )
    smaller = shrink(whole.model, whole.mask)
    meta = _meta(whole, "compact")
    save_compact(smaller, whole.tokenizer, out, whole.mask, meta, overwrite=overwrite)
    return smaller, _summary(whole, cost(smaller, 1, 128))


def bake_to_folder(whole: Whole, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Write the mask as zeros into an ordinary checkpoint; returns the number of kept weights."""
    baked = bake(whole.model, whole.mask)
    meta = _meta(whole, "baked")
    save_classifier(baked, whole.tokenizer, out, meta, whole.mask, overwrite=overwrite)
    return _summary(whole, cost(baked, 1, 128))


def _meta(whole: Whole, form: str) -> dict[str, Any]:
    """The record of the full model, with the changes made to it."""
    return {**meta_of(whole.name), "form": form, "made_from": whole.name}


def _summary(whole: Whole, after: Cost) -> dict[str, Any]:
    before = cost(whole.model, 1, 128)
    return {
        **{name: value for name, value in whole.mask.describe().items() if "_mask" not in name},
        "prunable_kept": kept_share(whole.mask, anatomy_of(whole.model), whole.model),
        "parameters": after.parameters,
        "parameters_before": before.parameters,
        "flops_ratio": after.flops / before.flops,
    }
