"""The streaming attention probes against a bare eager forward pass."""

from __future__ import annotations

import torch
from subprobe.probes.base import Context
from subprobe.probes.registry import find_probe
from subprobe.probes.stream import eager_attention, encode_examples, run_probes
from subprobe.pruning.anatomy import anatomy_of

from .models import encoder, examples
from .timing import REPEATS, Measure, ratio

PROBES = ("attention-stats", "dependency-heads")


def streaming(count: int = 512, repeats: int = REPEATS) -> Measure:
    """Both attention probes over a bare pass that only returns the attentions.

    The bare pass gets the same pieces in batches of the same length-sorted sentences, already
    padded; reading words, counting arcs and making tables is all on our side.
    """
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    chosen = examples(count)
    encoded = sorted(encode_examples(context, chosen), key=lambda one: -len(one.input_ids))
    batches = [
        tokenizer.pad(
            {"input_ids": [list(one.input_ids) for one in encoded[start : start + 32]]},
            return_tensors="pt",
        )
        for start in range(0, count, 32)
    ]

    def probe() -> None:
        run_probes(context, chosen, [find_probe(name).build(context) for name in PROBES])

    def bare() -> None:
        with torch.inference_mode(), eager_attention(model):
            for batch in batches:
                assert model(**batch, output_attentions=True).attentions[0] is not None

    return ratio("streaming probes / bare eager forward", probe, bare, limit=1.25, repeats=repeats)
