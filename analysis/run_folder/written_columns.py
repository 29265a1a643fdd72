"""What the columns of comparisons, agreements between attributions and tests of masks mean."""

from __future__ import annotations

from ..summary.kinds import KINDS, STATES
from .columns import Column

_SECOND = "of the second model"
_METRIC = "unit of the metric"
COMPARISONS = (
    "comparisons", "tests", "seed_points", "over_seeds", "mixed_model", "comparison_notes",
)  # fmt: skip
"""The tables that compare models."""
COMPARED: dict[str, Column] = {
    "method_a": Column("text", "how the mask of the first model was found"),
    "kind_a": Column("text", "which subnetwork the first model is", allowed=KINDS),
    "state_a": Column("text", "which weights the first model has", allowed=STATES),
    "method_b": Column("text", f"how the mask {_SECOND} was found"),
    "kind_b": Column("text", f"kind {_SECOND}", allowed=KINDS),
    "state_b": Column("text", f"weights {_SECOND}", allowed=STATES),
    "question": Column("text", "what the comparison answers"),
    "level": Column("text", "what it speaks of: one draw, one seed, these seeds, other seeds"),
    "varies": Column("text", "what varies in the interval or the p-value"),
    "value_a": Column("number", "value of the first model", _METRIC),
    "value_b": Column("number", f"value {_SECOND}", _METRIC),
    "difference": Column("number", "value of the first model minus that of the second", _METRIC),
    "median_difference": Column("number", "median of the differences over seeds", _METRIC),
    "coverage": Column(
        "number", "how often such intervals cover the truth when simulated", "share"
    ),
    "effect": Column("text", "name of the effect size"),
    "effect_size": Column("number", "effect size of that name"),
    "d_z": Column("number", "mean difference over its standard deviation over items or seeds"),
    "draws_a": Column("integer", "number of draws of the first kind", "draws"),
    "draws_b": Column("integer", "number of draws of the second kind", "draws"),
    "n_diverged": Column("integer", "trainings whose loss exploded", "trainings"),
    "n_unlearned": Column(
        "integer", "trainings that ended not clearly above the majority baseline", "trainings"
    ),
    "test": Column("text", "name of the test"),
    "only_first": Column("number", "items on which only the first model is right", "items"),
    "only_second": Column("number", "items on which only the second model is right", "items"),
    "family": Column("text", "the tests that p-values are corrected over together"),
    "low": Column("number", "lowest value over draws or seeds", _METRIC),
    "high": Column("number", "highest value over draws or seeds", _METRIC),
    "mean_without_diverged": Column(
        "number", "mean over the seeds whose training did not diverge", _METRIC
    ),
    "estimate": Column("number", "difference of the two kinds in the mixed model", _METRIC),
    "se": Column("number", "standard error of the estimate", _METRIC),
    "df": Column("number", "degrees of freedom of the test"),
    "sd_run": Column("number", "standard deviation between fine-tunings", _METRIC),
    "sd_residual": Column("number", "standard deviation of the residuals", _METRIC),
    "n_tasks": Column("integer", "number of tasks", "tasks"),
    "note": Column("text", "what cannot be computed or tested, and why"),
}
AGREEMENT: dict[str, Column] = {
    "first": Column("text", "kind of the first model", allowed=KINDS),
    "second": Column("text", "kind of the second model", allowed=KINDS),
    "difference": Column("number", "the mean minus the ceiling"),
    "chance": Column("number", "expected agreement of shuffled attributions"),
    "ceiling": Column("number", "agreement of the full models of two seeds"),
    "ceiling_low": Column("number", "lower limit of the 95% interval of the ceiling"),
    "ceiling_high": Column("number", "upper limit of the 95% interval of the ceiling"),
    "n_pairs": Column("integer", "number of pairs of models", "pairs"),
}
HYPOTHESES: dict[str, Column] = {
    "hypothesis": Column(
        "text",
        "what is tested",
        allowed=("sufficiency", "necessity", "equivalence", "independence", "minimality"),
    ),
    "null_hypothesis": Column("text", "the null that the p-value is about, in words"),
    "criterion": Column(
        "text",
        "how good a mask is: primary metric (score), divergence from the full model (kl), or the "
        "score of each example",
        allowed=("score", "kl", "item score"),
    ),
    "match": Column(
        "text",
        "what random masks have in common with the mask: the number of units of the whole model or "
        "of each layer",
        allowed=("model", "layer"),
    ),
    "within": Column("text", "units that are knocked out at random", allowed=("model", "pruned")),
    "observed": Column(
        "number", "the mask's criterion (higher is better), or its mean item score", _METRIC
    ),
    "compared": Column("number", "the same of random masks (mean), or of the full model", _METRIC),
    "statistic": Column("text", "name of the statistic in `value`"),
    "value": Column("number", "the statistic"),
    "threshold": Column("number", "boundary of the null: a share, or a deviation from .5", "share"),
    "wins": Column("number", "draws or clusters that are won; of equivalence ties count half"),
    "n_ties": Column("integer", "draws or clusters with equal scores"),
    "n": Column("integer", "draws, or independent examples, that are counted"),
    "least_n": Column("integer", "number of them with which the test can reach .05"),
    "n_items": Column("integer", "scored examples", "examples"),
    "p_value": Column("number", "test of the null", "probability"),
    "rejected": Column("boolean", "whether the corrected p-value is at most .05"),
    "answer": Column("text", "the answer in words"),
    "unit": Column("text", "type of the unit", allowed=("head", "mlp", "neuron")),
    "effect": Column(
        "number",
        "how much the model under the mask changes without a kept unit, or with a pruned one: mean "
        "absolute difference of item scores, or mean divergence",
    ),
    "divergence": Column("number", "mean KL divergence of the full model from it", "nats"),
}
