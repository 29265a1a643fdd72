"""The figure of the untrained null, in words."""

import pandas as pd
from subprobe.analysis.figures.masks.null_figure import untrained_null_figure
from subprobe.analysis.figures.probe_figures import SHOWN
from subprobe.analysis.verdict.answer import Answer


def answer(probe="untrained-null"):
    lines = [
        {"probe": probe, "metric": f"mask_minus_{of}", "kind": "good", "state": state,
         "mean": mean, "seed_low": mean - 0.1, "seed_high": mean + 0.1, "n": 40}
        for state, means in {"pruned": (0.5, 0.3), "untrained": (0.02, -0.01)}.items()
        for of, mean in zip(("complement", "random"), means, strict=True)
    ]  # fmt: skip
    table = pd.DataFrame(lines).reindex(columns=SHOWN)
    return Answer("rte", ("m", "rte", "x"), {"summary_probes": table}, pd.DataFrame())


def test_both_encoders_are_drawn_side_by_side():
    (figure,) = untrained_null_figure(answer())
    assert figure.name == "untrained-null-rte"
    assert "mask - complement, trained: .500" in figure.alt
    assert "mask - random masks, untrained: -.010" in figure.alt
    assert len(figure.table) == 4
    assert figure.source == "summary_probes.csv"


def test_runs_without_the_option_have_no_such_figure():
    assert list(untrained_null_figure(answer("cloze"))) == []
