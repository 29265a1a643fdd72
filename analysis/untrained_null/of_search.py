"""A search, and the same search in the encoder trained from random weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...data.errors import UnknownNameError
from ...data.output.folders import atomic_folder
from ...data.output.tables import write_csv, write_parquet
from ...models.masks.subnetwork import Subnetwork
from ..configuration.mask_options import PruneOptions
from ..flags import DIVERGED
from ..single.loaded import LoadedModel
from ..single.training import find_mask
from ..steps.degenerate import degenerate_search
from ..steps.progress import Progress
from .names import ITEMS, NULLS, PROBE, ROWS, UNTRAINED
from .retrained import check_recorded, untrained_twin
from .scoring import NullScores


@dataclass(frozen=True)
class Null:
    """The options of the untrained null.

    Attributes:
        draws: random masks of each mask's size.
        seed: of the random masks.
        device: where the untrained encoder is trained.

    Raises:
        UnknownNameError: from `of`, if there is no such null.
    """

    draws: int = 5
    seed: int = 0
    device: str = "auto"

    @classmethod
    def of(cls, name: str, draws: int, seed: int, device: str) -> Null | None:
        """The null of a name; None for an empty one."""
        if name and name not in NULLS:
            raise UnknownNameError("null", name, NULLS)
        return cls(draws, seed, device) if name else None


@dataclass(frozen=True)
class Compared:
    """A mask and its untrained null.

    Attributes:
        masks: name of the file -> mask: `good` and `untrained`.
        rows: tidy rows of the null.
        items: predictions of each model.
    """

    masks: Mapping[str, Subnetwork]
    rows: pd.DataFrame
    items: pd.DataFrame

    def write(self, out: Path, *, overwrite: bool = False) -> None:
        """Write the masks and tables into a folder."""
        with atomic_folder(out, PROBE, overwrite=overwrite) as folder:
            for name, mask in self.masks.items():
                mask.save(folder / f"{name}.safetensors")
            write_csv(self.rows, folder / ROWS)
            write_parquet(self.items, folder / ITEMS)


def search_both(
    loaded: LoadedModel, options: PruneOptions, null: Null, progress: Progress
) -> Compared:
    """Find a mask in a fine-tuned model and in the same encoder, trained from random weights.

    Both searches have the same options, and score the same selection examples.

    Args:
        loaded: a fine-tuned model that records its recipe.
        options: of the search.
        null: of the null.
        progress: receives the progress of searches and training.

    Raises:
        ConfigError: if the model does not record its recipe or is a subnetwork already; as
            `find_mask`.
    """
    recipe = check_recorded(loaded)
    good = find_mask(loaded, options, progress)
    twin, flag = untrained_twin(loaded, recipe, progress, device=null.device)
    scores = NullScores(
        loaded.name, loaded.parts, loaded.tokenizer, loaded.max_length, null.seed, null.draws,
        progress.say,
    )  # fmt: skip
    with progress.stage("scoring the mask and its controls"):
        scores.add(loaded.model, good, "pruned", flag=flag_of(loaded, good), seed=loaded.seeds[0])
    masks = {"good": good}
    if flag == DIVERGED:
        progress.say("the training from random weights diverged: there is no untrained null")
    else:
        own = find_mask(twin, options, progress)
        masks[UNTRAINED] = own
        with progress.stage("scoring the mask of the untrained encoder"):
            scores.add(
                twin.model, own, UNTRAINED, flag=flag or flag_of(twin, own), seed=loaded.seeds[0]
            )
    rows, items = scores.tables()
    return Compared(masks, rows, items)


def flag_of(loaded: LoadedModel, mask: Subnetwork) -> str:
    """The flag of rows about a model and its mask; empty if they support conclusions."""
    lost = mask.empty or bool(degenerate_search(mask))
    return str(loaded.meta.get("flag") or "") or ("degenerate" if lost else loaded.flag)
