"""Random parsed sentences and contexts for the tests of probes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from subprobe.data.sentences.sentence import ROOT, Example, Sentence
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.forward.base import Context
from tiny import CORPUS, TOKENIZER_OF, tiny_model, tiny_tokenizer

WORDS = tuple(sorted({word for line in CORPUS for word in line.split()}))
RELATIONS = ("nsubj", "nsubj:pass", "obj", "det", "advmod", "aux")
PAIRS = TaskSpec(
    "entailment", ("not_entailment", "entailment"), "accuracy", ("accuracy",), pair=True
)
"""The task of a classifier of pairs."""
CHALLENGE: dict[str, Any] = {
    "file": str(Path(__file__).parent / "made_challenge.tsv"),
    "columns": ("first=premise", "second=hypothesis", "label=gold", "group=kind"),
}
"""Options of `challenge` for a test set of that task."""
DIAGNOSTICS: dict[str, Any] = {"file": str(Path(__file__).parent / "made_diagnostics.tsv")}
"""Options of `glue-diagnostics` for a made file in the published form."""
TAGS = ("NOUN", "VERB", "AUX", "DET", "ADV")


def random_sentence(name: str, seed: int, *, low: int = 2, high: int = 14) -> Sentence:
    """A sentence of random words with a random tree."""
    draw = random.Random(seed)
    words = tuple(draw.choice(WORDS) for _ in range(draw.randint(low, high)))
    places = list(range(len(words)))
    draw.shuffle(places)
    heads = [ROOT] * len(words)
    for rank, place in enumerate(places[1:], start=1):
        heads[place] = places[draw.randrange(rank)]
    deprels = ["root" if head == ROOT else draw.choice(RELATIONS) for head in heads]
    return Sentence(
        id=name,
        words=words,
        upos=tuple(draw.choice(TAGS) for _ in words),
        heads=tuple(heads),
        deprels=tuple(deprels),
        annotation="gold",
        scheme="ud",
    )


def random_examples(n: int = 10, *, pairs: bool = False, seed: int = 0) -> list[Example]:
    """Examples of one or two random sentences of unequal length."""
    return [
        Example(
            id=f"e{i}",
            first=random_sentence(f"s{i}", 1000 * seed + i),
            second=random_sentence(f"t{i}", 1000 * seed + 500 + i) if pairs else None,
            label=i % 2,
            rationale=((0, 0, 1),),
        )
        for i in range(n)
    ]


def tiny_context(
    family: str = "bert",
    head: str | None = None,
    *,
    double: bool = True,
    max_length: int = 128,
    **options: Any,
) -> Context:
    """A context around a tiny random model; double precision unless told otherwise."""
    model = tiny_model(family, head, **options)
    return Context(
        model=model.to(torch.float64) if double else model,
        tokenizer=tiny_tokenizer(TOKENIZER_OF[family]),
        anatomy=anatomy_of(model),
        max_length=max_length,
    )


def with_dead_heads(context: Context, dead: list[tuple[int, int]]) -> Context:
    """The same context under a mask that lacks the named (layer, head) pairs."""
    whole = full_subnetwork(context.anatomy)
    mask = np.array(whole.head_mask, dtype=np.bool_)
    for layer, head in dead:
        mask[layer, head] = False
    from dataclasses import replace

    return replace(context, subnetwork=replace(whole, head_mask=mask))


def hooks_on(model: Any) -> int:
    """How many hooks there are on all modules."""
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()
    )
