"""Attribution word by word: what the report's examples are made of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...probes.attribution.attribution_rows import NAME, WORD_METRIC
from .collect import Collected

COLUMNS = [
    "model", "task", "method", "seed", "kind", "state", "draw", "mask_id", "cell_id", "item_id",
    "sentence", "position", "word", "attribution", "prediction", "gold",
]  # fmt: skip
FILE = "attribution_examples.csv"


def word_frame(collected: Collected) -> pd.DataFrame:
    """Attribution of every word that the probe read, with the word itself.

    Args:
        collected: the finished cells of a run.

    Returns:
        one line for each full or pruned model of the first draw, example and word; `item_id` names
        the example, `sentence` and `position` (from 0) the word, `attribution` is in logits of the
        predicted class.
    """
    parts = []
    for cell in collected.of_step("probe"):
        options = cell.options
        if options["probe"]["name"] != NAME or options["state"] not in ("finetuned", "pruned"):
            continue
        # what several seeds share is no example of one of them
        if options.get("draw", 0) or options.get("kind", "") in ("super", "anti", "middle"):
            continue
        output = collected.output(cell.name)
        if output is not None and len(output.items) and len(output.rows):
            read = collected.notes(f"{options['task']}/seed{options['seed']}/readings")
            parts.append(_words(output.rows, output.items, read["words"], read["labels"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _words(
    rows: pd.DataFrame, items: pd.DataFrame, texts: dict[str, list[list[str]]], labels: list[str]
) -> pd.DataFrame:
    items = items[items["metric"] == WORD_METRIC]
    place = items["item_id"].str.extract(r"(?P<id>.*)#(?P<sentence>\d+)\.(?P<position>\d+)")
    places = zip(
        place["id"], place["sentence"].astype(int), place["position"].astype(int), strict=True
    )

    def named(value: Any) -> Any:
        return value if not labels or pd.isna(value) else labels[int(value)]

    about = rows.iloc[0]
    frame = pd.DataFrame(
        {
            **{name: about[name] for name in COLUMNS[:8]},
            "cell_id": items["cell_id"],
            "item_id": place["id"],
            "sentence": place["sentence"].astype(int),
            "position": place["position"].astype(int),
            "word": [texts[one][sentence][position] for one, sentence, position in places],
            "attribution": items["score"].astype(float),
            "prediction": items["prediction"].map(named),
            "gold": items["gold"].map(named),
        },
        columns=COLUMNS,
    )
    return frame.reset_index(drop=True)
