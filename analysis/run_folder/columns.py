"""What every column of every table means, said once: the data dictionary and docs/tables.md."""

from __future__ import annotations

from dataclasses import dataclass

from ...models.masks.names import METHODS
from ...models.masks.subnetwork import ABLATIONS
from ..summary.kinds import KINDS, STATES

TYPES = {"text": "string", "integer": "Int64", "number": "Float64", "boolean": "boolean"}
"""Type of the dictionary -> pandas type."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        type: a key of TYPES.
        meaning: one clause.
        unit: what a number counts or is measured in; empty for text.
        allowed: every value that a text column may have; empty = any.
    """

    type: str
    meaning: str
    unit: str = ""
    allowed: tuple[str, ...] = ()


_UNITS = ("head", "mlp", "neuron", "weight", "layer", "model")
_FROM_0 = "counted from 0"
_METRIC = "unit of the metric"

TIDY: dict[str, Column] = {
    "schema_version": Column("integer", "version of the tidy row"),
    "cell_id": Column("text", "the step that made the row: the name of a file in `cells/`"),
    "model": Column("text", "the pretrained encoder"),
    "task": Column("text", "the task that the model was fine-tuned on"),
    "corpus": Column("text", "text that was read"),
    "annotation": Column(
        "text",
        "who made words and trees: people, or a parser; empty for text that no parser has read",
        allowed=("gold", "silver"),
    ),
    "scheme": Column(
        "text", "inventory of relations; two are never mixed", allowed=("ud", "clearnlp")
    ),
    "split": Column("text", "part of the task that was scored"),
    "selection": Column(
        "text",
        "what was chosen on: `validation`, `train-10%`, `held-out` halves, `train` (learned "
        "gates), or `reported` (chosen and reported on the same examples)",
    ),
    "seed": Column("integer", "fine-tuning seed; of crossed seeds, 1,000 x initialisation + order"),
    "seed_order": Column("integer", "seed of the data order, if that of initialisation differs"),
    "draw": Column("integer", "number of the random or bad draw", _FROM_0),
    "method": Column("text", "how the mask was found; `full` for the whole model", allowed=METHODS),
    "kind": Column("text", "which subnetwork", allowed=KINDS),
    "state": Column("text", "which weights it has", allowed=STATES),
    "mask_id": Column("text", "hash of the mask; empty for a whole model"),
    "probe": Column("text", "what was measured"),
    "variant": Column("text", "options of the measurement"),
    "unit": Column("text", "what it was measured of", allowed=_UNITS),
    "layer": Column("integer", "layer of the unit", _FROM_0),
    "head": Column("integer", "head of the unit", _FROM_0),
    "layer_b": Column("integer", "layer of the other unit of a pair", _FROM_0),
    "head_b": Column("integer", "head of the other unit of a pair", _FROM_0),
    "direction": Column("text", "which way a relation was read"),
    "relation": Column("text", "dependency relation, attention pattern, or group of words"),
    "target": Column("text", "what else the number is about: an offset, a class, what was counted"),
    "metric": Column("text", "name of the number"),
    "better": Column(
        "text",
        "which way the metric is better; empty where it has no direction",
        allowed=("higher", "lower"),
    ),
    "value": Column("number", "the number", _METRIC),
    "ci_low": Column("number", "lower limit of the 95% interval", _METRIC),
    "ci_high": Column("number", "upper limit of the 95% interval", _METRIC),
    "ci_method": Column("text", "how the interval was made, and what it covers"),
    "n": Column("integer", "how many items the number rests on", "items"),
    "n_clusters": Column(
        "integer",
        "how many independent units they are: sets or sources that items share, else sentences or "
        "items; what intervals and tests resample",
        "units",
    ),
    "n_dropped": Column(
        "integer",
        "how many items are left out: cut by truncation, without a word piece, or without the "
        "annotation that the number needs (arcs, where the number counts arcs: of whatever "
        "relation)",
        "items",
    ),
    "ablation": Column(
        "text",
        "what the units that the mask removed give instead; empty for a whole model",
        allowed=ABLATIONS,
    ),
    "baseline": Column(
        "text",
        "what the number is compared with: `majority`, `chance`, `unigram`, an offset, uniform "
        "attention, random heads, shuffled places (`permutation`), word frequency (`frequency`), "
        "random attributions, a `reference`",
    ),
    "baseline_value": Column("number", "value of the baseline", _METRIC),
    "p_value": Column("number", "test against the baseline", "probability"),
    "p_adjusted": Column("number", "the same, corrected for the family of tests", "probability"),
    "correction": Column("text", "how it was corrected", allowed=("Holm", "Benjamini-Hochberg")),
    "family_size": Column("integer", "tests in the family", "tests"),
    "sparsity": Column("number", "share of units that the mask removed", "share"),
    "sparsity_of": Column("text", "of what: the units that the share counts"),
    "flag": Column(
        "text",
        "`degenerate`: the run cannot carry a claim; `diverged`: the loss of the training exploded "
        "or was not finite; `unlearned`: the trained model is not significantly above the baseline "
        "on the selection examples; `dead`: a removed head has no pattern; `classes-by-place`: the "
        "model does not name its classes; `no-specials`: the tokenizer never adds the special "
        "tokens that it knows; `unconfirmed`: real maps do not confirm the classifier's calls of "
        "this pattern; `no-gain`: no expected layer, since later states add nothing",
    ),
}
"""Column of the tidy row -> its meaning."""

ITEMS: dict[str, Column] = {
    "item_id": Column("text", "the example, sentence or arc that was scored"),
    "sentence_id": Column("text", "the sentence that it belongs to"),
    "cluster_id": Column(
        "text",
        "the set or source that it shares with other items: what is resampled; empty = alone",
    ),
    "numerator": Column("number", "what the item adds to the numerator of its row"),
    "denominator": Column("number", "what the item adds to the denominator of its row"),
    "score": Column("number", "score of the item", _METRIC),
    "prediction": Column(
        "number", "what the model said: class number, a number, or 1 if a masked piece is right"
    ),
    "gold": Column("number", "what is right: class number, a number, or 1 for a masked piece"),
}
"""Column of an item that no tidy row has -> its meaning."""

MASKS: dict[str, Column] = {
    "importance": Column("text", "what units were ranked by"),
    "neuron": Column("integer", "neuron of the unit", _FROM_0),
    "kept": Column("boolean", "whether the mask keeps the unit"),
    "file": Column("text", "the mask's file in the run folder"),
}
"""Column of the table of masks that no tidy row has -> its meaning."""

CELLS: dict[str, Column] = {
    "name": Column("text", "what was computed: task, seed, method, kind, draw, and what of them"),
    "step": Column("text", "the step that computed it"),
    "cell_id": Column("text", "identity of the cell: the name of its files in `cells/`"),
    "seconds": Column("number", "how long it took", "seconds"),
    "peak_mb": Column("number", "largest memory of the process meanwhile", "mebibytes"),
    "threads": Column("integer", "threads that it was computed with", "threads"),
    "device": Column("text", "where its model ran"),
    "host": Column("text", "name of the machine"),
    "cores": Column("integer", "processor cores of the machine", "cores"),
    "began": Column("text", "when it was begun, in UTC"),
    "inputs": Column("text", "the cells that it read, as role=name, separated by spaces"),
    "files": Column("text", "the files that it wrote in the run folder, separated by spaces"),
    "digest": Column("text", "SHA-256 of its table, the first of its files"),
    "bytes": Column("integer", "size of all its files", "bytes"),
    "nothing": Column("text", "why there was nothing to compute; empty where there was"),
}
"""Column of the table of cells -> its meaning."""

MANIFEST: dict[str, Column] = {
    "key": Column("text", "path of the entry, its parts joined by dots, lists counted from 0"),
    "value": Column("text", "value of the entry, as text"),
    "type": Column(
        "text",
        "what the value is",
        allowed=("text", "integer", "number", "boolean", "null", "empty"),
    ),
}
"""Column of the flat manifest -> its meaning."""

DICTIONARY: dict[str, Column] = {
    "table": Column("text", "name of the table: of its file, without the ending"),
    "column": Column("text", "name of the column"),
    "type": Column("text", "type of its values", allowed=tuple(TYPES)),
    "unit": Column("text", "what a number counts or is measured in"),
    "meaning": Column("text", "what the column says"),
    "line": Column("text", "what a line of the table is: a tidy row, or something else"),
    "allowed": Column("text", "every value that it may have, separated by ` | `; empty = any"),
}
"""Column of the dictionary itself -> its meaning."""

_SHARE, _P = "share", "probability"
_FEW = "; empty where a seed has fewer than 29 draws"
_BORROWED = "that others filled up, of a bad, anti or middle mask"

SUMMARIES: dict[str, Column] = {
    "primary": Column("boolean", "whether the metric is the task's first"),
    "n_seeds": Column("integer", "seeds that the line rests on", "seeds"),
    "seed_grid": Column("text", "grid of crossed seeds, such as 2 x 3; empty if independent"),
    "n_draws": Column("integer", "draws of the seed with the fewest", "draws"),
    "mean": Column("number", "mean over seeds, of each seed's mean over draws", _METRIC),
    "seed_low": Column("number", "lowest seed", _METRIC),
    "seed_high": Column("number", "highest seed", _METRIC),
    "median": Column("number", "median of all draws of all seeds", _METRIC),
    "lowest": Column("number", "lowest of all draws of all seeds", _METRIC),
    "highest": Column("number", "highest of all draws of all seeds", _METRIC),
    "draw_low": Column("number", f"2.5th percentile of all draws of all seeds{_FEW}", _METRIC),
    "draw_high": Column("number", f"97.5th percentile of all draws of all seeds{_FEW}", _METRIC),
    "heads_kept": Column("number", "mean share of heads kept", _SHARE),
    "mlps_kept": Column("number", "mean share of MLPs kept", _SHARE),
    "neurons_kept": Column("number", "mean share of neurons kept", _SHARE),
    "weights_kept": Column("number", "mean share of weights kept", _SHARE),
    "heads_borrowed": Column("number", f"mean share of heads {_BORROWED}", _SHARE),
    "mlps_borrowed": Column("number", f"mean share of MLPs {_BORROWED}", _SHARE),
    "neurons_borrowed": Column("number", f"mean share of neurons {_BORROWED}", _SHARE),
    "weights_borrowed": Column("number", f"mean share of weights {_BORROWED}", _SHARE),
    "random_median": Column("number", "median of the random draws", _METRIC),
    "random_low": Column("number", f"2.5th percentile of the random draws{_FEW}", _METRIC),
    "random_high": Column("number", f"97.5th percentile of the random draws{_FEW}", _METRIC),
    "n_random": Column("integer", "random draws of the seed with the fewest", "draws"),
    "percentile": Column(
        "number", f"share of random draws below the value, ties half{_FEW}", _SHARE
    ),
    "beyond": Column(
        "number",
        f"share of random draws that it is above (good) or below (bad), ties half{_FEW}",
        _SHARE,
    ),
    "alternative": Column("text", "side of the test", allowed=("greater", "less", "two-sided")),
    "p_floor": Column("number", "smallest p that the draws could give", _P),
    "reference": Column("number", "the full model's value", _METRIC),
    "null_low": Column("number", "2.5th percentile under the null", _METRIC),
    "null_high": Column("number", "97.5th percentile under the null", _METRIC),
    "share": Column("number", "share of seeds whose mask keeps the unit", _SHARE),
    "sd": Column("number", "its standard deviation over seeds", _SHARE),
    "class": Column("text", "the attention pattern"),
    # agreement of masks
    "statistic": Column("text", "name of the statistic; docs/stability.md says what each is"),
    "task_a": Column("text", "the one task"),
    "task_b": Column("text", "the other task"),
    "seeds": Column("text", "whether masks of the same seed are held together, or of other seeds"),
    "shared_mean": Column("number", "units that both masks keep, mean over pairs", "units"),
    "shared_sd": Column("number", "its standard deviation over pairs", "units"),
    "shared_expected": Column("number", "how many random masks of these sizes share", "units"),
    "shared_largest": Column("number", "how many masks of these sizes can share", "units"),
    "adjusted": Column(
        "number", "(shared - expected) / (largest possible - expected): 0 is chance, 1 the most"
    ),
    "n_pairs": Column("integer", "pairs of masks", "pairs"),
    # survival against content
    "predictor": Column("text", "what survival is predicted from; `all predictors`: all at once"),
    "n_runs": Column("integer", "seeds (of all tasks) whose mask says which heads survive", "runs"),
    "n_heads": Column("integer", "heads that have the predictor in every run", "heads"),
    "kept_share": Column("number", "share of these heads that is kept", _SHARE),
    "odds_ratio": Column(
        "number", "odds ratio of survival per standard deviation at the same run and layer", "ratio"
    ),
    "correlation": Column("number", "of survival with the predictor, at the same run and layer"),
    "correlation_low": Column("number", "lower 95% limit of the correlation"),
    "correlation_high": Column("number", "upper 95% limit of the correlation"),
    "correlation_method": Column("text", "how this interval was computed; empty = none"),
    "z": Column("number", "score of the slope over its standard deviation under the null"),
    "p_smallest": Column("number", "smallest p that the draws and masks could give", _P),
    **{
        f"{held}_{name}": Column(kind, f"{meaning}, on held-out {held}", unit)
        for held in ("heads", "layers")
        for name, kind, meaning, unit in (
            ("auc", "number", "area under the ROC curve of layer and predictor", _P),
            ("auc_layer", "number", "area under the ROC curve of layer alone", _P),
            ("auc_null", "number", "mean area under the ROC curve under the null", _P),
            ("auc_null_high", "number", "its 97.5th percentile under the null", _P),
            ("log_loss", "number", "mean log loss of layer and predictor", "nats"),
            ("log_loss_layer", "number", "mean log loss of layer alone", "nats"),
            ("mcfadden", "number", "1 - log loss over that of layer alone (McFadden)", _SHARE),
        )
    },
    "note": Column("text", "what cannot be said here, and why"),
}
"""Column of a summary that no tidy row has -> its meaning."""

OF_TABLE: dict[tuple[str, str], Column] = {
    ("masks", "layer"): Column("integer", "layer of the head, MLP or neuron", _FROM_0),
    ("masks", "head"): Column("integer", "head; empty for MLPs and neurons", _FROM_0),
    ("summary_performance", "n"): Column("integer", "examples scored", "examples"),
    ("summary_probes", "n"): Column(
        "number", "items of the seed with the fewest, mean over its draws", "items"
    ),
    ("summary_probes", "n_clusters"): Column(
        "number",
        "independent units of the seed with the fewest: sentences, or sets and sources that they "
        "share",
        "units",
    ),
    ("summary_probes", "p_value"): Column("number", "largest p over draws and seeds", _P),
    ("summary_probes", "p_adjusted"): Column(
        "number", "largest corrected p over draws and seeds", _P
    ),
    ("summary_against_random", "seed"): Column("integer", "fine-tuning seed; empty = all seeds"),
    ("summary_against_random", "flag"): Column("text", "flags of the scores; why there is no test"),
    ("summary_survival_content", "n_dropped"): Column(
        "integer", "heads without the predictor in some run", "heads"
    ),
    ("summary_survival_content", "p_value"): Column(
        "number", "heads permuted within layers, alike in all runs", _P
    ),
    ("summary_survival_content", "state"): Column(
        "text", "state of the full model that the predictor was measured on", allowed=STATES
    ),
}
"""(table, column) -> what it means there, where that differs."""
