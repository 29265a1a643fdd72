"""What a line of every table is: a tidy row, or, in the tables named here, something else."""

from __future__ import annotations

TIDY_ROW = "tidy row"
NOT_TIDY: dict[str, str] = {
    "items": "one scored item, with the columns that say which model it is about",
    "masks": "one head, MLP or neuron of one saved mask",
    "summary_performance": "one score of one kind and state, over seeds and draws",
    "summary_against_random": "where good or bad lies among the random draws",
    "summary_probes": "one headline number of a probe for one kind and state",
    "summary_probe_draws": "one headline number of a probe for one draw of one seed",
    "summary_survival": "one head or MLP, and how many seeds keep it",
    "summary_survival_content": "one predictor of survival",
    "summary_stability": "one statistic of agreement between seeds",
    "summary_overlap": "what the masks of two tasks share",
    "summary_layers": "one number of a probe about one layer, for one kind and state",
    "summary_patterns": "the share of one attention pattern, for one kind and state",
    "summary_head_attributions": "attribution, importance or survival of one head or MLP",
    "summary_headline": "what one kind of subnetwork keeps, scores and costs",
    "answers": "one sentence of the answer of a run",
    "heads": "one head: how many seeds keep it, and what it does in the full model",
    "words": "one word of one attributed example, with its annotation, as one model reads it",
    "profile": "one phenomenon, and what each kind of subnetwork knows of it",
    "labels": "one score of one class, for one kind and state",
    "calibration": "one calibration measure of one kind and state",
    "reliability": "one bin of confidence, for one kind and state",
    "calibration_differences": "one calibration measure of two models, compared",
    "probe_differences": "one headline number of a probe, good minus random",
    "leaderboard": "one data set, with the score of each model in a column of its own",
    "comparisons": "one difference between two models",
    "tests": "one test of two models",
    "between_runs": "one difference between two runs",
    "between_tests": "one test of two runs",
    "seed_points": "one score of one seed, over its draws",
    "over_seeds": "one score over seeds",
    "mixed_model": "two kinds over all tasks and seeds",
    "comparison_notes": "what a comparison cannot say, and why",
    "attribution_examples": "one word of one example, as one model reads it",
    "attribution_agreement": "agreement of two kinds of subnetwork in their attributions to words",
    "adversarial_texts": "one text before and after an attack on one model",
    "stability": "one statistic of agreement between masks (`subprobe stability`)",
    "overlap": "what the masks of two tasks share (`subprobe stability`)",
    "mask_overlap": "one unit of two masks: what they share (`subprobe mask overlap`)",
    "variance": "one source of the variance of masks (`subprobe stability`)",
    "survival": "one head or MLP, and how many seeds keep it (`subprobe stability`)",
    "counts": "how many units one seed keeps (`subprobe stability`)",
    "intervals": "one interval of agreement between seeds (`subprobe stability`)",
    "notes": "what `subprobe stability` or `subprobe survival` cannot say, and why",
    "survival_content": "one predictor of survival (`subprobe survival`)",
    "spread": "one metric of one kind and state, over seeds (`subprobe spread`)",
    "spread_runs": "one metric of one seed (`subprobe spread`)",
    "spread_variance": "one source of the variance over crossed seeds (`subprobe spread`)",
    "expected_best": "the expected best of n trainings (`subprobe spread`)",
    "early_stopping": "one way to spend a budget on trainings (`subprobe spread`)",
    "spread_notes": "what `subprobe spread` cannot say, and why",
    "cells": "one finished cell: what it took, read and wrote",
    "manifest": "one entry of the manifest: an option, version, seed or input",
    "dictionary": "one column of one table",
}
"""Table, named like its file without the ending -> what one line of it is."""


def line_of(table: str) -> str:
    """What one line of a table is."""
    return NOT_TIDY.get(table, TIDY_ROW)
