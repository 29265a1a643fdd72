"""Masks of one model at one size: read and checked before anything is scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from ...data.errors import ConfigError, MaskError
from ...models.masks.subnetwork import Subnetwork
from ..single.loaded import LoadedModel
from ..steps.masks import load_mask
from ..steps.progress import Progress
from ..wording import counted, listed

FEWEST = 2

Masks = Mapping[str, Subnetwork]
"""Name -> mask, in the order in which they are reported."""


def read_masks(paths: Sequence[Path], loaded: LoadedModel, progress: Progress) -> Masks:
    """The masks in some files, named after these.

    Args:
        paths: mask files of one model and size.
        loaded: the model.
        progress: receives messages.

    Raises:
        ConfigError: if two files have one name.
        MaskError: if there is only one, one belongs to another model, or their sizes differ.
    """
    found: dict[str, Subnetwork] = {}
    for path in paths:
        mask = load_mask(path, loaded.model, name=loaded.name, say=progress.say)
        assert mask is not None
        if path.stem in found:
            raise ConfigError(
                f"two masks have the name {path.stem}", where=str(path), remedy="rename one of them"
            )
        found[path.stem] = mask
    check_masks(found)
    return numbered(found)


def check_masks(masks: Masks) -> None:
    """Raise unless there are two or more masks of one size: heads and MLPs count together.

    Raises:
        MaskError: saying which two differ, and in what.
    """
    if len(masks) < FEWEST:
        raise MaskError(
            f"{counted(len(masks), 'mask')}: a comparison needs {FEWEST} or more",
            remedy="name more masks of this model and size",
        )
    (first, one), *others = masks.items()
    for name, mask in others:
        if _size(mask) != _size(one):
            raise MaskError(
                f"masks of different sizes: {first} keeps {size_text(one)}, {name} keeps "
                f"{size_text(mask)}",
                remedy="use masks of one size",
            )
        if one.model and mask.model and one.model != mask.model:
            raise MaskError(
                f"masks of different models: {first} of {one.model!r}, {name} of {mask.model!r}",
                remedy="use masks of one fine-tuned model",
            )
        if one.fingerprint and mask.fingerprint and one.fingerprint != mask.fingerprint:
            raise MaskError(
                f"masks of different models: {first} was found on the weights "
                f"{one.fingerprint[:12]}, {name} on {mask.fingerprint[:12]}",
                remedy="use masks of one fine-tuned model",
            )


def _size(mask: Subnetwork) -> tuple[str, int, int]:
    """The type of unit in which its size is counted, and how many are kept of how many."""
    return mask.size_of, *mask.counts()[mask.size_of]


def numbered(masks: Masks) -> Masks:
    """The masks with numbers as their draw, 1 to M, by which rows tell them apart."""
    return {name: mask.with_meta(draw=place) for place, (name, mask) in enumerate(masks.items(), 1)}


def size_text(mask: Subnetwork) -> str:
    """How many units of each kind a mask keeps, in words."""
    counts = mask.counts()
    kinds = [kind for kind in ("heads", "mlps", "neurons", "weights") if kind in counts]
    shown = {"mlps": "MLPs"}
    return listed([f"{counts[kind][0]} {shown.get(kind, kind)}" for kind in kinds])


def equal_pairs(masks: Masks) -> list[tuple[str, str]]:
    """The pairs of masks that keep the same units."""
    return [
        (first, second)
        for (first, a), (second, b) in combinations(masks.items(), 2)
        if a.mask_id == b.mask_id
    ]
