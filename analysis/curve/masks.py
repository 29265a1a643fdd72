"""The masks of a curve: good ones of each size, and controls of the same sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...data.errors import ConfigError, MaskError, UnknownNameError
from ...models.ablation.constants import with_ablation
from ...models.ablation.searching import replaced_as, searched_under
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.encoder.kept_units import kept_units_of
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...pruning.across_seeds import across_seeds
from ...pruning.controls import sample_control
from ...pruning.search.magnitude import largest, prunable_weights, smallest_of
from ..configuration.mask_options import PruneOptions
from ..single.loaded import LoadedModel
from ..steps.progress import Progress
from ..steps.selection import Chooser, find_good
from .sizes import METHODS, Sizes, totals_of

ORDERS = ("nested", "search")
"""`nested`: the most important units of one ranking in the full model. `search`: one search for
each size, which ranks the remaining units again after each step."""

KINDS = ("good", "random", "bad", "super")

_ARRAYS = {"heads": "head_mask", "mlps": "mlp_mask", "neurons": "neuron_mask"}

Floats = npt.NDArray[np.float64]


def check_kinds(kinds: Sequence[str], models: int, units: str) -> tuple[str, ...]:
    """The kinds of a curve in their usual order; the good one is always among them.

    Raises:
        UnknownNameError: if there is no such kind.
        ConfigError: if `super` has fewer than two models, or units other than heads and MLPs.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UnknownNameError("kind", kind, KINDS)
    if "super" in kinds and models < 2:
        raise ConfigError(
            "super keeps the units that the masks of all seeds keep, and there is one model",
            where="`kind`",
            remedy="name the models of at least two seeds",
        )
    if "super" in kinds and units not in ("joint", "heads", "mlps"):
        raise ConfigError(
            f"masks of {units} cannot be compared across seeds",
            where="`kind`",
            remedy="leave out super, or choose joint, heads or mlps as `units`",
        )
    return tuple(kind for kind in KINDS if kind == "good" or kind in kinds)


def totals_in(model: Any, units: str) -> dict[str, int]:
    """Type of unit -> how many a model has.

    Raises:
        MaskError: if units were removed from it.
    """
    if kept_units_of(model) is not None:
        raise MaskError(
            "units were removed from this model, so that a share of them has no clear meaning",
            where="`models`",
            remedy="name the full model from which it was made",
        )
    weights = 0
    if units == "weights":
        weights = sum(weight.numel() for weight in prunable_weights(model).values())
    return totals_of(anatomy_of(model), weights)


@dataclass(frozen=True)
class Goods:
    """The good masks of one model.

    Attributes:
        make: makes the mask of a size, given its place; masks of single weights are large.
        empty: the model without any unit of the curve.
    """

    make: Callable[[int], Subnetwork]
    empty: Subnetwork


def goods_of(
    loaded: LoadedModel, sizes: Sizes, options: PruneOptions, order: str, progress: Progress
) -> Goods:
    """The good masks of a model, and the model without the units.

    Args:
        loaded: a fine-tuned model; its units are ranked on the selection examples, and single
            weights by their magnitude.
        sizes: the sizes.
        options: importance, ablation and search.
        order: one of `ORDERS`.
        progress: receives the progress of the ranking or the searches.

    Raises:
        UnknownNameError: if there is no such order or ablation.
    """
    if order not in ORDERS:
        raise UnknownNameError("order", order, ORDERS)
    about = {
        "kind": "good",
        "method": METHODS[sizes.units],
        "task": loaded.parts.spec.name,
        "model": str(loaded.meta.get("model", loaded.name)),
        "seed_init": loaded.seeds[0],
        "seed_order": loaded.seeds[1],
        "selection": loaded.parts.selection_name,
        "importance": importance_of(sizes.units, options),
        "fingerprint": weights_fingerprint(loaded.model),
    }
    reading: dict[str, Any] = {
        "batch_size": options.batch_size, "max_length": loaded.max_length,
    }  # fmt: skip
    like = searched_under(options.ablation, loaded.model, loaded.tokenizer, loaded.parts, **reading)
    learnt = options.ablation == "learned"

    def replaced(mask: Subnetwork) -> Subnetwork:
        """The mask under the ablation; learned constants belong to one mask."""
        if not learnt:
            return replaced_as(mask, like)
        return with_ablation(
            mask, options.ablation, loaded.model, loaded.tokenizer, loaded.parts, **reading,
            say=progress.say,
        )  # fmt: skip

    empty = replaced(_of_size(loaded.model, sizes, None, dict.fromkeys(sizes.totals, 0)))
    if order == "search":
        full = full_subnetwork(anatomy_of(loaded.model)).with_meta(**about)
        found = [*_searched(loaded, sizes, options, progress), replaced_as(full, like)]
        return Goods(found.__getitem__, empty)
    by_magnitude = sizes.units == "weights"
    ranked = None if by_magnitude else _ranked(loaded, sizes, options, like, progress)
    made: dict[int, Subnetwork] = {}

    def make(place: int) -> Subnetwork:
        if place in made:
            return made[place]
        mask = _of_size(loaded.model, sizes, ranked, sizes.counts[place]).with_meta(**about)
        mask = replaced_as(mask, like) if place == len(sizes) - 1 else replaced(mask)
        if learnt:
            made[place] = mask
        return mask

    return Goods(make, empty)


def importance_of(units: str, options: PruneOptions) -> str:
    """What the units are ranked by, as masks state it."""
    return "magnitude" if units == "weights" else f"{options.importance}, {options.normalise}"


def control_of(kind: str, good: Subnetwork, model: Any, seed: int, draw: int) -> Subnetwork:
    """A random or bad mask of the size of a good one."""
    if kind == "bad" and good.weight_masks:
        return smallest_of(model, good)
    return sample_control(kind, good, seed=seed, draw=draw)


def draws_of(kind: str, units: str, draws: int) -> int:
    """How many masks of a kind each size has."""
    if kind in ("good", "super") or (kind == "bad" and units == "weights"):
        return 1
    return draws


def supers_of(goods: Sequence[Sequence[Subnetwork]]) -> list[Subnetwork]:
    """The units that the good masks of all seeds keep, at each size.

    Args:
        goods: for each seed, its good masks by size.
    """
    return [across_seeds("super", of_size) for of_size in zip(*goods, strict=True)]


def _ranked(
    loaded: LoadedModel,
    sizes: Sizes,
    options: PruneOptions,
    like: Subnetwork,
    progress: Progress,
) -> dict[str, npt.NDArray[np.int64]]:
    """Type of unit -> flat indices of its units in the full model, the most important first."""
    anatomy = anatomy_of(loaded.model)
    chooser = Chooser(
        loaded.model, loaded.tokenizer, loaded.parts, options, loaded.max_length, progress.say,
        like=like,
    )  # fmt: skip
    whole = full_subnetwork(anatomy)
    masks = [whole.head_mask, whole.mlp_mask]
    if "neurons" in sizes.totals:
        masks.append(np.ones((anatomy.num_layers, anatomy.num_neurons), dtype=np.bool_))
    with progress.stage("ranking the units") as advance:
        scored = chooser.importance(loaded.parts.selection, seed=loaded.seeds[0])(*masks)
        advance(1, 1)
    values: Mapping[str, Floats | None] = {
        "heads": scored.head_importance,
        "mlps": scored.mlp_importance,
        "neurons": scored.neuron_importance,
    }
    found = {}
    for name in sizes.totals:
        importance = values[name]
        assert importance is not None
        # of equal units the first is removed first, as in the search
        found[name] = np.argsort(importance.ravel(), kind="stable")[::-1]
    return found


def _of_size(
    model: Any,
    sizes: Sizes,
    ranked: Mapping[str, npt.NDArray[np.int64]] | None,
    counts: Mapping[str, int],
) -> Subnetwork:
    """The mask of the first units of a ranking; without one, of the largest weights."""
    anatomy = anatomy_of(model)
    whole = full_subnetwork(anatomy)
    if "weights" in counts:
        return whole.with_meta(weight_masks=largest(model, counts["weights"]))
    shapes = {
        "heads": whole.head_mask.shape,
        "mlps": whole.mlp_mask.shape,
        "neurons": (anatomy.num_layers, anatomy.num_neurons),
    }
    arrays = {}
    for name, count in counts.items():
        kept = np.zeros(shapes[name], dtype=np.bool_)
        if ranked is not None:
            kept.ravel()[ranked[name][:count]] = True
        arrays[_ARRAYS[name]] = kept
    return whole.with_meta(**arrays)


def _searched(
    loaded: LoadedModel, sizes: Sizes, options: PruneOptions, progress: Progress
) -> list[Subnetwork]:
    """One search for each size below the full one."""
    found = []
    with progress.stage("searching for the good masks") as advance:
        for place, share in enumerate(sizes.asked[:-1]):
            good = find_good(
                loaded.model,
                loaded.tokenizer,
                loaded.parts,
                PruneOptions(**{**options.model_dump(), "keep": share}),
                max_length=loaded.max_length,
                seeds=loaded.seeds,
                method=METHODS[sizes.units],
                model_name=str(loaded.meta.get("model", loaded.name)),
                say=progress.say,
            )
            counted = good.counts()
            assert all(counted[name][0] == n for name, n in sizes.counts[place].items())
            found.append(good)
            advance(place + 1, len(sizes) - 1)
    return found
