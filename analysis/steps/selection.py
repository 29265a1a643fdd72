"""Choose the good subnetwork of one fine-tuned model on the examples set aside for selection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...data.masking.masked_batches import task_batches
from ...data.masking.pieces import baseline_scores
from ...data.sentences.sentence import Example
from ...data.tasks.metrics import scores_of
from ...data.tasks.task import TaskData, TaskParts, TaskSpec
from ...data.tasks.task_parts import folds_of, split_parts
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...models.smaller.candidate import BY_GATES, shrunk
from ...models.training.evaluate import evaluate
from ...pruning.importance.scoring import importance_pass
from ...pruning.search.magnitude import magnitude_search
from ...pruning.search.plan import Rule, Size, check_min_heads, check_threshold
from ...pruning.search.structured import Scored, structured_search
from ..configuration.mask_options import IN_ORDER, PruneOptions
from .progress import Advance

STOP_METRICS = {"stsb": "pearson_spearman"}
"""Tasks whose search uses a metric other than their primary one (as in the study)."""

Told = Callable[[dict[str, Any]], None]


def stop_metric(spec: TaskSpec) -> str:
    """The metric that the search preserves."""
    return STOP_METRICS.get(spec.name, spec.metric)


def parts_for(data: TaskData, options: PruneOptions, *, seed: int) -> TaskParts:
    """The examples by role, for the selection that the options request."""
    folded = options.selection == "cross-validation"
    return split_parts(data, selection="held-out" if folded else options.selection, seed=seed)


def chosen_on(parts: TaskParts, options: PruneOptions, method: str) -> str:
    """The name, in rows, of the examples that a mask is chosen on.

    Single weights are removed in an order that does not depend on examples, so no folds are needed.
    """
    folded = options.selection == "cross-validation" and method.startswith("structured")
    return parts.selection_name + (f", {options.folds}-fold cross-validation" if folded else "")


@dataclass(frozen=True)
class Chooser:
    """A fine-tuned model and the examples that its masks are chosen on.

    Attributes:
        model: a fine-tuned classifier.
        tokenizer: its tokenizer.
        parts: the task; masks are chosen on `parts.selection`.
        options: the options of the search.
        max_length: maximum subwords per example.
        say: receives a message if memory runs out and batches are made smaller; `smaller` holds
            their sizes.
        scored: receives the scores of units in the full model, if the search scores units.
        size: the size of the mask, in place of the rule and `options.keep`.
    """

    model: Any
    tokenizer: Any
    parts: TaskParts
    options: PruneOptions
    max_length: int
    say: Callable[[str], None] | None = None
    scored: Callable[[Scored], None] | None = None
    size: Size | None = None
    smaller: list[int] = field(default_factory=list)

    def baseline(self, examples: Sequence[Example]) -> float:
        """The score of the majority or unigram baseline on some of the selection examples."""
        spec = self.parts.spec
        known = baseline_scores(self.tokenizer, self.parts.train, examples, spec, self.max_length)
        return known[stop_metric(spec)]

    def importance(self, examples: Sequence[Example], *, seed: int = 0) -> Callable[..., Scored]:
        """A function of masks: importance and metric on `examples`, from one pass over them.

        Pruned units are removed first, except under `scores = "study"`, where they enter
        the norm of their layer.
        """
        options, spec = self.options, self.parts.spec
        batches = task_batches(
            self.tokenizer,
            examples,
            spec,
            batch_size=options.batch_size,
            max_length=self.max_length,
            by_length=options.importance not in IN_ORDER,
        )

        smaller = options.scores == "default" and options.importance in BY_GATES

        def scored(*masks: Any) -> Scored:
            nonlocal batches
            found = importance_pass(
                shrunk(self.model, *masks) if smaller else self.model,
                batches,
                *masks,
                method=options.importance,
                normalise=options.normalise,
                seed=seed,
                say=self.say,
            )
            if found.batch_size < batches.largest:
                self.smaller.append(found.batch_size)
                batches = batches.sized(found.batch_size)
            metric = scores_of(spec, found.logits, found.labels)
            return Scored(
                metric[stop_metric(spec)],
                found.head,
                found.mlp,
                found.neuron,
                normalised=options.normalise == "l2",
            )

        return scored

    def metric(self, examples: Sequence[Example]) -> Callable[[Subnetwork], float]:
        """A function of a subnetwork: the metric on `examples`."""

        def scored(mask: Subnetwork) -> float:
            found = evaluate(
                self.model,
                self.tokenizer,
                examples,
                self.parts.spec,
                subnetwork=mask,
                batch_size=min([self.options.batch_size, *self.smaller]),
                max_length=self.max_length,
                say=self.say,
            )
            if found.batch_size < min([self.options.batch_size, len(examples), *self.smaller]):
                self.smaller.append(found.batch_size)
            return found.metrics[stop_metric(self.parts.spec)]

        return scored


def find_good(
    model: Any,
    tokenizer: Any,
    parts: TaskParts,
    options: PruneOptions,
    *,
    max_length: int,
    seeds: tuple[int, int],
    method: str = "structured",
    model_name: str = "",
    progress: Advance | None = None,
    say: Callable[[str], None] | None = None,
    scored: Callable[[Scored], None] | None = None,
    size: Size | None = None,
) -> Subnetwork:
    """Prune a fine-tuned model as long as the metric on the selection examples is preserved.

    Args:
        model: a fine-tuned classifier.
        tokenizer: its tokenizer.
        parts: the task; masks are chosen on `parts.selection`.
        options: rule, threshold, importance and schedule.
        max_length: maximum subwords per example.
        seeds: (init, order) seeds of the model, for the mask's record.
        method: `structured`, `structured-heads`, `structured-mlps`, `structured-neurons` or
            `magnitude`.
        model_name: name of the pretrained encoder, for the mask's record.
        progress: called with the number of candidates scored.
        say: receives a message if memory runs out and batches are made smaller.
        scored: receives the importance of the units in the full model, by which the search ranks
            its first step; never called by `magnitude`, which scores no units.
        size: the numbers of units to keep, in place of the rule; for structured searches.

    Returns:
        The mask of the last accepted candidate, kind `good`, with the trace as its history. Its
        first record has the `batch_size` if memory allowed only a smaller one than requested.
    """
    chooser = Chooser(model, tokenizer, parts, options, max_length, say, scored, size)
    count = 0

    def told(_record: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, None)

    search = _by_magnitude if method == "magnitude" else _by_units
    good = search(chooser, method, seeds, told)
    if chooser.smaller:
        first, *rest = good.history
        good = good.with_meta(history=({**first, "batch_size": min(chooser.smaller)}, *rest))
    return good.with_meta(
        kind="good",
        method=method,
        task=parts.spec.name,
        model=model_name,
        seed_init=seeds[0],
        seed_order=seeds[1],
        selection=chosen_on(parts, options, method),
        fingerprint=weights_fingerprint(model),
    )


def _by_magnitude(chooser: Chooser, method: str, seeds: tuple[int, int], told: Told) -> Subnetwork:
    # the order comes from the weights, so every example may be scored: no folds are needed
    examples, whole = chooser.parts.selection, full_subnetwork(anatomy_of(chooser.model))
    metric = chooser.metric(examples)
    found = magnitude_search(
        chooser.model,
        lambda masks: metric(whole.with_meta(weight_masks=masks)),
        rule=Rule(chooser.options.rule, chooser.options.threshold),
        keep=chooser.options.keep or None,
        baseline=chooser.baseline(examples),
        progress=told,
    )
    return whole.with_meta(
        weight_masks=found.weight_masks, importance="magnitude", history=found.trace
    )


def _by_units(chooser: Chooser, method: str, seeds: tuple[int, int], told: Told) -> Subnetwork:
    anatomy, options = anatomy_of(chooser.model), chooser.options
    examples = chooser.parts.selection
    shape: dict[str, Any] = {
        "num_layers": anatomy.num_layers,
        "num_heads": anatomy.num_heads,
        "num_neurons": anatomy.num_neurons,
        "method": method,
        "min_heads": options.min_heads,
        "scores": options.scores,
        "progress": told,
    }
    rule = Rule(options.rule, options.threshold)
    aim: Rule | Size = rule
    extra: dict[str, Any] = {}
    if chooser.size is not None:
        aim = chooser.size
    elif options.keep:
        aim = Size.share_of(anatomy, method, options.keep)
    elif options.selection == "cross-validation":
        aim, extra = _cross_validated(chooser, shape, rule, seeds[0])
    if method in ("structured", "structured-heads"):
        check_min_heads(options.min_heads, anatomy, aim)
    found = structured_search(
        chooser.importance(examples, seed=seeds[0]),
        rule=aim,
        baseline=chooser.baseline(examples),
        **shape,
    )
    if chooser.scored is not None:
        chooser.scored(found.whole)
    first, *rest = found.trace
    return Subnetwork(
        head_mask=found.head_mask,
        mlp_mask=found.mlp_mask,
        neuron_mask=found.neuron_mask,
        importance=f"{options.importance}, {options.normalise}",
        history=({**first, **extra}, *rest),
    )


def _cross_validated(
    chooser: Chooser, shape: dict[str, Any], rule: Rule, seed: int
) -> tuple[Size, dict[str, Any]]:
    """The size that holds on examples that did not rank the units: the mean over K folds.

    In each fold, the other examples rank the units, and the fold's examples decide whether the
    metric is preserved. The final search ranks units on all examples and stops at this size.
    Examples of one cluster are in one fold.
    """
    examples = chooser.parts.selection
    folds = folds_of(examples, chooser.options.folds, seed)
    if rule.name == "absolute":
        # checked on all examples at once: one difficult fold is no reason to stop
        whole = full_subnetwork(anatomy_of(chooser.model))
        check_threshold(rule, chooser.metric(examples)(whole), rule.threshold)
    sizes = []
    for ranking, scoring in folds:
        ranked = chooser.importance([examples[i] for i in ranking], seed=seed)
        held = [examples[i] for i in scoring]
        metric = chooser.metric(held)

        def scored(*masks: Any, ranked: Any = ranked, metric: Any = metric) -> Scored:
            living = Subnetwork(masks[0], masks[1], masks[2] if len(masks) > 2 else None)
            found: Scored = replace(ranked(*masks), metric=metric(living))
            return found

        found = structured_search(
            scored, rule=rule, baseline=chooser.baseline(held), strict=False, **shape
        )
        neurons = 0 if found.neuron_mask is None else int(found.neuron_mask.sum())
        sizes.append((int(found.head_mask.sum()), int(found.mlp_mask.sum()), neurons))
    mean = [round(float(n)) for n in np.mean(sizes, axis=0)]
    record = {"folds": [list(size) for size in sizes], "fold_rule": rule.name}
    return Size(*mean), record
