"""Transfer of a frozen, masked encoder to another language or to strings (TILT).

Papadimitriou and Jurafsky (2020): what an encoder has learnt that is of use for a language it has
never seen is what new word embeddings around it reach, its own weights being frozen.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import pandas as pd
import torch
import transformers

from ...data.files.atomic import digest
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...data.strings.kinds import Lengths
from ...data.strings.strings import StringOptions
from ...models.checkpoint.inputs import check_max_length
from ...models.checkpoint.pruned_heads import take_pruned
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .entries import TEXT, TRANSFER
from .new_language import NewLanguage, strings_of, text_of
from .new_words import Floats, Training, learn_new_words

UNTRAINED = "untrained-encoder"
"""Baseline: the same training around an encoder of the same architecture with random weights."""

_KEPT = 8
_kept: OrderedDict[str, Floats] = OrderedDict()


def run_transfer(
    context: Context,
    examples: Sequence[Example],
    *,
    progress: Progress | None = None,
    text: str = "",
    strings: Sequence[str] = ("nested",),
    vocabulary: int = 500,
    shortest: int = 8,
    longest: int = 64,
    lengths: Lengths = "uniform",
    exponent: float = 1.0,
    train_examples: int = 2000,
    held_out: int = 200,
    steps: int = 300,
    batch_size: int = 32,
    learning_rate: float = 0.001,
    seed: int = 0,
) -> ProbeResult:
    """Learn the words of another language around the frozen encoder, and read held-out texts.

    The untrained encoder is trained in the same way, without a mask. Its result is kept while the
    process lasts, as it is the same for each mask.

    Args:
        context: the model with its mask; a head is not read.
        examples: not read.
        progress: called with (training steps done, all).
        text: a text in another language; empty = `strings`.
        strings: kinds of generated strings.
        vocabulary: number of tokens.
        shortest: tokens of the shortest string.
        longest: tokens of the longest string, or that a text keeps.
        lengths: distribution of the lengths of strings.
        exponent: of the Zipfian distribution.
        train_examples: maximum number of training texts.
        held_out: maximum number of held-out texts.
        steps: training steps.
        batch_size: texts per step.
        learning_rate: peak rate.
        seed: of strings, embeddings and training.

    Returns:
        rows for each kind of strings, or for the text (`relation`); one item per held-out text and
        metric.

    Raises:
        ConfigError: if texts are longer than the model's positions, or an option does not fit.
        DataFileError: for a text that cannot be read.
    """
    check_max_length(context.model, longest + 2, option="transfer.longest")
    sizes = {"examples": train_examples, "held_out": held_out}
    if text:
        languages = [
            text_of(text, vocabulary=vocabulary, longest=longest, name=TEXT, **sizes)
        ]  # fmt: skip
    else:
        made = StringOptions(vocabulary, shortest, longest, lengths, exponent)
        languages = [strings_of(kind, made, seed=seed, **sizes) for kind in strings]
    training = Training(steps, batch_size, learning_rate, seed)
    read: list[tuple[NewLanguage, Floats, Floats]] = []
    for place, language in enumerate(languages):

        def told(done: int, _of: int, before: int = place) -> None:
            if progress is not None:
                progress(before * steps + done, len(languages) * steps)

        own = learn_new_words(
            context.model, language, training, subnetwork=context.subnetwork, step=told
        )
        read.append((language, own, _untrained(context.model, language, training)))
    return ProbeResult(
        TRANSFER.name,
        rows_frame(pd.DataFrame([row for one in read for row in _rows(*one)])),
        lambda: items_frame(pd.concat([_items(*one) for one in read], ignore_index=True)),
        notes={
            f"{TRANSFER.name}_{language.name}_tokens": language.vocabulary
            for language, _, _ in read
        },
    )


def untrained_encoder(model: Any, seed: int) -> Any:
    """An encoder of the architecture of a model with random weights, in eval mode.

    Args:
        model: a transformers encoder, with or without a head.
        seed: of the weights; the global random state is left as it was.
    """
    config = copy.deepcopy(model.config)
    take_pruned(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = transformers.AutoModel.from_config(
            config, attn_implementation=model.config._attn_implementation
        )
    return made.to(dtype=model.dtype, device=model.device).eval()


def _untrained(model: Any, language: NewLanguage, training: Training) -> Floats:
    """What the untrained encoder reaches; it does not depend on the mask."""
    config = {k: v for k, v in model.config.to_dict().items() if not k.startswith("_")}
    for name in ("id2label", "label2id", "problem_type", "architectures"):
        config.pop(name, None)
    about = [config, language.digest, astuple(training), str(model.dtype), model.device.type]
    key = digest(about)
    if key not in _kept:
        _kept[key] = learn_new_words(untrained_encoder(model, training.seed), language, training)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return _kept[key]


def _measured(own: Floats, untrained: Floats) -> dict[str, Floats]:
    """Metric -> sum of each held-out text [N]."""
    return {
        "bits": own[:, 0],
        "bits_saved": untrained[:, 0] - own[:, 0],
        "bits_saved_unigram": own[:, 2] - own[:, 0],
    }


def _rows(language: NewLanguage, own: Floats, untrained: Floats) -> Iterator[dict[str, Any]]:
    count = own[:, 1].sum()
    about = {"probe": TRANSFER.name, "unit": "model", "relation": language.name,
             "n": int((own[:, 1] > 0).sum())}  # fmt: skip
    values = {name: sums.sum() / count for name, sums in _measured(own, untrained).items()}
    baseline = untrained[:, 0].sum() / count
    of_untrained = {"baseline": UNTRAINED}
    yield {**about, "metric": "bits", "value": values["bits"], **of_untrained,
           "baseline_value": baseline}  # fmt: skip
    yield {**about, "metric": "perplexity", "value": 2 ** values["bits"], **of_untrained,
           "baseline_value": 2**baseline}  # fmt: skip
    yield {**about, "metric": "bits_saved", "value": values["bits_saved"]}
    yield {**about, "metric": "bits_saved_unigram", "value": values["bits_saved_unigram"],
           "baseline": UNTRAINED, "baseline_value": own[:, 2].sum() / count - baseline}  # fmt: skip


def _items(language: NewLanguage, own: Floats, untrained: Floats) -> pd.DataFrame:
    read = own[:, 1] > 0
    ids = np.asarray(language.ids, dtype=object)[read]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "probe": TRANSFER.name, "item_id": ids, "sentence_id": ids,
                    "relation": language.name, "metric": metric, "numerator": sums[read],
                    "denominator": own[read, 1],
                }
            )
            for metric, sums in _measured(own, untrained).items()
        ],
        ignore_index=True,
    )  # fmt: skip
