"""Choosing the good subnetwork of one fine-tuned model on the examples set aside for it."""

from __future__ import annotations

from typing import Any

from ..data.collate import text_batches
from ..data.metrics import majority, predictions_of, score
from ..data.task import TaskParts, TaskSpec
from ..pruning.anatomy import anatomy_of
from ..pruning.fingerprint import weights_fingerprint
from ..pruning.importance import importance_pass
from ..pruning.plan import Rule
from ..pruning.search import Scored, structured_search
from ..pruning.subnetwork import Subnetwork
from .config import PruneOptions
from .progress import Advance

STOP_METRICS = {"stsb": "pearson_spearman"}
"""Tasks whose search stops on another metric than the one they report first (as in the study)."""


def stop_metric(spec: TaskSpec) -> str:
    """The metric that the search holds."""
    return STOP_METRICS.get(spec.name, spec.metric)


def find_good(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: PruneOptions,
    *,
    max_length: int,
    seeds: tuple[int, int],
    model_name: str = "",
    progress: Advance | None = None,
) -> Subnetwork:
    """Prune heads and MLPs while the metric on the selection examples holds.

    One pass over the selection examples both scores a candidate and ranks what goes next.

    Args:
        model: a fine-tuned classifier.
        tokenizer: its tokenizer.
        parts: the task; masks are chosen on `parts.selection`.
        options: rule, threshold and schedule.
        max_length: subwords an example keeps.
        seeds: (init, order) seeds of the model, for the mask's record.
        model_name: name of the pretrained encoder, for the mask's record.
        progress: called with the number of candidates scored.

    Returns:
        The mask of the last accepted candidate, kind `good`, with the trace as its history.
    """
    spec, anatomy = parts.spec, anatomy_of(model)
    batches = text_batches(
        tokenizer, parts.selection, batch_size=options.batch_size, max_length=max_length
    )
    metric = stop_metric(spec)

    def scored(head_mask: Any, mlp_mask: Any) -> Scored:
        found = importance_pass(model, batches, head_mask, mlp_mask)
        predictions = predictions_of(spec, found.logits)
        return Scored(score(spec, predictions, found.labels)[metric], found.head, found.mlp)

    def told(record: dict[str, Any]) -> None:
        if progress is not None:
            progress(record["step"] + 1, None)

    labels = [example.label for example in parts.selection]
    baseline = majority(spec, [example.label for example in parts.train], labels)[metric]
    result = structured_search(
        scored,
        rule=Rule(options.rule, options.threshold),
        baseline=baseline,
        num_layers=anatomy.num_layers,
        num_heads=anatomy.num_heads,
        scores=options.scores,
        progress=told,
    )
    return Subnetwork(
        head_mask=result.head_mask,
        mlp_mask=result.mlp_mask,
        kind="good",
        method="structured",
        task=spec.name,
        model=model_name,
        seed_init=seeds[0],
        seed_order=seeds[1],
        selection=parts.selection_name,
        fingerprint=weights_fingerprint(model),
        history=result.trace,
    )
