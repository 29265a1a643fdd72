"""The attention probes together in one pass against a bare eager forward pass, and what each costs.

On UD English EWT dev where SUBPROBE_REALDATA names the folder of test data, else on the generated
sentences: evenly spaced batches of the length-sorted corpus, so that batches are as long as in a
pass over all of it.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from subprobe.data.sentences.conllu_reader import read_conllu
from subprobe.data.sentences.sentence import Example
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.probes.forward.base import Context, Probe
from subprobe.probes.forward.eval_mode import eager_attention
from subprobe.probes.forward.shared_pass import run_probes
from subprobe.probes.forward.texts import encode_examples
from subprobe.probes.registry import find_probe

from .models import encoder, examples
from .timing import REPEATS, Measure, measured, spent

BATCH = 32
TOGETHER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("attention-stats", {}),
    ("dependency-heads", {}),
    ("norms", {}),
    ("attention-trees", {}),
)
JOINT_LIMIT = 2.4
TREE_LIMIT, LOG_LIMIT = 0.45, 0.65
"""Ratios to a bare pass. Probing maps is limited by memory, the bare pass by multiplication,
so the ratio grows where a processor multiplies faster: the joint pass took 1.73, 2.06 and 2.11 on
three machines, an arborescence .25, .32 and .39, one of log probabilities .35, .39 and .55. The
limits leave a seventh above the highest; twice the work breaks each of them."""
UP, DOWN = ("dependent->head",), ("head->dependent",)
FURTHER: dict[str, dict[str, Any]] = {
    "max, free root": {"root": "free"},
    "arborescence, rows": {"decoder": "arborescence", "directions": UP},
    "arborescence, columns": {"decoder": "arborescence", "directions": DOWN},
    "arborescence, free root, logs": {
        "decoder": "arborescence", "root": "free", "scores": "log", "directions": UP,
    },
    "spanning tree": {"decoder": "spanning-tree"},
}  # fmt: skip
"""Tree variants beside the default one; a variant reads one direction, but for `max` and trees
without direction, which cost little in both."""


def corpus(count: int) -> list[Example]:
    """`count` sentences in whole batches, spread over the length-sorted corpus."""
    folder = os.environ.get("SUBPROBE_REALDATA")
    path = Path(folder or "") / "ud" / "en_ewt-ud-dev.conllu"
    if folder and path.is_file():
        everything = [Example(one.id, one) for one in read_conllu(path)]
    else:
        everything = list(examples(4 * count))
    model, tokenizer = encoder()
    encoded = encode_examples(Context(model, tokenizer, anatomy_of(model)), everything)
    order = sorted(range(len(everything)), key=lambda i: -len(encoded[i].input_ids))
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    wanted = max(1, count // BATCH)
    step = len(batches) / wanted
    return [everything[i] for b in range(wanted) for i in batches[int((b + 0.5) * step)]]


def bare_pass(context: Context, chosen: Sequence[Example]) -> Callable[[], None]:
    """A pass that only returns the attentions of the same, already padded batches."""
    encoded = sorted(encode_examples(context, chosen), key=lambda one: -len(one.input_ids))
    batches = [
        context.tokenizer.pad(
            {"input_ids": [list(one.input_ids) for one in encoded[start : start + BATCH]]},
            return_tensors="pt",
        )
        for start in range(0, len(encoded), BATCH)
    ]

    def bare() -> None:
        with torch.inference_mode(), eager_attention(context.model):
            for batch in batches:
                found = context.model(**batch, output_attentions=True)
                assert found.attentions[0] is not None

    return bare


@dataclass
class Timed:
    """A probe that adds up the processor time spent in it."""

    probe: Probe
    seconds: float = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.probe, name)
        if not callable(found):
            return found

        def call(*arguments: Any) -> Any:
            answer: list[Any] = []
            self.seconds += measured(lambda: answer.append(found(*arguments)))[0]
            return answer[0]

        return call


def attention_pass(count: int = 192, repeats: int = REPEATS) -> list[Measure]:
    """The joint pass, its split by probe, and each further tree variant, all over the bare pass."""
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    chosen = corpus(count)
    bare = bare_pass(context, chosen)
    further = tuple(("attention-trees", options) for options in FURTHER.values())
    names = ["other parts of the pass", *(name for name, _ in TOGETHER), *FURTHER]
    found: dict[str, list[float]] = {name: [] for name in ("joint", "wall", *names)}

    def probing(timed: list[Any]) -> Callable[[], object]:
        return lambda: run_probes(context, chosen, timed, batch_size=BATCH)

    for repeat in range(repeats + 1):
        reference, wall = spent(bare)
        together = [Timed(find_probe(name).load()(context, **own)) for name, own in TOGETHER]
        ours, our_wall = spent(probing(together))
        more = [Timed(find_probe(name).load()(context, **own)) for name, own in further]
        spent(probing(more))
        again, _ = spent(bare)
        reference = (reference + again) / 2
        if not repeat:
            continue  # to warm up
        rest = ours - sum(one.seconds for one in together)
        found["joint"].append(ours / reference)
        found["wall"].append(our_wall / wall)
        for name, seconds in zip(
            names, [rest, *(one.seconds for one in (*together, *more))], strict=True
        ):
            found[name].append(seconds / reference)

    def line(name: str, key: str, limit: float | None) -> Measure:
        ratios = found[key]
        wall_ratio = statistics.median(found["wall"]) if key == "joint" else None
        return Measure(name, statistics.median(ratios), min(ratios), max(ratios), wall_ratio, limit)

    return [
        line("four attention probes in one pass / bare eager forward", "joint", JOINT_LIMIT),
        *(line(f"  of it, {name}", name, None) for name in names[: 1 + len(TOGETHER)]),
        *(
            line(f"  trees, {name}, on top", name, LOG_LIMIT if "logs" in name else TREE_LIMIT)
            for name in FURTHER
        ),
    ]
