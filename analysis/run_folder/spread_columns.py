"""What the columns of the tables of `subprobe spread` mean."""

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
