"""Masks in files, and as tidy rows: the kept units, their number, and the borrowed share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...data.errors import ConfigError, MaskError
from ...models.checkpoint.checkpoint import meta_of, resolve_model
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.folder.checkpoint_files import read_config
from ...models.folder.sources import MASK_FILE
from ...models.masks.compact_mask import compact_mask
from ...models.masks.subnetwork import Subnetwork
from ...pruning.search.structured import Scored
from .progress import unheard

IMPORTANCE = "importance"
"""Metric of the rows that say by what a search ranked the units of the full model."""
RETRAINED = "retrained_mask"
"""Name of the file, in a model folder, of the mask that it was trained under."""


def save_mask(mask: Subnetwork, folder: Path, name: str) -> Path:
    """Save a mask under a readable name; names of one seed and method differ only in the kind."""
    method = "" if mask.method == "structured" else f"{mask.method}-"
    path = folder / "masks" / f"{name}-{method}{mask.kind}.safetensors"
    mask.save(path)
    return path


def state_of(mask: Subnetwork | None, meta: Mapping[str, Any]) -> str:
    """The weights that a mask is applied to, as recorded in the model's folder."""
    if mask is None:
        return "finetuned"
    return "retrained" if meta.get(RETRAINED) == mask.mask_id else "pruned"


def read_mask(path: Path, name: str, say: Callable[[str], None]) -> Subnetwork:
    """Read a mask for the training of a model; it was found on other weights of the same model.

    Args:
        path: see `Subnetwork.load`.
        name: the model.
        say: receives a message if the mask does not record its weights.

    Raises:
        MaskError: if there is none, or if it belongs to a model of another shape.
    """
    config = read_config(resolve_model(name))
    mask = Subnetwork.load(path, heads=config.num_attention_heads)
    _tell_origin(mask, str(path), say)
    return mask


def load_mask(
    path: Path | None,
    model: Any,
    *,
    name: str = "",
    other_weights: bool = False,
    refreshed: bool = False,
    say: Callable[[str], None] = unheard,
) -> Subnetwork | None:
    """Read a mask and check that it belongs to this model; compact and baked models have their own.

    Args:
        path: see `Subnetwork.load`, or None.
        model: the model.
        name: its folder; a folder that `subprobe bake` wrote contains a mask, and a model that was
            trained under a mask uses that mask.
        other_weights: accept a mask that was found on other weights.
        refreshed: whether the constants of the mask are computed anew, so that they may belong to
            other weights.
        say: receives a message if the mask does not record its weights.

    Raises:
        MaskError: if the mask belongs to another model, or its constants belong to other weights. A
            model that was trained under the mask is used with the constants of the mask.
        ConfigError: for a mask of the full model together with a compact or baked model.
    """
    mask = None
    if path is not None:
        mask = Subnetwork.load(path, heads=anatomy_of(model).num_heads)
    where = None if path is None else str(path)
    meta = meta_of(name) if name else {}
    return fitted(
        mask, model, meta, name, where=where, other_weights=other_weights, refreshed=refreshed,
        say=say,
    )  # fmt: skip


def fitted(
    mask: Subnetwork | None,
    model: Any,
    meta: Mapping[str, Any],
    name: str,
    *,
    where: str | None = None,
    other_weights: bool = False,
    refreshed: bool = False,
    say: Callable[[str], None] = unheard,
) -> Subnetwork | None:
    """The mask of a model: the given one, after a check that it belongs to it, or the model's own.

    Args:
        mask: a mask, or None.
        model: the model.
        meta: the record stored with its weights.
        name: as in `load_mask`.
        where: name of the mask in messages: its file.
        other_weights: as in `load_mask`.
        refreshed: as in `load_mask`.
        say: as in `load_mask`.

    Raises:
        MaskError: as `load_mask` does.
        ConfigError: as `load_mask` does.
    """
    own = compact_mask(model)
    baked = meta.get("form") == "baked"
    if mask is None:
        if own is not None:
            return own
        return Subnetwork.load(Path(resolve_model(name).location) / MASK_FILE) if baked else None
    own_print = weights_fingerprint(model)
    found_here = not mask.fingerprint or mask.fingerprint == own_print
    if baked or (own is not None and not (found_here or other_weights)):
        form = "baked" if baked else "smaller"
        raise ConfigError(
            f"a {form} model has a mask of its own", where=where, remedy="leave out `mask`"
        )
    _tell_origin(mask, where or "the mask", say)
    retrained = state_of(mask, meta) == "retrained"
    fingerprint = None if other_weights or retrained else own_print
    mask.check_fits(anatomy_of(model), fingerprint, where=where)
    if not retrained and not refreshed and own is None and mask.constants_of not in ("", own_print):
        raise MaskError(
            f"the constants of the mask ({mask.ablation}) belong to other weights "
            f"({mask.constants_of[:12]}) than the model's ({own_print[:12]})",
            where=where,
            remedy=f"compute them on this model: `ablation` {mask.ablation}",
        )
    return mask if own is None else _within(mask, own)


def _within(mask: Subnetwork, left: Subnetwork) -> Subnetwork:
    """The mask of a compact model, in which removed units stay pruned."""
    neurons = left.neuron_mask if mask.neuron_mask is None else mask.neuron_mask
    if neurons is not None and left.neuron_mask is not None:
        neurons = neurons & left.neuron_mask
    return mask.with_meta(
        head_mask=mask.head_mask & left.head_mask,
        mlp_mask=mask.mlp_mask & left.mlp_mask,
        neuron_mask=neurons,
    )


def _tell_origin(mask: Subnetwork, where: str, say: Callable[[str], None]) -> None:
    if not mask.fingerprint:
        say(
            f"{where} does not record the weights that it was found on; it is used as a mask of "
            "this model"
        )


def importance_rows(scored: Scored, measure: str, identity: Mapping[str, Any]) -> pd.DataFrame:
    """One row for the importance of each head [L, H] and MLP [L] in the full model.

    Args:
        scored: what the search scored in the full model.
        measure: the name of the score and of its normalisation, as masks have it.
        identity: the columns that say which model and seed it belongs to.
    """
    heads = [
        {"unit": "head", "layer": i, "head": j, "value": float(value)}
        for (i, j), value in np.ndenumerate(scored.head_importance)
    ]
    mlps = [
        {"unit": "mlp", "layer": i, "value": float(value)}
        for i, value in enumerate(scored.mlp_importance)
    ]
    records = pd.DataFrame([*heads, *mlps])
    return records.assign(probe="mask", metric=IMPORTANCE, variant=measure, **identity)


def mask_rows(mask: Subnetwork, identity: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each head [L, H] and MLP [L], and the shares kept and borrowed.

    Args:
        mask: the subnetwork.
        identity: the columns that identify its model and seed.
    """
    layers, heads = mask.head_mask.shape
    records: list[dict[str, Any]] = [
        {
            "unit": "head",
            "layer": i,
            "head": j,
            "metric": "kept",
            "value": float(mask.head_mask[i, j]),
        }
        for i in range(layers)
        for j in range(heads)
    ]
    records += [
        {"unit": "mlp", "layer": i, "metric": "kept", "value": float(mask.mlp_mask[i])}
        for i in range(layers)
    ]
    shares = {
        ("heads", "kept_share"): (float(mask.head_mask.mean()), layers * heads),
        ("mlps", "kept_share"): (float(mask.mlp_mask.mean()), layers),
        ("heads+mlps", "kept_share"): (1 - mask.sparsity("units"), layers * heads + layers),
    }
    for finer in ("neurons", "weights"):
        if finer in mask.counts():
            shares[finer, "kept_share"] = (1 - mask.sparsity(finer), mask.counts()[finer][1])
    if mask.kind in ("bad", "anti", "middle"):
        shares["heads", "borrowed_share"] = (mask.borrowed_heads, mask.n_heads)
        shares["mlps", "borrowed_share"] = (mask.borrowed_mlps, mask.n_mlps)
        if "neurons" in mask.counts():
            shares["neurons", "borrowed_share"] = mask.borrowed_neurons, mask.counts()["neurons"][0]
        if "weights" in mask.counts():
            shares["weights", "borrowed_share"] = mask.borrowed_weights, mask.counts()["weights"][0]
    records += [
        {"unit": "model", "target": target, "metric": metric, "value": value, "n": n}
        for (target, metric), (value, n) in shares.items()
    ]
    return pd.DataFrame(records).assign(probe="mask", **identity)
