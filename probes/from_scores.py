"""The descriptions of rows that analysis derives from the scores of a run: no probe runs for them.

They have an entry as probes do, so that summaries, comparisons and reports treat them alike.
"""

from __future__ import annotations

from .entry import Headline, Measure, ProbeEntry


def _not_run(*_arguments: object, **_options: object) -> None:
    raise NotImplementedError("these rows are derived from scores; no probe runs for them")


ARTEFACTS = ProbeEntry(
    name="artefacts",
    help="accuracy on easy and on hard examples, which a classifier of part of the input gets "
    "right or wrong",
    code=_not_run,
    reads="task",
    rows=(
        Measure("accuracy", ("model",), "accuracy on the easy or hard examples", better="higher",
                right=True),
        Measure("accuracy_gap", ("model",), "accuracy on easy minus accuracy on hard examples"),
    ),
    headline=Headline("accuracy*", "model"),
    figure="difficulty",
)  # fmt: skip

UNTRAINED_NULL = ProbeEntry(
    name="untrained-null",
    help="masks, complements and random masks in the trained encoder and in the untrained one",
    code=_not_run,
    reads="task",
    rows=(
        Measure("mask_minus_complement", ("model",), "score of the mask minus that of its "
                "complement; below chance counts as chance", better="higher"),
        Measure("mask_minus_random", ("model",), "score of the mask minus the mean of random masks "
                "of its size", better="higher"),
        Measure("own_minus_other", ("model",), "score on the property of the mask minus that on "
                "another one", better="higher"),
        Measure("trained_minus_untrained", ("model",), "trained minus untrained encoder; `variant` "
                "says of what", better="higher"),
        *(
            Measure(metric, ("model",), "score of a full model, mask or control", better="higher")
            for metric in ("accuracy", "f1", "matthews", "pearson", "spearman", "pearson_spearman")
        ),
        Measure("accuracy_by_sentence", ("model",), "mean over sentences of the share of right "
                "words", better="higher"),
        Measure("bits", ("model",), "mean of -log2 p of the masked pieces", better="lower"),
    ),
    headline=Headline("mask_minus_*", "model"),
    figure="untrained-null",
)  # fmt: skip

CURVE = ProbeEntry(
    name="curve",
    help="areas under the scores over sizes of good, random and bad masks, and effective sizes",
    code=_not_run,
    reads="task",
    rows=(
        Measure("cpr", ("model",), "area under the faithfulness of masks over their sizes",
                better="higher"),
        Measure("cmd", ("model",), "area under the distance of faithfulness from 1",
                better="lower"),
        Measure("effective_size", ("model",), "share of the units in the smallest mask that loses "
                "at most `curve.points` points", better="lower"),
    ),
    headline=Headline("*", "model"),
)  # fmt: skip

SAME_SCORE = ProbeEntry(
    name="same-score",
    help="spread of the score and of other metrics over several masks of one size",
    code=_not_run,
    reads="task",
    rows=(
        Measure("sd", ("model",), "standard deviation of the metric in `relation` over masks of "
                "one size"),
        Measure("sd_at_equal_score", ("model",), "its standard deviation around the linear "
                "regression on the score"),
        Measure("correlation", ("model",), "Pearson's correlation with the score over masks"),
    ),
    headline=Headline("*", "model"),
)  # fmt: skip

FROM_SCORES = (ARTEFACTS, UNTRAINED_NULL, CURVE, SAME_SCORE)
