"""Peak memory of the attention probes at few and at many sentences.

Each count runs in a fresh process that reports the highest resident set that the system has seen
(`ru_maxrss`), libraries and model included, since that is what a user's machine must hold.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from .timing import Measure

FEW, MANY = 200, 2000
ROUNDS = 3


def peak(count: int, pool: int) -> int:
    """Highest resident set, in kilobytes, of a process that probes so many sentences of a pool."""
    command = [sys.executable, "-m", "benchmarks.memory", str(count), str(pool)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def memory(few: int = FEW, many: int = MANY, rounds: int = ROUNDS) -> Measure:
    """Peak at `many` sentences over peak at `few`, in turn."""
    ratios = [peak(many, many) / peak(few, many) for _ in range(rounds)]
    return Measure(
        f"peak memory, {many} / {few} sentences",
        statistics.median(ratios), min(ratios), max(ratios), None, 1.10,
    )  # fmt: skip


def _probe(count: int, pool: int) -> None:
    import torch
    from subprobe.probes.base import Context
    from subprobe.probes.registry import find_probe
    from subprobe.probes.stream import run_probes
    from subprobe.pruning.anatomy import anatomy_of

    from .models import encoder, examples
    from .probing import PROBES

    torch.set_num_threads(1)
    # both counts generate the same sentences, so that only the probing differs
    chosen = examples(pool)[:count]
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    run_probes(context, chosen, [find_probe(name).build(context) for name in PROBES])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _probe(int(sys.argv[1]), int(sys.argv[2]))
