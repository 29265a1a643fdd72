"""What the columns of the tables of `subprobe spread` and `subprobe same-score` mean."""

from __future__ import annotations

from .columns import Column

_METRIC, _SQUARED = "unit of the metric", "squared unit of the metric"
_GRID = {
    "n_inits": Column("integer", "different seeds of the initialisation", "seeds"),
    "n_orders": Column("integer", "different seeds of the data order", "seeds"),
}
_TRAININGS = "trainings"

SPREAD: dict[str, Column] = {
    **_GRID,
    "sd": Column("number", "standard deviation over seeds", _METRIC),
    "sd_low": Column("number", "lower limit of its 95% interval", _METRIC),
    "sd_high": Column("number", "upper limit of its 95% interval", _METRIC),
    "sd_method": Column("text", "how that interval was made, and what it assumes"),
    "lowest": Column("number", "lowest value of a seed, the mean over its draws", _METRIC),
    "highest": Column("number", "highest value of a seed, the mean over its draws", _METRIC),
    "range": Column("number", "highest minus lowest value", _METRIC),
    "r": Column("number", "Pearson's correlation with the score over seeds", "from -1 to 1"),
    "r_low": Column("number", "lower limit of its 95% interval", "from -1 to 1"),
    "r_high": Column("number", "upper limit of its 95% interval", "from -1 to 1"),
    "r_method": Column("text", "how that interval was made"),
    "test": Column("text", "what was permuted to test the correlation, and how many orders"),
    "p_value": Column("number", "two-sided test of the null of no correlation", "probability"),
    "n": Column("integer", "items of the seed with the fewest", "items"),
}
RUNS: dict[str, Column] = {
    "seed_init": Column("integer", "seed of the initialisation"),
    "value": Column("number", "the number, mean over draws", _METRIC),
    "n_draws": Column("integer", "draws of the seed", "draws"),
    "n": Column("integer", "items of the draw with the fewest", "items"),
}
VARIANCE: dict[str, Column] = {
    **_GRID,
    "source": Column(
        "text",
        "what varies; the residual contains the interaction of both seeds",
        allowed=("initialisation", "data order", "residual"),
    ),
    "df": Column("integer", "degrees of freedom"),
    "sum_of_squares": Column("number", "sum of squares", _SQUARED),
    "share_of_squares": Column("number", "its share of the total sum of squares", "share"),
    "variance": Column("number", "variance component, at least 0", _SQUARED),
    "sd": Column("number", "square root of the variance component", _METRIC),
    "share": Column("number", "share of the component in the sum of components", "share"),
    "f": Column("number", "mean square over that of the residual"),
    "p_value": Column("number", "F test of the null that this seed has no effect", "probability"),
}
BEST: dict[str, Column] = {
    "chosen_on": Column(
        "text",
        "the examples by whose score the best training is chosen",
        allowed=("reported", "selection"),
    ),
    "resampling": Column(
        "text",
        "how n trainings are drawn from those of the run",
        allowed=("with replacement", "without replacement"),
    ),
    "best_of": Column("integer", "number n of trainings", _TRAININGS),
    "value": Column("number", "expected score on the reported examples of the best of n", _METRIC),
    "sd": Column("number", "standard deviation of that score over draws of n", _METRIC),
}
STOPPING: dict[str, Column] = {
    "budget": Column("integer", "number of complete trainings that it costs", _TRAININGS),
    "started": Column("integer", "trainings that are started", _TRAININGS),
    "stopped": Column("integer", "trainings that are stopped early", _TRAININGS),
    "continued": Column("integer", "trainings that are continued to the end", _TRAININGS),
    "evaluations": Column(
        "integer", "evaluations before trainings are stopped; 0 = none is", "evaluations"
    ),
    "share_seen": Column(
        "number", "share of a complete training before trainings are stopped", "share"
    ),
    "value": Column("number", "expected best score on the selection examples", _METRIC),
    "mc_se": Column("number", "its Monte Carlo standard error", _METRIC),
    "without_stopping": Column(
        "number", "expected best score for the same budget if none is stopped", _METRIC
    ),
    "gain": Column(
        "number", "how much better it is than without stopping; positive = better", _METRIC
    ),
    "best": Column("boolean", "whether no other plan of the budget has a better value"),
    "n_resamples": Column("integer", "samples of trainings", "samples"),
    "n_seeds": Column("integer", "trainings with a complete curve", _TRAININGS),
    "n_evaluations": Column("integer", "evaluations of a complete training", "evaluations"),
}
OVER_SEEDS: dict[str, dict[str, Column]] = {
    "spread": SPREAD, "spread_runs": RUNS, "spread_variance": VARIANCE, "expected_best": BEST,
    "early_stopping": STOPPING,
}  # fmt: skip
"""Table -> the columns that mean something of their own there."""

_R = "from -1 to 1"
_UNITS = "units"
_KEPT = {"shared_expected_by_layer": Column(
    "number", "how many masks share that keep as many units in each layer", _UNITS
)}  # fmt: skip
_VALUES = {
    "lowest": Column("number", "lowest value of a mask", _METRIC),
    "highest": Column("number", "highest value of a mask", _METRIC),
    "n": Column("integer", "examples or items behind the value of one mask", "items"),
}
SCORES: dict[str, Column] = {
    "size": Column("text", "target sparsity of the masks; empty = all have one size"),
    "mask": Column("text", "name of the mask; `full` is the full model"),
    "value": Column("number", "the metric of this mask", _METRIC),
    "n": _VALUES["n"],
}
MASK_SPREAD: dict[str, Column] = {
    **_VALUES,
    "size": SCORES["size"],
    "n_masks": Column("integer", "masks", "masks"),
    "mean": Column("number", "mean over masks", _METRIC),
    "sd": Column("number", "standard deviation over masks", _METRIC),
    "sd_low": Column("number", "lower limit of its 95% interval", _METRIC),
    "sd_high": Column("number", "upper limit of its 95% interval", _METRIC),
    "sd_method": Column("text", "how that interval was made, and what it assumes"),
    "range": Column("number", "highest minus lowest value", _METRIC),
    "sd_at_equal_score": Column(
        "number", "standard deviation around the linear regression on the score", _METRIC
    ),
    "full": Column("number", "value of the full model", _METRIC),
    "sd_expected": Column(
        "number", "standard deviation over masks that exchange within examples gives", _METRIC
    ),
    "test": Column("text", "what was permuted to test whether masks differ, and how often"),
    "p_value": Column("number", "test of the null that masks do not differ", "probability"),
}
MASK_CORRELATIONS: dict[str, Column] = {
    "size": SCORES["size"],
    "score": Column("text", "the metric that the others are correlated with"),
    "correlation": Column("text", "which correlation", allowed=("pearson", "spearman")),
    "n_masks": MASK_SPREAD["n_masks"],
    "r": Column("number", "the correlation over masks", _R),
    "ci_low": Column("number", "lower limit of its 95% interval", _R),
    "ci_high": Column("number", "upper limit of its 95% interval", _R),
    "resampled": Column("text", "what the interval and the test are over"),
    "smallest_r": Column("number", "smallest |r| that so many masks distinguish from 0", _R),
    "test": Column("text", "what was permuted to test the correlation, and how many orders"),
    "p_value": Column("number", "two-sided test of the null of no correlation", "probability"),
}
MASK_OVERLAP: dict[str, Column] = {
    **_KEPT,
    "mask": Column("text", "name of the one mask"),
    "other": Column("text", "name of the other mask"),
    "n_units": Column("integer", "units of the model", _UNITS),
    "kept": Column("integer", "units that the one mask keeps", _UNITS),
    "other_kept": Column("integer", "units that the other mask keeps", _UNITS),
    "shared": Column("integer", "units that both keep", _UNITS),
    "jaccard": Column("number", "shared units over those that either keeps", "share"),
    "jaccard_expected": Column("number", "its mean for random masks of these sizes", "share"),
    "kappa": Column("number", "Cohen's kappa of the masks as raters of units", _R),
    "p_value": Column("number", "random masks of these sizes share as many", "probability"),
    "p_value_by_layer": Column(
        "number", "the same for random masks with these numbers of units in each layer",
        "probability",
    ),
}  # fmt: skip
MASK_AGREEMENT: dict[str, Column] = {
    "value": Column("number", "the statistic"),
    "n_masks": MASK_SPREAD["n_masks"],
    "p_value": Column("number", "random masks of these sizes agree as much", "probability"),
}
MASK_PREDICTIONS: dict[str, Column] = {
    "mask": MASK_OVERLAP["mask"],
    "other": MASK_OVERLAP["other"],
    "accuracy": Column("number", "accuracy of the one mask", "share"),
    "other_accuracy": Column("number", "accuracy of the other mask", "share"),
    "same_prediction": Column("number", "examples with the same prediction", "share"),
    "same_right": Column("number", "examples on which both are right or both wrong", "share"),
    "same_right_expected": Column("number", "that share by chance, given both accuracies", "share"),
    "error_consistency": Column("number", "Cohen's kappa of being right", _R),
    "ci_low": Column("number", "lower limit of its 95% interval", _R),
    "ci_high": Column("number", "upper limit of its 95% interval", _R),
}
CORE: dict[str, Column] = {
    **_VALUES,
    "set": Column(
        "text", "the units that are kept; the core are those that all masks keep",
        allowed=("full", "full minus core", "mask", "mask minus core", "core alone"),
    ),
    "value": Column("number", "its value; the mean over masks where there are several", _METRIC),
    "n_sets": Column("integer", "sets behind the value", "sets"),
    "heads": Column("integer", "heads that the first of these sets keeps", "heads"),
    "mlps": Column("integer", "MLPs that it keeps", "MLPs"),
    "neurons": Column("integer", "neurons that it keeps; empty = not pruned", "neurons"),
    "random_mean": Column("number", "mean with random units in place of the core", _METRIC),
    "random_lowest": Column("number", "lowest value of these", _METRIC),
    "random_highest": Column("number", "highest value of these", _METRIC),
    "n_draws": Column("integer", "random sets", "draws"),
    "test": Column("text", "the test, and the number of random sets"),
    "p_value": Column(
        "number", "alone: random units do as well; without: they cost as much", "probability"
    ),
}  # fmt: skip
CORE_UNITS: dict[str, Column] = {
    "kept_in": Column("integer", "masks that keep the unit", "masks"),
    "n_masks": MASK_SPREAD["n_masks"],
    "core": Column("boolean", "whether all masks keep it"),
}
OVER_MASKS: dict[str, dict[str, Column]] = {
    "mask_scores": SCORES, "mask_spread": MASK_SPREAD, "mask_correlations": MASK_CORRELATIONS,
    "mask_pairs": MASK_OVERLAP, "mask_agreement": MASK_AGREEMENT,
    "mask_predictions": MASK_PREDICTIONS, "core": CORE, "core_units": CORE_UNITS,
    "same_score_notes": {
        "table": Column("text", "the table that the note is about"), "size": SCORES["size"],
    },
}  # fmt: skip
"""Table of `subprobe same-score` -> the columns that mean something of their own there."""
