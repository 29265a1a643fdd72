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
from ...models.ablation.constants import with_ablation
from ...models.ablation.searching import replaced_as, searched_under
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.fingerprint import weights_fingerprint
from ...models.masks.replacement import replacing
from ...models.masks.subnetwork import Subnetwork, full_subnetwork
from ...models.smaller.candidate import BY_GATES, shrunk
from ...models.training.evaluate import Evaluation, evaluate
from ...pruning.importance.scoring import importance_pass
from ...pruning.search.criterion import best_constant, check_criterion, in_own_sign, preserved
from ...pruning.search.magnitude import magnitude_search
from ...pruning.search.plan import Rule, Size, check_min_heads, check_threshold
from ...pruning.search.structured import Scored, structured_search
from ...pruning.sized.names import FORMS
from ..configuration.mask_options import IN_ORDER, PruneOptions
from ..gates.search import find_by_gates
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
        like: a mask whose ablation replaces the units that candidates prune; None = zeros.
        size: the size of the mask, in place of the rule and `options.keep`.
    """

    model: Any
    tokenizer: Any
    parts: TaskParts
    options: PruneOptions
    max_length: int
    say: Callable[[str], None] | None = None
    scored: Callable[[Scored], None] | None = None
    like: Subnetwork | None = None
    size: Size | None = None
    smaller: list[int] = field(default_factory=list)

    def baseline(self, examples: Sequence[Example]) -> float:
        """The value of the majority or unigram baseline, or of the best constant prediction."""
        spec, name = self.parts.spec, self.options.criterion
        known = baseline_scores(self.tokenizer, self.parts.train, examples, spec, self.max_length)
        if name == "score":
            return known[stop_metric(spec)]
        labels = np.array([example.label for example in examples])
        return best_constant(name, spec, labels, self._full(examples), known)

    def _full(self, examples: Sequence[Example]) -> Any:
        """The outputs of the full model [N, K], if candidates are compared with them."""
        if self.options.criterion != "kl":
            return None
        return self._evaluated(None, examples).logits

    def _value(self, logits: Any, labels: Any, full: Any) -> float:
        """What the search preserves; higher is better."""
        spec, name = self.parts.spec, self.options.criterion
        if name == "score":
            return scores_of(spec, logits, labels)[stop_metric(spec)]
        return preserved(name, spec, logits, labels, full)

    def importance(self, examples: Sequence[Example], *, seed: int = 0) -> Callable[..., Scored]:
        """A function of masks: importance and metric on `examples`, from one pass over them.

        Pruned units are removed first, except under `scores = "study"`, where they enter
        the norm of their layer.
        """
        options, full = self.options, self._full(examples)
        batches = task_batches(
            self.tokenizer, examples, self.parts.spec, batch_size=options.batch_size,
            max_length=self.max_length, by_length=options.importance not in IN_ORDER,
        )  # fmt: skip
        smaller = options.scores == "default" and options.importance in BY_GATES

        def scored(*masks: Any) -> Scored:
            nonlocal batches
            running = shrunk(self.model, *masks, like=self.like) if smaller else self.model
            with replacing(running, self.like):
                found = importance_pass(
                    running, batches, *masks, method=options.importance,
                    normalise=options.normalise, seed=seed, say=self.say,
                )  # fmt: skip
            if found.batch_size < batches.largest:
                self.smaller.append(found.batch_size)
                batches = batches.sized(found.batch_size)
            metric = self._value(found.logits, found.labels, full)
            by_layer = options.normalise == "l2"
            return Scored(metric, found.head, found.mlp, found.neuron, normalised=by_layer)

        return scored

    def metric(self, examples: Sequence[Example]) -> Callable[[Subnetwork], float]:
        """A function of a subnetwork: what the search preserves, on `examples`."""
        full = self._full(examples)

        def scored(mask: Subnetwork) -> float:
            found = self._evaluated(mask, examples)
            return self._value(found.logits, found.labels, full)

        return scored

    def _evaluated(self, mask: Subnetwork | None, examples: Sequence[Example]) -> Evaluation:
        size = min([self.options.batch_size, *self.smaller])
        found = evaluate(
            self.model, self.tokenizer, examples, self.parts.spec,
            subnetwork=mask if mask is None or self.like is None else replaced_as(mask, self.like),
            batch_size=size, max_length=self.max_length, say=self.say,
        )  # fmt: skip
        if found.batch_size < min(size, len(examples)):
            self.smaller.append(found.batch_size)
        return found


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
        method: one of `prune.methods` apart from `imp`.
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
    if method in FORMS:
        return find_by_gates(
            model, tokenizer, parts, options, method, max_length=max_length, seeds=seeds,
            model_name=model_name, progress=progress, say=say,
        ).subnetwork  # fmt: skip
    check_criterion(options.criterion, parts.spec)
    reading: dict[str, Any] = {"batch_size": options.batch_size, "max_length": max_length}
    reading |= {"match": options.match_donors, "seed": options.donor_seed}
    like = searched_under(options.ablation, model, tokenizer, parts, **reading)
    chooser = Chooser(model, tokenizer, parts, options, max_length, say, scored, like, size)
    count = 0

    def told(_record: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        if progress is not None:
            progress(count, None)

    search = _by_magnitude if method == "magnitude" else _by_units
    good = replaced_as(search(chooser, method, seeds, told), like)
    if options.ablation != good.ablation and not good.weight_masks:
        good = with_ablation(good, options.ablation, model, tokenizer, parts, **reading, say=say)
    first, *rest = in_own_sign(good.history, options.criterion)
    if chooser.smaller:
        first["batch_size"] = min(chooser.smaller)
    return good.with_meta(
        history=(first, *rest),
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
        chooser.model, lambda masks: metric(whole.with_meta(weight_masks=masks)),
        rule=chooser.options.aim, keep=chooser.options.keep or None,
        baseline=chooser.baseline(examples), progress=told,
    )  # fmt: skip
    return whole.with_meta(
        weight_masks=found.weight_masks, importance="magnitude", history=found.trace
    )


def _by_units(chooser: Chooser, method: str, seeds: tuple[int, int], told: Told) -> Subnetwork:
    anatomy, options = anatomy_of(chooser.model), chooser.options
    examples = chooser.parts.selection
    shape: dict[str, Any] = {
        "num_layers": anatomy.num_layers, "num_heads": anatomy.num_heads,
        "num_neurons": anatomy.num_neurons, "method": method, "min_heads": options.min_heads,
        "scores": options.scores, "progress": told,
    }  # fmt: skip
    rule = options.aim
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
    scored, baseline = chooser.importance(examples, seed=seeds[0]), chooser.baseline(examples)
    found = structured_search(scored, rule=aim, baseline=baseline, **shape)
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

        baseline = chooser.baseline(held)
        found = structured_search(scored, rule=rule, baseline=baseline, strict=False, **shape)
        neurons = 0 if found.neuron_mask is None else int(found.neuron_mask.sum())
        sizes.append((int(found.head_mask.sum()), int(found.mlp_mask.sum()), neurons))
    mean = [round(float(n)) for n in np.mean(sizes, axis=0)]
    record = {"folds": [list(size) for size in sizes], "fold_rule": rule.name}
    return Size(*mean), record
