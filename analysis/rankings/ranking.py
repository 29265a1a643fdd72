"""Rankings of units, by attribution or by an importance score."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...data.encoding.collate import text_batches
from ...data.output.item_parts import ItemParts
from ...data.sentences.sentence import Example
from ...models.encoder.kept_units import kept_units_of
from ...models.masks.gates import gated
from ...models.masks.subnetwork import full_subnetwork
from ...models.smaller.candidate import BY_GATES
from ...probes.forward.base import Context
from ...pruning.importance.scoring import importance_pass

Floats = npt.NDArray[np.float64]

METRICS = {
    "head_attribution": ("head", "signed"),
    "mlp_attribution": ("mlp", "signed"),
    "head_attribution_absolute": ("head", "absolute"),
    "mlp_attribution_absolute": ("mlp", "absolute"),
}
"""Metric of items -> the units that it is about, and which value ranks them."""

OF_SMALLER = (*BY_GATES, "ablation", "random")
"""Importances that a model has which lost units: others read weights by their place."""

_BATCH = 32


@dataclass(frozen=True)
class Ranking:
    """A score of each unit that is ranked: units with higher scores are kept first.

    Attributes:
        name: the source of the scores: the variant and value of an attribution, or an importance.
        head: scores [L, H]; NaN where a head is not ranked.
        mlp: scores [L]; NaN where an MLP is not ranked.
        n: examples that the scores are means over.
    """

    name: str
    head: Floats
    mlp: Floats
    n: int

    def of(self, unit: str) -> Floats:
        """The scores of the ranked heads or MLPs, in the order of their places."""
        scores = (self.head if unit == "head" else self.mlp).ravel()
        return np.asarray(scores[~np.isnan(scores)])

    def among(self, other: Ranking) -> Ranking:
        """The same for the units alone that another ranking ranks."""
        return Ranking(
            self.name,
            np.where(np.isnan(other.head), np.nan, self.head),
            np.where(np.isnan(other.mlp), np.nan, self.mlp),
            self.n,
        )


def attribution_rankings(
    items: ItemParts, context: Context, chosen: Collection[str]
) -> list[Ranking]:
    """One ranking for each variant of `head-attributions` by its mean, one by its mean size.

    Args:
        items: of the probe.
        context: the model.
        chosen: ids of the examples that are averaged over.
    """
    L, H = context.anatomy.num_layers, context.anatomy.num_heads
    parts = []
    for part in items:
        mine = part["metric"].isin(list(METRICS)) & part["item_id"].isin(list(chosen))
        parts.append(part[mine])
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if found.empty:
        return []
    rankings: dict[str, Ranking] = {}
    for (variant, metric), own in found.groupby(["variant", "metric"], sort=False):
        unit, value = METRICS[str(metric)]
        name = f"{variant};by={value}"
        nothing = Ranking(name, np.full((L, H), np.nan), np.full(L, np.nan),
                          own["item_id"].nunique())  # fmt: skip
        ranking = rankings.setdefault(name, nothing)
        means = own.groupby(["layer", "head"], dropna=False)["score"].mean()
        for (layer, head), mean in means.items():
            if unit == "head":
                ranking.head[layer, head] = mean
            else:
                ranking.mlp[layer] = mean
    return list(rankings.values())


def importance_rankings(
    context: Context, examples: Sequence[Example], names: Sequence[str]
) -> Iterator[Ranking]:
    """Importance of all units under the mask by each definition, as it comes, not normalised.

    Args:
        context: a classifier and its mask.
        examples: labelled examples.
        names: definitions of importance; those undefined for a compact model are omitted.
    """
    model, mask = context.model, context.subnetwork
    if kept_units_of(model) is not None:
        names = [name for name in names if name in OF_SMALLER]
    units = mask or full_subnetwork(context.anatomy)
    batches = text_batches(
        context.tokenizer, examples, batch_size=_BATCH, max_length=context.max_length
    )
    # neurons and weights that the mask removes are gone while units are scored
    with gated(model, mask):
        for name in names:
            found = importance_pass(
                model, batches, units.head_mask, units.mlp_mask, method=name, normalise="none"
            )
            yield Ranking(name, found.head, found.mlp, len(examples))
