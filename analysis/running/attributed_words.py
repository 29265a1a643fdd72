"""Attribution word by word: what the report's examples are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...data.sentences.sentence import Example
from ...probes.attribution.attribution_rows import NAME, WORD_METRIC
from ...probes.forward.needs import sentences_of

if TYPE_CHECKING:
    from ...models.masks.subnetwork import Subnetwork
    from ..cell_output import CellOutput
    from ..configuration.config import RunConfig
    from .seed_run import SeedRun

COLUMNS = [
    "model", "task", "method", "seed", "kind", "state", "draw", "mask_id", "cell_id", "item_id",
    "sentence", "position", "word", "attribution", "prediction", "gold",
]  # fmt: skip
FILE = "attribution_examples.csv"


def word_frame(seeds: Iterable[SeedRun], config: RunConfig) -> pd.DataFrame:
    """Attribution of every word that the probe read, with the word itself.

    Args:
        seeds: the seeds of a finished run.
        config: its options.

    Returns:
        one line for each model, example and word; `item_id` names the example, `sentence` and
        `position` (from 0) the word, `attribution` is in logits of the predicted class.
    """
    parts = []
    if NAME in config.probe.names:
        for run in seeds:
            parts.append(_words(run, None, run.probe(None), "finetuned"))
            if "pruned" in config.probe.states:
                parts += [_words(run, m, run.probe(m), "pruned") for m in run.masks(1)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def _words(run: SeedRun, mask: Subnetwork | None, output: CellOutput, state: str) -> pd.DataFrame:
    spec = run.parts.spec
    items = output.items[output.items["metric"] == WORD_METRIC]
    # the words that the parser made of the texts, which are more than those between blanks
    texts = {example.id: _texts(example) for example in run.probes.attributed}
    place = items["item_id"].str.extract(r"(?P<id>.*)#(?P<sentence>\d+)\.(?P<position>\d+)")
    places = zip(
        place["id"], place["sentence"].astype(int), place["position"].astype(int), strict=True
    )

    def named(value: Any) -> Any:
        return value if spec.regression or pd.isna(value) else spec.labels[int(value)]

    about = run.identity(None, mask, state)
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


def _texts(example: Example) -> list[tuple[str, ...]]:
    return [sentence.words for sentence in sentences_of(example)]
