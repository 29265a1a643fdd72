"""Load an encoder and its reset control for a search, and write the results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import save

from ...data.errors import ConfigError
from ...data.files.atomic import atomic_path, canonical_json
from ...data.output.folders import atomic_folder
from ...data.output.ownership import SIGNED
from ...data.output.tables import items_frame, rows_frame, write_csv, write_parquet
from ...models.checkpoint.checkpoint import load_untrained
from ...models.encoder.kept_units import kept_units_of
from ...models.masks.subnetwork import Subnetwork
from ...pruning.search.property_masks import PropertyMask
from ..single.loaded import LoadedModel, load_model
from ..steps.masks import load_mask
from ..steps.progress import Progress
from .names import ITEMS, PROBE
from .overlap import overlap_frame
from .scored import curve_of
from .search import Found


def open_encoder(
    name: str,
    *,
    max_length: int = 0,
    allow_no_specials: bool = False,
    device: str = "auto",
    progress: Progress,
) -> LoadedModel:
    """An encoder without a task head.

    Raises:
        ConfigError: for a compact model, whose removed units cannot be restored by gates.
        CheckpointError, UnknownNameError: as `load_model`.
    """
    loaded = load_model(
        name, max_length=max_length, allow_no_specials=allow_no_specials, device=device,
        progress=progress,
    )  # fmt: skip
    check_whole(loaded)
    return loaded


def check_whole(loaded: LoadedModel) -> None:
    """Raise for a compact model, whose removed units cannot be restored by gates.

    Raises:
        ConfigError: saying so.
    """
    if kept_units_of(loaded.model) is not None:
        raise ConfigError(
            "is already a compact model", where=loaded.name, remedy="name the full model"
        )


def reset_of(loaded: LoadedModel, reset: str, seed: int) -> Any:
    """The encoder with random weights: those of `all`, or with the trained embedding block.

    Args:
        loaded: the encoder.
        reset: `encoder`, `all`, or `none`, which gives None.
        seed: of the random weights.
    """
    if reset == "none":
        return None
    random = load_untrained(loaded.name, None, seed=seed).to(loaded.model.device)
    if reset == "encoder":
        of = loaded.anatomy
        trained = of.embedding_block(loaded.model).state_dict()
        of.embedding_block(random).load_state_dict(trained)
    return random


def masks_against(
    paths: list[Path], loaded: LoadedModel, progress: Progress
) -> dict[str, Subnetwork]:
    """Masks by file name; they may have been found on fine-tuned weights of this encoder.

    Raises:
        ConfigError: if two files have the same name.
        MaskError: for a mask that does not fit the model.
    """
    found: dict[str, Subnetwork] = {}
    for path in paths:
        # only the kept units are compared, whatever replaces the others
        mask = load_mask(
            path, loaded.model, name=loaded.name, other_weights=True, refreshed=True,
            say=progress.say,
        )  # fmt: skip
        assert mask is not None
        if path.stem in found:
            raise ConfigError(
                f"two masks have the name {path.stem}", where=str(path), remedy="rename one of them"
            )
        found[path.stem] = mask
    return found


def readout_bytes(found: PropertyMask) -> bytes:
    """A safetensors file of the read-out: `weight` [K, D], `bias` [K], and the K classes."""
    about = {
        "classes": list(found.readout.classes),
        "property": found.subnetwork.task,
        "mask_id": found.subnetwork.mask_id,
    }
    tensors = {"weight": found.readout.weight.contiguous(), "bias": found.readout.bias.contiguous()}
    content: bytes = save(tensors, metadata={SIGNED: canonical_json(about)})
    return content


def items_of(found: Found) -> pd.DataFrame:
    """All items of a search: scores of single sentences."""
    return items_frame(pd.concat(found.items, ignore_index=True))


def tables_of(found: Found) -> dict[str, pd.DataFrame]:
    """`rows` (tidy), `curve` (accuracy and size) and, if masks were given, `overlap`."""
    tables = {"rows": rows_frame(found.rows), "curve": pd.DataFrame(curve_of(found.rows))}
    if found.overlap:
        tables["overlap"] = overlap_frame(found.overlap)
    return tables


def write_found(found: Found, out: Path, *, overwrite: bool = False) -> None:
    """Write a mask and a read-out for each penalty, and the tables, into a folder.

    Files are `l0-PROPERTY-PENALTY.safetensors`, the same with `.readout.safetensors`, and
    `rows.csv`, `items.parquet`, `curve.csv`, `overlap.csv`.
    """
    with atomic_folder(out, PROBE, overwrite=overwrite) as folder:
        for name, one in _named(found).items():
            one.subnetwork.save(folder / f"{name}.safetensors")
            with atomic_path(folder / f"{name}.readout.safetensors") as temporary:
                temporary.write_bytes(readout_bytes(one))
        for name, table in tables_of(found).items():
            write_csv(table, folder / f"{name}.csv")
        write_parquet(items_of(found), folder / ITEMS)


def _named(found: Found) -> Mapping[str, PropertyMask]:
    # a feature has a colon in its name (feats:Number), which not every disk takes
    return {
        f"l0-{one.subnetwork.task.replace(':', '-')}-{penalty:g}": one
        for penalty, one in found.learnt.items()
    }
