"""Titles: what they claim follows from the numbers, for every way that these can fall."""

import pandas as pd
import pytest
from subprobe.analysis.figures.claims import score_claim


def scores(good=0.9, random=0.8, *, draws=30, state="pruned", flags=("", "", "")):
    kinds = ("full", "good", "random")
    return pd.DataFrame(
        {
            "kind": kinds, "state": ["finetuned", state, state], "mean": [0.95, good, random],
            "n_draws": [1, 1, draws], "flag": flags,
        }
    )  # fmt: skip


def ranks(p=0.01, state="pruned"):
    return pd.DataFrame({"kind": ["good"], "state": [state], "seed": [pd.NA], "p_adjusted": [p]})


@pytest.mark.parametrize(
    ("table", "rank", "title"),
    [
        (scores(), ranks(),
         "On t, pruned good subnetworks score .100 above random ones (p = .010)"),
        (scores(0.805), ranks(0.13),
         "On t, pruned good subnetworks do not score clearly above random ones (+.005, p = .130)"),
        (scores(0.77), ranks(0.9),
         "On t, pruned good subnetworks do not score above random ones (-.030)"),
        (scores(draws=5), ranks(None), "On t, pruned good subnetworks score .100 above random ones "
         "(5 random draws per seed are too few for a test)"),
        (scores(draws=1, good=0.7, state="retrained"), ranks(None, "retrained"),
         "On t, retrained good subnetworks score .100 below random ones "
         "(1 random draw per seed is too few for a test)"),
        (scores(draws=5, good=0.8), ranks(None), "On t, pruned good subnetworks score the same as "
         "random ones (5 random draws per seed are too few for a test)"),
        (scores(state="retrained", flags=("", "", "unlearned")), ranks(state="retrained"),
         "On t, retrained subnetworks cannot be compared (random did not train)"),
        (scores(flags=("degenerate", "", "")), ranks(),
         "On t, the full model did not learn the task: subnetworks cannot be compared"),
        (scores().iloc[:1], ranks(), "Scores on t"),
    ],
)  # fmt: skip
def test_the_title_of_scores(table, rank, title):
    assert score_claim("t", table, rank) == title
