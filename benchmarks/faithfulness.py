"""Words left out, one by one and by attributions, against the bare forward passes of the rest."""

from __future__ import annotations

from typing import Any

import torch
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.attribution.classified import classifier
from subprobe.probes.attribution.settings import AttributionSettings
from subprobe.probes.attribution.word_scores import word_scores
from subprobe.probes.faithfulness.faithfulness import read_losses
from subprobe.probes.forward.base import Context
from subprobe.probes.forward.texts import read_texts

from .models import ground
from .timing import REPEATS, Measure, ratio


def left_out(count: int = 64, repeats: int = REPEATS) -> Measure:
    """Leave-one-out and deletions over forward passes of the same texts in the same batches.

    Choosing words, cutting texts, packing them by length and all statistics are timed only on our
    side. On both sides the last layer is computed only for the tokens that the task head reads.
    """
    here = ground(count)
    context = Context(here.model, here.tokenizer, anatomy_of(here.model))
    texts = read_texts(context, here.examples)
    found = [word_scores(context, texts, AttributionSettings("saliency"))]
    batches: list[dict[str, Any]] = []

    def ours() -> None:
        read_losses(context, texts, found, removal="delete", draws=3, seed=0, batch_size=64)

    def note(_module: Any, _args: Any, inputs: dict[str, Any]) -> None:
        ids = torch.full_like(inputs["attention_mask"], context.tokenizer.unk_token_id)
        others = {name: one for name, one in inputs.items() if name != "inputs_embeds"}
        batches.append({"input_ids": ids, **others})

    noting = here.model.register_forward_pre_hook(note, with_kwargs=True)
    ours()
    noting.remove()

    def bare() -> None:
        with classifier(context) as own, torch.inference_mode():
            for batch in batches:
                own.model(**batch)

    return ratio(
        "words left out / bare forward of the same texts", ours, bare, limit=1.1, repeats=repeats
    )
