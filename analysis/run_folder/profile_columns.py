"""What the columns of the profile, of differences in probes and of the leaderboard mean."""

from __future__ import annotations

from .columns import Column

_SCORE = "mean over hidden states 1 to L, then over draws, then over seeds"
_METRIC = "unit of the metric"

PROFILE: dict[str, Column] = {
    "subfield": Column(
        "text",
        "part of linguistics that the phenomenon belongs to",
        allowed=("morphology", "syntax", "semantics", "discourse", "reasoning"),
    ),
    "phenomenon": Column("text", "what is known or not"),
    **{
        kind: Column("number", f"score of {who}: {_SCORE}", _METRIC)
        for kind, who in {
            "full": "the whole model as fine-tuned",
            "good": "the good subnetwork",
            "random": "the random subnetworks of its size",
            "bad": "the bad subnetwork",
            "pretrained": "the encoder before fine-tuning",
            "untrained": "the same architecture with random weights",
        }.items()
    },
    "static": Column(
        "number", "score of hidden state 0 of the whole model: embeddings, no context", _METRIC
    ),
    "static_vectors": Column(
        "number", "score of static word vectors, if `static_vectors` names a file", _METRIC
    ),
    "random_lowest": Column("number", "lowest random draw of all seeds", _METRIC),
    "random_highest": Column("number", "highest random draw of all seeds", _METRIC),
    "difference": Column("number", "good minus the mean of the random draws", _METRIC),
    "p_value": Column(
        "number",
        "good and random draws changed places sentence by sentence: are these draws alike?",
        "probability",
    ),
    "family_size": Column("integer", "phenomena that were tested", "tests"),
    "share_of_draws_below": Column(
        "number",
        "share of random draws below good, ties half, mean over seeds; empty where a seed has "
        "fewer than 29 draws",
        "share",
    ),
    "n": Column("integer", "words, edges or sentences that the scores rest on", "items"),
    "note": Column("text", "what cannot be said here, and why"),
}
"""Column of the profile that means something of its own there."""

DIFFERENCES: dict[str, Column] = {
    "good": Column("number", "value of the good subnetworks, mean over seeds", _METRIC),
    "random": Column("number", "mean of the random draws, then over seeds", _METRIC),
    "random_low": Column("number", "lowest random draw of all seeds", _METRIC),
    "random_high": Column("number", "highest random draw of all seeds", _METRIC),
    "difference": Column("number", "good minus the mean of the random draws", _METRIC),
    "varies": Column("text", "what varies in the interval and the p-value: sentences, or texts"),
    "test": Column("text", "name of the test: sentences change places between good and random"),
    "p_adjusted": Column(
        "number",
        "p-value, corrected over all lines of one model, task, method and state",
        "probability",
    ),
    "family_size": Column("integer", "differences that were tested together", "tests"),
    "n": Column("integer", "words, pairs of words or sentences that the values rest on", "items"),
    "n_sentences": Column("integer", "sentences or texts with any of these items", "sentences"),
    "n_draws": Column("integer", "random draws of the seed with the fewest", "draws"),
}
"""Column of the differences between good and random that means something of its own there."""

LEADERBOARD: dict[str, Column] = {
    "probing dataset": Column("text", "data set"),
    "linguistic subfield": Column("text", "subfield of linguistics"),
    "linguistic phenomena": Column("text", "phenomenon that the data set tests"),
    "probe type": Column("text", "what is classified"),
    "train portion": Column(
        "integer", "share of the training part that probes are trained on", "share"
    ),
    "probe": Column("text", "name of the data set again, as in Holmes's file"),
    "comparable": Column("boolean", "whether scores can be compared with published ones"),
}
"""Column of the leaderboard -> what it means; the others are models."""
OF_MODEL = Column(
    "number",
    "score of this model: macro-F1, or Pearson's correlation if labels are numbers",
    _METRIC,
)
