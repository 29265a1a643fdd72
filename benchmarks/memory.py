"""Memory of the attention probes: above a bare pass, and what each further sentence adds.

Each count runs in a process of its own, which reports the peak of its private memory (`PeakMemory`)
minus the memory before the pass. Libraries, the model and the sentences are in both.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from .timing import Measure

FEW, MANY = 200, 2000
ROUNDS = 3
MEGABYTE, KILOBYTE = 2**20, 2**10


def peak(count: int, pool: int, what: str = "together") -> int:
    """Peak bytes, above the beginning, of a pass over `count` sentences.

    Args:
        count: sentences.
        pool: number of generated sentences, from which they are taken.
        what: one of `PASSES`.
    """
    command = [sys.executable, "-m", "benchmarks.memory", str(count), str(pool), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def memory(
    few: int = FEW,
    many: int = MANY,
    rounds: int = ROUNDS,
    *,
    together: str = "together",
    items: str = "items",
) -> list[Measure]:
    """Four probes above a bare pass, the increase per sentence, and the same with items.

    Args:
        few: sentences of the smaller pass.
        many: sentences of the larger pass.
        rounds: how often each pair is measured.
        together: the pass of four probes; another one of `PASSES` to see the limits broken.
        items: the pass that makes items; likewise.
    """
    above: list[float] = []
    each: dict[str, list[float]] = {together: [], items: []}
    for _ in range(rounds):
        bare = {count: peak(count, many, "bare") for count in (few, many)}
        for what, found in each.items():
            more = {count: peak(count, many, what) - bare[count] for count in (few, many)}
            found.append((more[many] - more[few]) / (many - few) / KILOBYTE)
            if what == together:
                above.append(more[many] / MEGABYTE)
    return [
        _line(f"memory of four probes above a bare pass, {many} sentences", above, 100.0, "MB"),
        _line("memory of four probes, each further sentence", each[together], 40.0, "kB"),
        # 72 heads and 10 metrics: 720 items per sentence, which are made and dropped part by part
        _line("memory of the items of attention-stats, each sentence", each[items], 80.0, "kB"),
    ]


def _line(name: str, found: list[float], limit: float, unit: str) -> Measure:
    return Measure(name, statistics.median(found), min(found), max(found), None, limit, unit)


class Hoarder:
    """A faulty probe that keeps every map."""

    name = "hoarder"
    needs_attention = True
    needs_hidden = needs_values = needs_reference = False
    padded_to = 0

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def begin(self, batch: Any) -> None:
        """A new batch."""

    def layer(self, layer: int, attention: Any) -> None:
        """Keep the maps of one layer."""
        self.kept.append(attention.clone())

    def hidden(self, layer: int, states: Any) -> None:
        """States are not requested."""

    def end(self) -> None:
        """The maps stay."""

    def result(self) -> Any:
        """No results."""


def _four(context: Any, chosen: Any) -> None:
    _probe(context, chosen, _built(context))


def _items(context: Any, chosen: Any) -> None:
    for result in _probe(context, chosen, _built(context)[:1]):
        assert result.item_parts.count()


def _hoarding(context: Any, chosen: Any) -> None:
    _probe(context, chosen, [*_built(context), Hoarder()])


def _items_as_objects(context: Any, chosen: Any) -> None:
    """Items as Python objects, as an inefficient reader would store them."""
    kept = [result.items.astype(object) for result in _probe(context, chosen, _built(context)[:1])]
    assert len(kept[0])


def _bare(context: Any, chosen: Any) -> None:
    from .attention import bare_pass

    bare_pass(context, chosen)()


def _built(context: Any) -> list[Any]:
    from subprobe.probes.registry import find_probe

    from .attention import TOGETHER

    return [find_probe(name).load()(context, **own) for name, own in TOGETHER]


def _probe(context: Any, chosen: Any, probes: list[Any]) -> list[Any]:
    from subprobe.probes.forward.shared_pass import run_probes

    return run_probes(context, chosen, probes)


PASSES: dict[str, Callable[[Any, Any], None]] = {
    "bare": _bare,
    "together": _four,
    "items": _items,
    "hoarding": _hoarding,
    "items-as-objects": _items_as_objects,
}
"""Name -> a pass over sentences; the last two are faults that the limits must detect."""


def main(count: int, pool: int, what: str) -> None:
    """Run one pass and print the bytes of its peak."""
    import torch
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.probes.forward.base import Context

    from .anonymous_memory import PeakMemory
    from .models import encoder, examples

    torch.set_num_threads(1)
    # both counts generate the same sentences, so only the pass differs
    chosen = examples(pool)[:count]
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    with PeakMemory() as memory:
        PASSES[what](context, chosen)
    print(memory.above)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
