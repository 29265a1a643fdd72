"""The figure of accuracies under each setting of a probe."""

import pytest
from subprobe.analysis.figures.figures import DRAWN
from subprobe.analysis.figures.probe_figures import SHOWN
from subprobe.analysis.figures.setting_figures import SETTINGS, setting_figure
from subprobe.analysis.summary.probes import probe_draws, probe_table
from subprobe.analysis.verdict.answer import Answer
from subprobe.data.output.tables import rows_frame
from subprobe.probes.registry import find_probe

KINDS = (("good", 0, 0.8), ("random", 0, 0.5), ("random", 1, 0.6), ("random", 2, 0.7))


def answer(probe, metrics, variants=("",)):
    rows = rows_frame([
        {"model": "m", "task": "t", "method": "structured", "kind": kind, "state": "pruned",
         "seed": 1, "draw": draw, "probe": probe, "unit": "model", "metric": metric,
         "variant": variant, "value": value - 0.1 * place, "n": 40}
        for kind, draw, value in KINDS
        for place, (metric, variant) in enumerate((m, v) for m in metrics for v in variants)
    ])  # fmt: skip
    tables = {"summary_probes": probe_table(rows), "summary_probe_draws": probe_draws(rows)}
    return Answer("t", ("m", "t", "structured"), tables, rows)


@pytest.mark.parametrize(
    ("probe", "metrics", "variants", "settings"),
    [
        ("attack", ("accuracy_before", "accuracy_after", "queries"), ("candidates=wordnet",),
         {"before", "after"}),
        ("choices", ("accuracy", "type_accuracy"), ("full", "no-context"),
         {"full", "no-context"}),
    ],
)  # fmt: skip
def test_good_is_shown_beside_random_in_each_setting(probe, metrics, variants, settings):
    assert find_probe(probe).figure == SETTINGS
    (figure,) = setting_figure(answer(probe, metrics, variants))
    assert f"{len(settings)} of {len(settings)} settings" in figure.title
    assert set(figure.table["metric"]) == {f"accuracy_{name}" for name in settings}
    assert list(figure.table) == SHOWN
    said = " ".join(map(str, vars(figure).values()))
    # .8 beside .5, .6 and .7, in the first setting and in the second
    assert "+.200" in said
    assert "good pruned .800, random pruned .600" in said


def test_other_probes_have_none_and_the_report_draws_it():
    assert not list(setting_figure(answer("challenge", ("accuracy",))))
    assert setting_figure in DRAWN["knowledge"]
