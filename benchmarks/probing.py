"""The streaming attention probes against a bare eager forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from subprobe.data.sentences.sentence import Example
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.forward.base import Context
from subprobe.probes.forward.eval_mode import eager_attention
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.forward.texts import encode_examples
from subprobe.probes.registry import find_probe

from .models import encoder, examples
from .timing import REPEATS, Measure, ratio

PROBES = ("attention-stats", "dependency-heads")


def padded_batches(context: Context, chosen: Sequence[Example]) -> list[Any]:
    """The pieces of the examples in batches of 32, by length as the shared pass sorts them."""
    encoded = sorted(encode_examples(context, chosen), key=lambda one: -len(one.input_ids))
    return [
        context.tokenizer.pad(
            {"input_ids": [list(one.input_ids) for one in encoded[start : start + 32]]},
            return_tensors="pt",
        )
        for start in range(0, len(encoded), 32)
    ]


def streaming(count: int = 512, repeats: int = REPEATS) -> Measure:
    """Both attention probes over a bare pass that only returns the attentions.

    The bare pass gets the same pieces in batches of the same length-sorted sentences, already
    padded; reading words, counting arcs and making tables are timed only on our side.
    """
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    chosen = examples(count)
    batches = padded_batches(context, chosen)

    def probe() -> None:
        run_probes(context, chosen, [find_probe(name).load()(context) for name in PROBES])

    def bare() -> None:
        with torch.inference_mode(), eager_attention(model):
            for batch in batches:
                assert model(**batch, output_attentions=True).attentions[0] is not None

    return ratio("streaming probes / bare eager forward", probe, bare, limit=1.25, repeats=repeats)


def change(
    chosen: Sequence[Example] | None = None, count: int = 512, repeats: int = REPEATS
) -> Measure:
    """`attention-change` over two bare passes that only return the attentions, one per model.

    The reference is the same encoder loaded again: different weights would take the same time.
    """
    model, tokenizer = encoder()
    other, _ = encoder()
    context = Context(model, tokenizer, anatomy_of(model), reference=other)
    chosen = examples(count) if chosen is None else chosen
    batches = padded_batches(context, chosen)

    def compare() -> None:
        run_probes(context, chosen, [find_probe("attention-change").load()(context)])

    def bare() -> None:
        for one in (model, other):
            with torch.inference_mode(), eager_attention(one):
                for batch in batches:
                    assert one(**batch, output_attentions=True).attentions[0] is not None

    return ratio(
        "attention-change / two bare eager forwards", compare, bare, limit=1.3, repeats=repeats
    )
