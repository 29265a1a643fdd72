"""Detect searches whose result cannot support a claim."""

from __future__ import annotations

from ...data.masking.unigram import NAME as UNIGRAM
from ...data.tasks.plugin_tasks import OF_QUESTIONS, OF_TEXTS
from ...models.masks.subnetwork import Subnetwork


def degenerate_search(good: Subnetwork) -> str:
    """The reason why the result of a search cannot support a claim; empty if it can.

    Args:
        good: the mask that a search found, with its trace as history; masks drawn from it have
            none.
    """
    start = good.history[0] if good.history else {}
    if "baseline" not in start:
        return ""
    criterion = start.get("criterion", "score")
    if criterion != "score":
        return _unfaithful(good, criterion, start[criterion], start["baseline"])
    metric = start["metric"]
    named = dict.fromkeys(OF_TEXTS, UNIGRAM) | dict.fromkeys(OF_QUESTIONS, "chance")
    baseline = f"{named.get(good.task, 'majority')} baseline"
    if metric is None or not metric > start["baseline"]:
        scored = "no number" if metric is None else f"{metric:.4g}"
        return (
            f"the full model scores {scored} on the selection examples, no better than the "
            f"{baseline} ({start['baseline']:.4g}), so a share of this score says nothing "
            "about subnetworks; fine-tune the model first"
        )
    if good.empty:
        asked = "a size" if start["rule"] == "size" else f"rule {start['rule']}"
        return (
            f"the mask keeps no unit: {asked} allows the score to fall to the {baseline} "
            f"(full model {metric:.4g}, {baseline} {start['baseline']:.4g}); try the rule "
            "gain or a higher threshold"
        )
    return ""


def _unfaithful(good: Subnetwork, criterion: str, full: float | None, baseline: float) -> str:
    """The same for a search that preserves a loss or divergence."""
    if full is None or not full < baseline:
        what = {
            "loss": "the full model's loss on the selection examples is no lower than that of the "
            f"best constant prediction ({baseline:.4g})",
            "kl": "the full model's outputs are the same for all selection examples",
        }
        return (
            f"{what[criterion]}, so a share of the difference says nothing about subnetworks; "
            "fine-tune the model first"
        )
    if good.empty:
        asked = "a size" if good.history[0]["rule"] == "size" else "the rule"
        return (
            f"the mask keeps no unit: {asked} allows the {criterion} to rise to that of a constant "
            "prediction; try a higher threshold with rule gain, or a lower one with rule absolute"
        )
    return ""
