"""Search for the good subnetwork of a loaded model."""

from __future__ import annotations

from ...data.errors import ConfigError
from ...models.masks.subnetwork import Subnetwork
from ...pruning.search.plan import Rule
from ..configuration.config import parse_config
from ..single.loaded import LoadedModel
from ..single.training import find_mask
from ..steps.progress import Progress, Warned


def search(
    model: LoadedModel,
    *,
    rule: Rule | None = None,
    keep: float = 0.0,
    method: str = "structured",
    importance: str = "gate-example",
    normalise: str = "l2",
    min_heads: int = 0,
    folds: int = 0,
    scores: str = "default",
    ablation: str = "zero",
    match_donors: str = "any",
    donor_seed: int = 0,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> Subnetwork:
    """Find the good subnetwork of a model that was loaded with its task.

    Args:
        model: the fine-tuned model; masks are chosen on `model.parts.selection`.
        rule: the score that must be kept; by default 90% of the gain over the majority baseline.
        keep: share of the units to keep instead, regardless of the metric.
        method: `structured`, `structured-heads`, `structured-mlps`, `structured-neurons` or
            `magnitude`.
        importance: importance score that ranks the units, such as `gate-example` or `ablation`.
        normalise: `l2` by each layer's norm, or `none`.
        min_heads: minimum number of heads that every layer keeps.
        folds: number of cross-validation folds for choosing the size; 0 = use all selection
            examples.
        scores: `default`, or `study`: pruned units enter the norm, rejected scores are reused.
        ablation: what replaces the output of a pruned unit: `zero`, `mean`, `mean-by-position`,
            `resample`, `counterfactual` or `learned`.
        match_donors: the examples from which `resample` draws: `any`, `label`, `length` or
            `label-length`.
        donor_seed: seed of these draws.
        batch_size: examples per scoring batch.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Returns:
        The last accepted mask, kind `good`; its history has one record per candidate.

    Raises:
        InputError: if the model was loaded without a task.
        ConfigError: for an option out of range.
    """
    if rule is not None and keep:
        raise ConfigError(
            "keep fixes the size, and a selection rule would search for it",
            remedy="omit one of them",
        )
    held = rule or Rule()
    given = {
        "methods": [method],
        "importance": importance,
        "normalise": normalise,
        "rule": held.name,
        "threshold": held.threshold,
        "keep": keep,
        "min_heads": min_heads,
        "scores": scores,
        "ablation": ablation,
        "match_donors": match_donors,
        "donor_seed": donor_seed,
        "batch_size": batch_size,
        **({"selection": "cross-validation", "folds": folds} if folds else {}),
    }
    options = parse_config({"prune": given}, where="search").prune
    return find_mask(model, options, progress or Warned())
