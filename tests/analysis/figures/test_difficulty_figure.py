"""The figure of easy and hard examples, in words."""

import pandas as pd
from subprobe.analysis.figures.probe_figures import SHOWN, difficulty_figure
from subprobe.analysis.verdict.answer import Answer


def answer(good):
    lines = [
        {"probe": "artefacts", "metric": "accuracy", "relation": relation, "kind": kind,
         "state": "pruned", "mean": share if kind == "good" else 0.5, "n": 40}
        for relation, share in good.items() for kind in ("good", "random")
    ]  # fmt: skip
    draws = [
        {**line, "seed": 1, "draw": draw, "value": line["mean"] + 0.01 * draw}
        for line in lines for draw in range(3 if line["kind"] == "random" else 1)
    ]  # fmt: skip
    gap = {**lines[0], "metric": "accuracy_gap", "relation": None, "mean": 0.2}
    tables = {
        "summary_probes": pd.DataFrame([*lines, gap]).reindex(columns=SHOWN),
        "summary_probe_draws": pd.DataFrame(draws),
    }
    return Answer("rte", ("m", "rte", "x"), tables, pd.DataFrame())


def test_easy_and_hard_are_compared_with_random_draws():
    (figure,) = difficulty_figure(answer({"hard": 0.5, "easy": 0.9}))
    assert "above all random draws for 1 of 2 parts of the examples (easy)" in figure.title
    assert "pruned: easy +.390, hard -.010" in " ".join(map(str, vars(figure).values()))
    assert set(figure.table["metric"]) == {"accuracy", "accuracy_gap"}


def test_runs_without_the_option_have_no_such_figure():
    other = answer({"hard": 0.5, "easy": 0.9})
    for table in other.tables.values():
        table["probe"] = "cloze"
    assert list(difficulty_figure(other)) == []
