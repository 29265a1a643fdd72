"""Memory of structural probes above a bare pass: it must not grow with the states of a corpus.

Each count runs in a process of its own, as in `memory.py`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from typing import Any

from .memory import MEGABYTE
from .timing import Measure

FEW, MANY = 2_000, 12_000
LIMIT = 500.0
SCORED = 200
"""Number of dev sentences, and of test sentences."""


def peak(count: int, what: str) -> int:
    """Peak bytes, above the beginning, with a number of training sentences."""
    command = [sys.executable, "-m", "benchmarks.structural_memory", str(count), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def structural_memory(
    counts: tuple[int, ...] = (FEW, MANY), rounds: int = 1, *, what: str = "probe"
) -> list[Measure]:
    """Probes of all states and both kinds, one epoch, above a bare pass over the same sentences.

    Args:
        counts: numbers of training sentences.
        rounds: number of measurements of each.
        what: `probe`, or `hoarding` to exceed the limit on purpose.
    """
    lines = []
    for count in counts:
        above = [(peak(count, what) - peak(count, "bare")) / MEGABYTE for _ in range(rounds)]
        name = f"memory of structural probes above a bare pass, {count} sentences"
        middle = statistics.median(above)
        lines.append(Measure(name, middle, min(above), max(above), None, LIMIT, "MB"))
    return lines


def _probe(context: Any, chosen: Any, *, hoarding: bool = False) -> None:
    from subprobe.probes.learning.learning import Learning
    from subprobe.probes.states.cache import passing_states
    from subprobe.probes.structural.structural import run_structural

    parts = chosen[2 * SCORED :], chosen[:SCORED], chosen[SCORED : 2 * SCORED]
    with passing_states() as cache:
        kept = []
        if hoarding:  # a fault: all states in memory
            states = cache.of(context, parts[0])
            kept = [states.state(layer).clone() for layer in range(states.num_states)]
        learning = Learning(tuple(parts[0]), tuple(parts[1]), "given", cache)
        found = run_structural(context, parts[2], learning=learning, epochs=1)
        assert found.item_parts.count()
        del kept


def _bare(context: Any, chosen: Any) -> None:
    """The model alone, without maps: its states are computed batch by batch and dropped."""
    import torch

    from .probing import padded_batches

    with torch.inference_mode():
        for batch in padded_batches(context, chosen):
            context.model(**batch)


def main(count: int, what: str) -> None:
    """Run one variant and print its peak bytes."""
    import torch
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.probes.forward.base import Context

    from .anonymous_memory import PeakMemory
    from .models import encoder
    from .structural import treebank

    torch.set_num_threads(1)
    chosen = treebank(count + 2 * SCORED)
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    with PeakMemory() as memory:
        if what == "bare":
            _bare(context, chosen)
        else:
            _probe(context, chosen, hoarding=what == "hoarding")
    print(memory.above)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
