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


def peak(count: int, pool: int, what: str = "two") -> int:
    """Highest resident set, in kilobytes, of a process that passes over so many sentences.

    Args:
        count: sentences.
        pool: how many are generated, that they are taken from.
        what: `two` probes, those of `probing`; four `together`, those of `attention`; a `bare`
            pass without probes.
    """
    command = [sys.executable, "-m", "benchmarks.memory", str(count), str(pool), what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def memory(few: int = FEW, many: int = MANY, rounds: int = ROUNDS) -> Measure:
    """Peak at `many` sentences over peak at `few`, in turn."""
    ratios = [peak(many, many) / peak(few, many) for _ in range(rounds)]
    return Measure(
        f"peak memory, {many} / {few} sentences",
        statistics.median(ratios), min(ratios), max(ratios), None, 1.10,
    )  # fmt: skip


def above_bare(few: int = 500, many: int = MANY, rounds: int = ROUNDS) -> list[Measure]:
    """Peak of the four attention probes above that of a bare pass, and at two counts."""
    found: dict[int, list[float]] = {few: [], many: []}
    above: dict[int, list[float]] = {few: [], many: []}
    for _ in range(rounds):
        for count in found:
            together = peak(count, many, "together") / 1024
            found[count].append(together)
            above[count].append(together - peak(count, many, "bare") / 1024)
    grown = [large / small for small, large in zip(found[few], found[many], strict=True)]
    return [
        *(
            Measure(
                f"peak memory above a bare pass, {count} sentences",
                statistics.median(more), min(more), max(more), None, 300.0, "MB",
            )
            for count, more in above.items()
        ),
        Measure(
            f"peak memory of four probes, {many} / {few} sentences",
            statistics.median(grown), min(grown), max(grown), None, 1.10,
        ),
    ]  # fmt: skip


def _probe(count: int, pool: int, what: str) -> None:
    import torch
    from subprobe.probes.base import Context
    from subprobe.probes.registry import find_probe
    from subprobe.probes.stream import run_probes
    from subprobe.pruning.anatomy import anatomy_of

    from .attention import TOGETHER, bare_pass
    from .models import encoder, examples
    from .probing import PROBES

    torch.set_num_threads(1)
    # both counts generate the same sentences, so that only the probing differs
    chosen = examples(pool)[:count]
    model, tokenizer = encoder()
    context = Context(model, tokenizer, anatomy_of(model))
    if what == "bare":
        bare_pass(context, chosen)()
    else:
        probes = TOGETHER if what == "together" else tuple((name, {}) for name in PROBES)
        built = [find_probe(name).build(context, **own) for name, own in probes]  # type: ignore[misc]
        run_probes(context, chosen, built)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    _probe(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
