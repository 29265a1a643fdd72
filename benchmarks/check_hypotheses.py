"""Size and power of the tests of masks, in models whose true circuit is known by construction.

Sufficiency and necessity: every mask of a small planted model is scored, so that the share of
random masks that a mask beats is known; the null holds for masks with a share of at most .9. The
other tests: equivalence at the boundaries of its null, with ties and clusters; independence of
scores that share nothing but their labels; minimality of heads that were added to a circuit and
write as little as the pruned ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from subprobe.analysis.hypotheses.lines import (
    EQUIVALENCE,
    INDEPENDENCE,
    MINIMALITY,
    NECESSITY,
    SUFFICIENCY,
    against_draws,
    equivalence_line,
    independence_line,
)
from subprobe.analysis.hypotheses.minimality import minimality_lines, units_of_mask
from subprobe.analysis.hypotheses.scoring import MaskScorer
from subprobe.analysis.statistics.corrections import ALPHA, adjust
from subprobe.data.output.tables import write_csv
from subprobe.pruning.knock_out import knocked_out

from .planted_circuit import SPEC, Planted

FILE = "hypotheses.csv"
SHARE, MARGIN = 0.9, 0.1
MODELS, DRAWS = 4, (29, 44, 100)
_COLUMNS = ["check", "hypothesis", "case", "n", "rate", "monte_carlo_error", "simulations", "holds"]
Floats = npt.NDArray[np.float64]


def check_hypotheses(out: Path, scale: float) -> list[str]:
    """Simulate, write the table, report failures; returns the tests whose size exceeds .05."""
    draws, pairs, models = (max(20, round(n * scale)) for n in (4000, 1000, 60))
    rows = [*draw_rows(draws), *equivalence_rows(pairs), *independence_rows(pairs // 2)]
    rows += minimality_rows(models)
    table = pd.DataFrame(rows)[_COLUMNS]
    write_csv(table, out / FILE)
    sizes = table[table["check"] == "size"]
    large = sizes[~sizes["holds"].astype(bool)]
    print(
        f"{len(large)} of {len(sizes)} tests of masks reject more than .05 + 2 Monte Carlo errors"
    )
    return [large.to_string(index=False)] if len(large) else []


def row(check: str, hypothesis: str, case: str, n: int, rejected: Sequence[bool]) -> dict[str, Any]:
    """One line of the table."""
    rate, count = float(np.mean(rejected)), len(rejected)
    at = ALPHA if check == "size" else rate
    error = float(np.sqrt(at * (1 - at) / count))
    return {
        "check": check, "hypothesis": hypothesis, "case": case, "n": n, "rate": round(rate, 4),
        "monte_carlo_error": round(error, 4), "simulations": count,
        "holds": rate <= ALPHA + 2 * error if check == "size" else "",
    }  # fmt: skip


def every_mask(planted: Planted) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Quality of every mask with as many heads as the circuit, alone and knocked out.

    Returns:
        Quality under each mask, quality of the model without its heads, and how many heads of the
        circuit it keeps.
    """
    scorer = MaskScorer(planted, SPEC)  # type: ignore[arg-type]
    units = planted.layers * planted.heads
    alone, without, shared = [], [], []
    for kept in combinations(range(units), planted.planted):
        heads = np.zeros(units, dtype=bool)
        heads[list(kept)] = True
        mask = planted.mask(heads.reshape(planted.layers, planted.heads))
        shared.append(int((mask.head_mask & planted.circuit).sum()))
        alone.append(scorer.score(mask).quality)
        without.append(scorer.score(knocked_out(mask)).quality)
    return np.array(alone), np.array(without), np.array(shared)


def draw_rows(simulations: int, models: int = MODELS) -> Iterator[dict[str, Any]]:
    """Sufficiency and necessity of planted circuits, and of masks for which the null holds.

    In a small model most random masks share a head with the circuit, and without one head the
    circuit is lost: the power of necessity is that against masks of pruned units (`within`).
    """
    found = [every_mask(Planted(2, 6, 3, 120, seed=seed)) for seed in range(models)]
    for hypothesis in (SUFFICIENCY, NECESSITY):
        for n in DRAWS:
            rng = np.random.default_rng([n, hypothesis == NECESSITY])
            hits: dict[str, list[bool]] = {"circuit": [], "null": [], "boundary": []}
            for alone, without, shared in found:
                # upwards is for the hypothesis
                quality = alone if hypothesis == SUFFICIENCY else -without
                beaten = np.array([(one > quality + 1e-9).mean() for one in quality])
                null = np.flatnonzero(beaten <= SHARE)
                closest, circuit = null[beaten[null].argmax()], int(shared.argmax())
                free = np.flatnonzero(shared == 0) if hypothesis == NECESSITY else None
                for _ in range(simulations // models):
                    every = rng.integers(len(quality), size=n)
                    apart = every if free is None else rng.choice(free, n)
                    for case, mask, drawn in (
                        ("circuit", circuit, apart), ("null", rng.choice(null), every),
                        ("boundary", closest, every),
                    ):  # fmt: skip
                        line = against_draws(
                            SUFFICIENCY, quality[mask], quality[drawn].tolist(), SHARE
                        )
                        hits[case].append(line["p_value"] <= ALPHA)
            for case, check in (("circuit", "power"), ("null", "size"), ("boundary", "size")):
                yield row(check, hypothesis, case, n, hits[case])


def equivalence_rows(simulations: int) -> Iterator[dict[str, Any]]:
    """Equivalence at both boundaries of its null and in their middle."""
    for n, ties, members in ((80, 0.0, 1), (300, 0.0, 1), (300, 0.3, 1), (300, 0.0, 4)):
        for wins in (0.5 - MARGIN, 0.5 + MARGIN, 0.5):
            rng = np.random.default_rng([n, round(10 * ties), members, round(100 * wins)])
            rejected = []
            for _ in range(simulations):
                first, units = _gaps(rng, n, wins, ties, members)
                line = equivalence_line(first, np.zeros(len(first)), units, MARGIN)
                rejected.append(line["p_value"] <= ALPHA)
            case = f"share {wins:g}, ties {ties:g}, clusters of {members}"
            yield row("power" if wins == 0.5 else "size", EQUIVALENCE, case, n, rejected)


def _gaps(
    rng: np.random.Generator, n: int, wins: float, ties: float, members: int
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Differences of examples, in clusters whose mean is above 0 with the chance `wins`."""
    sign = np.where(rng.random(n) < (wins - ties / 2) / (1 - ties), 1.0, -1.0)
    sign[rng.random(n) < ties] = 0.0
    noise = rng.normal(size=(n, members)) * (members > 1)
    noise -= noise.mean(axis=1, keepdims=True)
    return (sign[:, None] + noise).ravel(), np.repeat(np.arange(n), members)


def independence_rows(simulations: int) -> Iterator[dict[str, Any]]:
    """Scores that share nothing but their labels, alone or in clusters, and scores that do."""
    for n, members, shared in ((60, 1, 0.0), (200, 1, 0.0), (100, 3, 0.0), (200, 1, 0.5)):
        rng = np.random.default_rng([n, members, round(10 * shared), 3])
        rejected = []
        for _ in range(simulations):
            labels = np.repeat((rng.random(n) < 0.3).astype(int), members)
            units = np.repeat(np.arange(n), members)
            common = rng.normal(size=n)
            # a dependence without correlation
            sides = (common, shared * common**2 + rng.normal(size=n))
            first, second = (labels + np.repeat(side, members) for side in sides)
            line = independence_line(
                first, second, units, labels, permutations=99, seed=int(rng.integers(2**31))
            )
            rejected.append(line["p_value"] <= ALPHA)
        case = f"clusters of {members}" + (", dependent" if shared else ", equal labels alone")
        yield row("power" if shared else "size", INDEPENDENCE, case, n, rejected)


def minimality_rows(models: int) -> Iterator[dict[str, Any]]:
    """Heads of planted circuits, and heads that were added to them and write next to nothing."""
    added: dict[str, list[bool]] = {"holm": [], "fdr_bh": []}
    planted: dict[str, list[bool]] = {"holm": [], "fdr_bh": []}
    n = 0
    for seed in range(models):
        model = Planted(4, 12, 4, 100, seed=1000 + seed)
        rng = np.random.default_rng([seed, 11])
        heads = model.circuit.copy().ravel()
        more = rng.choice(np.flatnonzero(~heads), 4, replace=False)
        heads[more] = True
        mask = model.mask(heads.reshape(model.circuit.shape))
        scorer = MaskScorer(model, SPEC)  # type: ignore[arg-type]
        kept, pruned = (units_of_mask(mask, side, 0, rng) for side in (True, False))
        n = len(pruned)
        lines = minimality_lines(mask, scorer, kept, pruned, SHARE)[: len(kept)]
        for correction in added:
            p = adjust([line["p_value"] for line in lines], correction)
            for line, value in zip(lines, p.tolist(), strict=True):
                true = model.circuit[line["layer"], line["head"]]
                (planted if true else added)[correction].append(value <= ALPHA)
    for correction in added:
        yield row("size", MINIMALITY, f"added heads, {correction}", n, added[correction])
    # by Holm 8 tests with 40 pruned heads cannot reach .05
    yield row("power", MINIMALITY, "planted heads, fdr_bh", n, planted["fdr_bh"])
