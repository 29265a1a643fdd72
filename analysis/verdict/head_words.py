"""What predictors of survival say of a head, as the end of `heads that ...`."""

from __future__ import annotations

import pandas as pd

from ..wording import named

_WORDS = {
    "attention_to_first": "attend more to the first token",
    "attention_to_separator": "attend more to separator tokens",
    "attention_to_special": "attend more to special tokens",
    "attention_to_punctuation": "attend more to punctuation",
    "attention_to_previous": "attend more to the previous token",
    "attention_to_next": "attend more to the next token",
    "attention_to_self": "attend more to the token itself",
    "attention_distance": "attend over longer distances",
    "attention_entropy": "spread their attention over more tokens",
    "attention_entropy_first": "spread the attention of the first token over more tokens",
    "best_above_offset": "find a dependency relation further above its positional baseline",
}
"""Metric of a predictor -> what heads with a higher value do."""


def heads_that(line: pd.Series) -> str:
    """What heads with a higher value of a predictor do, or have."""
    metric = str(line["metric"])
    if metric in _WORDS:
        return _WORDS[metric]
    about = [str(line[name]) for name in ("relation", "direction", "target")
             if pd.notna(line[name]) and line[name] != ""]  # fmt: skip
    of = f" of {', '.join(about)}" if about else ""
    return f"have a higher {named(metric)}{of} (probe {line['probe']})"
