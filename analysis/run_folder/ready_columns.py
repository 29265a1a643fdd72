"""What the columns of the tables that answer a question at once mean: `heads` and `words`."""

from __future__ import annotations

from ..summary.heads import TARGETS
from ..summary.kinds import STATES
from .columns import Column

_SHARE, _P, _ACCURACY = "share", "probability", "share of arcs"
_TARGET = {
    "first": "the first special token ([CLS] or its equivalent)",
    "separator": "the other special tokens ([SEP])",
    "special": "any special token: `to_first` plus `to_separator`",
    "punctuation": "punctuation",
    "previous": "the previous token",
    "next": "the next token",
    "self": "the token itself",
}

HEADS: dict[str, Column] = {
    "kept_share": Column("number", "share of seeds whose good mask keeps the head", _SHARE),
    "kept_seeds": Column("integer", "number of seeds whose good mask keeps the head", "seeds"),
    "n_seeds": Column("integer", "number of seeds with a good mask", "seeds"),
    "importance": Column(
        "number",
        "importance of the head in the full model, mean over seeds: what the search ranked the "
        "head by in its first step; for a method that ranks no heads, that of the probe "
        "`head-attributions`; empty if neither exists",
    ),
    "importance_method": Column(
        "text",
        "name of the importance measure; a search adds its normalisation (`l2`: divided by the L2 "
        "norm of the layer's heads)",
    ),
    "pattern": Column("text", "most frequent pattern among the head's attention maps"),
    "pattern_share": Column("number", "share of the head's maps that have this pattern", _SHARE),
    "best_relation": Column(
        "text",
        "dependency relation with the largest gain in accuracy over its positional baseline; "
        "empty if no relation has a gain",
    ),
    "best_relation_direction": Column("text", "direction in which the relation was read"),
    "best_relation_accuracy": Column(
        "number",
        "share of the relation's arcs that the head finds, mean over seeds; optimistic, because "
        "the relation is chosen on the same arcs",
        _ACCURACY,
    ),
    "best_relation_baseline": Column("text", "name of the positional baseline of this relation"),
    "best_relation_baseline_value": Column(
        "number", "accuracy of the positional baseline, mean over seeds", _ACCURACY
    ),
    "best_relation_p_adjusted": Column(
        "number",
        "corrected p of the head's accuracy against the positional baseline, largest over seeds",
        _P,
    ),
    "best_relation_n": Column("integer", "number of arcs of the relation", "arcs"),
    **{
        f"to_{target}": Column(
            "number", f"share of the head's attention to {_TARGET[target]}, mean over seeds", _SHARE
        )
        for target in TARGETS
    },
    "attends_to": Column(
        "text",
        "target that receives the largest share of the head's attention",
        allowed=tuple(target for target in TARGETS if target != "special"),
    ),
    "attends_to_share": Column("number", "share of attention to this target", _SHARE),
    "attention_distance": Column(
        "number", "mean distance between a token and what it attends to", "tokens"
    ),
    "attention_entropy": Column("number", "mean entropy of an attention row", "nats"),
    "state": Column(
        "text", "state of the full model that the head was measured in", allowed=STATES
    ),
}
"""Column of `heads` that means something of its own there."""

WORDS: dict[str, Column] = {
    "searched_by": Column("text", "search method of the mask; `full` for the full model"),
    "example": Column("text", "identifier of the example"),
    "sentence": Column("integer", "number of the sentence in the example", "counted from 0"),
    "position": Column("integer", "position of the word in the sentence", "counted from 0"),
    "word": Column("text", "the word"),
    "pos": Column("text", "universal part of speech; empty if not annotated"),
    "relation": Column("text", "dependency relation of the word to its head"),
    "depth": Column("integer", "number of arcs from the word to the root of its sentence", "arcs"),
    "attribution": Column(
        "number", "contribution of the word to the logit of the attributed class", "logits"
    ),
    "method": Column("text", "attribution method with its options"),
    "prediction": Column("text", "label or number that the model predicts for the example"),
    "gold": Column("text", "correct label or number of the example"),
}
"""Column of `words` that means something of its own there."""

ATTACKED: dict[str, Column] = {
    "original": Column("text", "text before the attack; of a pair, the second one"),
    "adversarial": Column("text", "text after the attack"),
    "prediction": Column("integer", "class that the attacked model predicts for the text after the "
                         "attack", "counted from 0"),
    "gold": Column("integer", "correct class of the example", "counted from 0"),
}  # fmt: skip
"""Column of `adversarial_texts` that means something of its own there."""
