"""What the columns of the headline table and of the sentences of an answer mean."""

from __future__ import annotations

from .columns import Column

_SHARE, _P, _METRIC = "share", "probability", "unit of the metric"
_FULL = "share of the full model's"


def _of_state(state: str, before: str) -> dict[str, Column]:
    """The columns about the score of one state."""
    of = "as retrained" if before else "as pruned (the full model: as fine-tuned)"
    found = {
        "score": Column("number", f"primary metric {state}, mean over seeds and draws", _METRIC),
        "gain_kept": Column(
            "number",
            "share of the full model's gain over its baseline that is kept: (score - baseline) / "
            "(full model - baseline)",
            _SHARE,
        ),
        "difference": Column(
            "number", f"score minus that of random subnetworks of the same size, {of}", _METRIC
        ),
        "ci_low": Column("number", "lower 95% limit of the difference; empty = none", _METRIC),
        "ci_high": Column("number", "upper 95% limit of the difference; empty = none", _METRIC),
        "ci_method": Column("text", "how the interval was made, and what it varies"),
        "p_adjusted": Column(
            "number",
            "corrected p of the test against random subnetworks: above them (good) or, by the "
            "median draw, below them (bad)",
            _P,
        ),
        "test": Column(
            "text",
            "which test that is; empty = no test",
            allowed=("rank among random masks", "sign flips over seeds", "t over crossed seeds"),
        ),
        "n_draws": Column("integer", "draws of the seed with the fewest", "draws"),
    }
    return {f"{before}{name}": column for name, column in found.items()}


HEADLINE: dict[str, Column] = {
    "baseline": Column(
        "text", "name of the baseline: `majority`, `mean` in regression, `chance` or `unigram`"
    ),
    **_of_state("as fine-tuned (full) or pruned", ""),
    **_of_state(
        "after retraining from the pretrained weights (full: as fine-tuned, the same in both "
        "states)",
        "retrained_",
    ),
    "n_unlearned": Column("integer", "retrained models that did not learn or diverged", "models"),
    "parameters": Column(
        "number",
        f"parameters of a model without the pruned units, {_FULL}; the bias of a pruned MLP is "
        "counted if a mean or learned constant replaces its output",
        _SHARE,
    ),
    "flops": Column(
        "number",
        f"operations of a forward pass of one example of 128 subwords, {_FULL}",
        _SHARE,
    ),
    "note": Column("text", "what the line does not say, and why"),
}
"""Column of `summary_headline` that means something of its own there."""

ANSWERS: dict[str, Column] = {
    "subject": Column(
        "text",
        "what the sentence is about",
        allowed=("question", "answer", "findings", "warnings", "scores", "knowledge", "limits"),
    ),
    "number": Column("integer", "number of the sentence within its subject", "counted from 1"),
    "text": Column("text", "the sentence, as the report and the screen show it"),
}
"""Column of `answers` that means something of its own there."""
