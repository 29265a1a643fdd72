"""Searches that had nothing to find."""

from __future__ import annotations

from ...data.masking.unigram import NAME as UNIGRAM
from ...data.tasks.plugin_tasks import OF_TEXTS
from ...models.masks.subnetwork import Subnetwork


def degenerate_search(good: Subnetwork) -> str:
    """Why what a search left carries no claim, in words; empty where it does, or none is recorded.

    Args:
        good: what a search left, with its trace as history. Masks drawn from it have none.
    """
    start = good.history[0] if good.history else {}
    if "baseline" not in start:
        return ""
    metric, baseline = start["metric"], UNIGRAM if good.task in OF_TEXTS else "majority"
    if metric is None or not metric > start["baseline"]:
        scored = "no number" if metric is None else f"{metric:.4g}"
        return (
            f"the full model scores {scored} on the selection examples, no better than the "
            f"{baseline}'s {start['baseline']:.4g}: a share of that says nothing about what a "
            "subnetwork keeps; fine-tune it first"
        )
    if good.empty:
        asked = "a size" if start["rule"] == "size" else f"rule {start['rule']}"
        return (
            f"nothing is left: under {asked} every unit could go, down to the score of a guess "
            f"(full model {metric:.4g}, {baseline} {start['baseline']:.4g}); try the rule gain or "
            "a higher threshold"
        )
    return ""
