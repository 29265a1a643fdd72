"""The figure of accuracies by construction, in words."""

import pandas as pd
import pytest
from subprobe.analysis.figures.probe_figures import SHOWN, language_figure
from subprobe.analysis.verdict.answer import Answer


def answer(probe, relations):
    lines = [
        {"probe": probe, "metric": "accuracy_pll", "relation": relation, "kind": kind,
         "state": "pruned", "mean": share, "n": 40}
        for relation, share in relations.items() for kind in ("good", "random")
    ]  # fmt: skip
    draws = [
        {**line, "seed": 1, "draw": draw, "value": line["mean"] - 0.1 * (line["kind"] == "random")}
        for line in lines for draw in range(3 if line["kind"] == "random" else 1)
    ]  # fmt: skip
    tables = {
        "summary_probes": pd.DataFrame(lines).reindex(columns=SHOWN),
        "summary_probe_draws": pd.DataFrame(draws),
    }
    return Answer("mlm", ("m", "mlm", "x"), tables, pd.DataFrame())


@pytest.mark.parametrize(
    ("probe", "relations", "noun", "said"),
    [
        ("minimal-pairs", {"and/or": 0.5, "island": 0.75},
         "2 of 2 constructions", "Means over constructions: good pruned .625"),
        ("agreement", {"a.tsv": 0.5, "a.tsv/adjacent": 0.75, "a.tsv/attractors-0": 0.9},
         "3 of 3 groups of pairs", "Means over files: good pruned .500"),
    ],
)  # fmt: skip
def test_groups_that_overlap_are_not_averaged(probe, relations, noun, said):
    (figure,) = language_figure(answer(probe, relations))
    assert noun in figure.title
    assert said in " ".join(map(str, vars(figure).values()))
