"""Probes of every kind that an entry can describe: with texts of their own, steps, wrong names."""

import sys
from types import SimpleNamespace

import pandas as pd
import pytest
from probe_cases import tiny_context
from subprobe.analysis.configuration.config import ProbeOptions
from subprobe.analysis.steps.probing import probe_model
from subprobe.data.errors import ConfigError, UnknownNameError
from subprobe.data.output.tables import items_frame, rows_frame
from subprobe.probes.entry import Measure, ProbeEntry
from subprobe.probes.forward.base import ProbeResult
from subprobe.probes.registry import PROBES

ROWS = (Measure("right", ("model",), "share of pairs that are right"),)


def run_pairs(context, examples, *, progress=None):
    """What a probe of a test suite gives: it reads none of the examples."""
    assert list(examples) == []
    rows = pd.DataFrame({"probe": "pairs", "unit": "model", "metric": ["right"], "value": [0.5],
                         "n": [4]})  # fmt: skip
    items = pd.DataFrame({"probe": "pairs", "item_id": list("abcd"), "sentence_id": list("aabb"),
                          "metric": "right", "score": [1.0, 0.0, 0.0, 1.0]})  # fmt: skip
    return ProbeResult("pairs", rows_frame(rows), lambda: items_frame(items))


def probed(monkeypatch, **entry):
    facts = {"name": "pairs", "help": "", "code": run_pairs, "reads": "suite", "rows": ROWS}
    monkeypatch.setitem(PROBES, "pairs", ProbeEntry(**{**facts, **entry}))
    context = tiny_context("bert")
    return probe_model(
        context.model, context.tokenizer, None, None, None, (), ProbeOptions(names=("pairs",)),
        split="", progress=lambda done, total: None,
    )  # fmt: skip


def test_a_probe_of_a_suite_reads_no_corpus_and_names_its_own(monkeypatch):
    rows = probed(monkeypatch, source="made-pairs").rows
    assert rows["corpus"].tolist() == ["made-pairs"]
    assert rows["n_clusters"].tolist() == [2]  # two sentences of two items each
    assert probed(monkeypatch).rows["corpus"].tolist() == ["pairs"]


def test_a_finish_step_that_does_not_exist_is_refused(monkeypatch):
    with pytest.raises(UnknownNameError, match=r"finish step 'polish'.*dependency-tests"):
        probed(monkeypatch, finish="polish")
    for nowhere in ("nowhere:polish", f"{__name__}:polish", f"{__name__}:ROWS"):
        with pytest.raises(UnknownNameError, match=f"finish step '{nowhere}'"):
            probed(monkeypatch, finish=nowhere)


def with_interval(result, options):
    """A finish step of another package."""
    assert options.correction == "holm"
    return result.rows.assign(ci_low=0.25, ci_high=0.75, ci_method="made")


def test_a_finish_step_of_another_package_is_found_by_its_location(monkeypatch):
    monkeypatch.setitem(sys.modules, "polishing", SimpleNamespace(with_interval=with_interval))
    rows = probed(monkeypatch, finish="polishing:with_interval").rows
    assert (rows["ci_low"].tolist(), rows["ci_method"].tolist()) == ([0.25], ["made"])


def test_a_probe_that_gives_another_name_is_refused(monkeypatch):
    def misnamed(context, examples, *, progress=None):
        return ProbeResult("norms", rows_frame([]), lambda: items_frame([]))

    with pytest.raises(ConfigError, match="pairs: its result has the name 'norms'"):
        probed(monkeypatch, code=misnamed)
    with pytest.raises(ConfigError, match="pairs: its result has no ProbeResult"):
        probed(monkeypatch, code=lambda context, examples, progress=None: None)
