"""Attribution to each word, from which the examples of the report are built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ...probes.attribution.attribution_rows import NAME, WORD_METRIC
from ..cell_output import CellOutput
from ..plan.graph import Cell
from .collect import Collected

COLUMNS = [
    "model", "task", "method", "seed", "kind", "state", "draw", "mask_id", "cell_id", "variant",
    "item_id", "sentence", "position", "word", "attribution", "prediction", "gold",
]  # fmt: skip
FILE = "attribution_examples.csv"
KINDS = ["pos", "relation", "depth"]
WORDS = "words"
"""Name of the table of words."""
_NAMED = {"variant": "method", "item_id": "example", "method": "searched_by"}
WORD_COLUMNS = [
    "model", "task", "searched_by", "seed", "kind", "draw", "state", "example", "sentence",
    "position", "word", *KINDS, "attribution", "method", "prediction", "gold",
]  # fmt: skip


def word_frame(collected: Collected) -> pd.DataFrame:
    """The attribution to every word that the probe read, with the word itself.

    Args:
        collected: the finished cells of a run.

    Returns:
        One row per full or pruned model of the first draw, method, example and word;
        `variant` names the method, `item_id` the example, `sentence` and `position` (from 0) the
        word, `attribution` is in logits of the attributed class.
    """
    parts = []
    for cell, output in _outputs(collected):
        if not cell.options.get("draw", 0):
            read = collected.notes(f"{cell.options['task']}/seed{cell.options['seed']}/readings")
            parts.append(_words(output.rows, output.items, read["words"], read["labels"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def words_table(words: pd.DataFrame, collected: Collected) -> pd.DataFrame:
    """The table `words`: every attributed word with its part of speech, relation and depth.

    Args:
        words: the result of `word_frame`.
        collected: the finished cells of the run, which hold the annotation of the words.

    Returns:
        One row per row of `words`. `pos`, `relation` and `depth` are empty where the text
        was not annotated, or was read by a version that did not store them.
    """
    seeds = words[["task", "seed"]].drop_duplicates().itertuples(index=False, name=None)
    notes = {key: collected.notes(f"{key[0]}/seed{key[1]}/readings") for key in seeds}
    places = zip(
        *(words[name] for name in ("task", "seed", "item_id", "sentence", "position")), strict=True
    )
    found = []
    for task, seed, item, sentence, position in places:
        kinds = notes[task, seed].get("word_kinds", {}).get(item)
        here = kinds[sentence] if kinds else {}
        found.append({name: here[name][position] if name in here else None for name in KINDS})
    marked = pd.DataFrame(found, index=words.index, columns=KINDS)
    table = pd.concat([words.rename(columns=_NAMED), marked], axis=1)[WORD_COLUMNS]
    whole = ("seed", "draw", "sentence", "position", "depth")
    return table.astype(dict.fromkeys(whole, "Int64"))


def compared_words(collected: Collected) -> pd.DataFrame:
    """The input of `agreement_table`: attributions of all draws, without the words themselves."""
    parts = []
    for _, output in _outputs(collected):
        about, items = output.rows.iloc[0], output.items
        items = items[items["metric"] == WORD_METRIC]
        parts.append(
            pd.DataFrame(
                {
                    **{name: about[name] for name in ("model", "task", "method", "seed", "kind")},
                    "draw": 0 if pd.isna(about["draw"]) else about["draw"],
                    **{name: items[name] for name in ("variant", "cluster_id")},
                    **_places(items),
                    "attribution": items["score"].astype(float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _outputs(collected: Collected) -> Iterator[tuple[Cell, CellOutput]]:
    """The finished cells with attributions to words in a full or pruned model."""
    for cell in collected.of_step("probe"):
        options = cell.options
        if options["probe"]["name"] != NAME or options["state"] not in ("finetuned", "pruned"):
            continue
        # a mask that several seeds share has no example of its own
        if options.get("kind", "") in ("super", "anti", "middle"):
            continue
        output = collected.output(cell.name)
        if output is not None and len(output.items) and len(output.rows):
            yield cell, output


def _places(items: pd.DataFrame) -> dict[str, pd.Series]:
    """The example and the word position of each item."""
    place = items["item_id"].str.extract(r"(?P<id>.*)#(?P<sentence>\d+)\.(?P<position>\d+)")
    return {
        "item_id": place["id"],
        "sentence": place["sentence"].astype(int),
        "position": place["position"].astype(int),
    }


def _words(
    rows: pd.DataFrame, items: pd.DataFrame, texts: dict[str, list[list[str]]], labels: list[str]
) -> pd.DataFrame:
    items = items[items["metric"] == WORD_METRIC]
    placed = _places(items)
    places = zip(*placed.values(), strict=True)

    def named(value: Any) -> Any:
        return value if not labels or pd.isna(value) else labels[int(value)]

    about = rows.iloc[0]
    frame = pd.DataFrame(
        {
            **{name: about[name] for name in COLUMNS[:8]},
            **{name: items[name] for name in ("cell_id", "variant")},
            **placed,
            "word": [texts[one][sentence][position] for one, sentence, position in places],
            "attribution": items["score"].astype(float),
            "prediction": items["prediction"].map(named),
            "gold": items["gold"].map(named),
        },
        columns=COLUMNS,
    )
    return frame.reset_index(drop=True)
