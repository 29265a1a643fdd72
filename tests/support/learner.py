"""A probe that learns in a moment: the nearest mean vector of a tag, on its own states or the whole
model's means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.data.sentences.sentence import Example
from subprobe.probes import registry
from subprobe.probes.entry import Measure, Options, ProbeEntry
from subprobe.probes.forward.base import Context, ProbeResult
from subprobe.probes.learning.learning import Learning
from subprobe.probes.states.word_states import WordStates

NAME = "nearest-tag"


def nearest_tag(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Any = None,
    batch_size: int = 32,
) -> ProbeResult:
    """Accuracy by state of the nearest of the means that the words of each tag have in train."""
    train, test = (
        learning.states.of(context, part, batch_size=batch_size, progress=progress)
        for part in (learning.train, examples)
    )
    tags = sorted(set(_tags(train)))
    own = np.stack([_means(train, layer, tags) for layer in range(train.num_states)])
    read = {"own": own}
    if learning.whole:
        read["transferred"] = learning.whole["means"]
    rows, items = [], []
    gold = np.array(_tags(test))
    for variant, means in read.items():
        for layer in range(test.num_states):
            states = test.state(layer).double().numpy()
            distance = ((states[:, None] - means[layer][None]) ** 2).sum(-1)
            right = np.array(tags)[distance.argmin(1)] == gold
            about = {"unit": "layer", "layer": layer, "metric": "tag_accuracy", "variant": variant}
            majority = max(np.mean(gold == tag) for tag in tags)
            rows.append(
                {**about, "probe": NAME, "value": right.mean(), "n": len(right),
                 "baseline": "majority", "baseline_value": majority}
            )  # fmt: skip
            for text, example in enumerate(test.examples):
                part = right[test.rows(text)]
                items.append(
                    {**about, "item_id": example.id, "sentence_id": example.first.id,
                     "numerator": part.sum(), "denominator": len(part)}
                )  # fmt: skip
    frame = items_frame([{k: v for k, v in one.items() if k != "unit"} for one in items])
    notes: dict[str, int | float | str] = {
        "tags": " ".join(tags),
        "n_dev": len(learning.dev),
        "parted": learning.how,
    }
    return ProbeResult(NAME, rows_frame(rows), lambda: frame, {"means": own}, notes)


def _tags(states: WordStates) -> list[str]:
    return [
        states.sentence(text).upos[place]
        for text in range(len(states.examples))
        for place in states.places(text)
    ]


def _means(states: WordStates, layer: int, tags: list[str]) -> np.ndarray:
    vectors, gold = states.state(layer).double().numpy(), np.array(_tags(states))
    return np.stack([vectors[gold == tag].mean(0) for tag in tags])


ENTRY = ProbeEntry(
    name=NAME,
    help="nearest mean vector of a universal tag",
    code=nearest_tag,
    needs=("upos",),
    further=("training-part",),
    options=Options,
    rows=(Measure("tag_accuracy", ("layer",), "share of words whose nearest mean is their tag's"),),
    transfers=True,
    finish="item-intervals",
    curves="hidden states",
)


@contextmanager
def learner(entry: ProbeEntry = ENTRY) -> Iterator[None]:
    """The probe is known inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "PROBES", {**registry.PROBES, entry.name: entry})
        yield
