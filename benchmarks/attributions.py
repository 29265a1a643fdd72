"""Attributions to words against the bare passes that they need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from subprobe.data.tasks.by_name import load_task
from subprobe.models.checkpoint.checkpoint import load_classifier, load_tokenizer
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.attribution.classified import classifier, classify
from subprobe.probes.attribution.settings import AttributionSettings
from subprobe.probes.attribution.word_scores import word_scores
from subprobe.probes.forward.base import Context
from subprobe.probes.forward.texts import Texts, read_texts

from .models import MODEL
from .timing import REPEATS, Measure, ratio

STEPS, BATCH, PASS = 32, 8, 64


def attributions(count: int = 200, repeats: int = REPEATS) -> list[Measure]:
    """Integrated gradients and leave-one-out of pairs over passes of the same texts.

    The bare passes get precomputed embeddings, in batches packed by length as the probe packs them;
    the choice of targets and sums over words are timed only on our side.
    """
    sizes = {"train": -(-count // 4) * 4, "validation": 4, "test": 4}
    task = load_task("entailment", sizes=sizes)
    model = load_classifier(MODEL, task.spec, new_head=True, seed=0)
    context = Context(model, load_tokenizer(MODEL), anatomy_of(model), spec=task.spec)
    texts = read_texts(context, task.splits["train"][:count])
    with classifier(context, every_token=True) as own:
        batches = _batches(own, texts)
    path = AttributionSettings(n_steps=STEPS, batch_size=BATCH, internal_batch_size=PASS)
    left_out = replace(path, method="feature-ablation")
    return [
        ratio(
            f"integrated gradients / {STEPS} bare passes forward and backward",
            lambda: _check(word_scores(context, texts, path)),
            lambda: _forward_and_backward(context, batches),
            limit=1.15,
            repeats=repeats,
        ),
        ratio(
            "leave-one-out / bare forward passes of the same texts",
            lambda: _check(word_scores(context, texts, left_out)),
            lambda: _forward(context, batches),
            limit=1.1,
            repeats=repeats,
        ),
    ]


def _batches(own: Context, texts: Texts) -> list[Any]:
    order = sorted(range(len(texts.encoded)), key=lambda i: -len(texts.encoded[i].input_ids))
    return [
        classify(own, texts, np.array(order[start : start + BATCH]))
        for start in range(0, len(order), BATCH)
    ]


def _check(found: list[Any]) -> None:
    assert all(np.isfinite(one.words).all() for one in found)


def _forward_and_backward(context: Context, batches: list[Any]) -> None:
    """Every text once per step, `PASS` at once, with frozen parameters."""
    with classifier(context, every_token=True) as own:
        for batch in batches:
            B, others = len(batch.embedded), batch.view.inputs
            times = PASS // B
            names = [name for name in others if name != "input_ids"]
            more = {name: others[name].repeat(times, 1) for name in names}
            for _ in range(STEPS // times):
                inputs = batch.embedded.repeat(times, 1, 1).requires_grad_()
                logits = own.model(inputs_embeds=inputs, **more).logits
                torch.autograd.grad(logits[:, 0].sum(), inputs)


def _forward(context: Context, batches: list[Any]) -> None:
    """Every text once and once for each of its words, unpadded, `PASS` at once."""
    with classifier(context, every_token=True) as own, torch.inference_mode():
        for batch in batches:
            for row in range(len(batch.embedded)):
                one = batch.rows([row])
                left = len(one.view.kept[0]) + 1
                while left > 0:
                    now = min(left, PASS)
                    others = [other.expand(now, -1) for other in one.others]
                    names = [name for name in one.view.inputs if name != "input_ids"]
                    more = dict(zip(names, others, strict=True))
                    inputs = one.embedded.expand(now, -1, -1)
                    assert own.model(inputs_embeds=inputs, **more).logits is not None
                    left -= now
