from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from probe_cases import CHALLENGE, DIAGNOSTICS, PAIRS, random_examples, tiny_context
from questions import questions
from subprobe.data.errors import UnknownNameError
from subprobe.data.output.tables import ITEM_TYPES, ROW_TYPES
from subprobe.data.tasks.choices.generated import READING
from subprobe.probes.learning.learning import Learning
from subprobe.probes.named import run_named_probes
from subprobe.probes.registry import PROBES, find_probe, list_probes
from subprobe.probes.states.cache import StateCache

CLOZE = str(Path(__file__).parents[1] / "support" / "made_cloze.tsv")
OPTIONS: dict[str, dict[str, Any]] = {
    "agreement": {"generated": 8, "several_pieces": "pll"},
    "attention-probe": {"epochs": 1, "width": 2, "rates": (0.1,)},
    "attributions": {"n_steps": 2, "permutations": 10},
    "challenge": CHALLENGE,
    "choice-attributions": {"n_steps": 2},
    "cloze": {"files": (CLOZE,)},
    "control": {"epochs": 1},
    "dependency-heads": {"min_count": 1},
    "edges": {"projection": 8, "epochs": 1, "seeds": 2},
    "faithfulness": {"n_steps": 2, "random_draws": 1, "sensitivity_draws": 1},
    "glue-diagnostics": DIAGNOSTICS,
    "head-attributions": {"n_steps": 2, "interactions": "second-order"},
    "heuristics": {"generated": 152},
    "holmes": {"epochs": 1, "seeds": 2, "description_length": True},
    "hidden-token-attribution": {"projections": 1},
    "mdl": {"epochs": 1, "shuffles": 2},
    "plausibility": {"n_steps": 2},
    "structural": {"epochs": 2, "seeds": 2},
    "token-identifiability": {"steps": 2},
    "tokens": {"epochs": 1, "seeds": 2},
    "transfer": {"steps": 2, "train_examples": 8, "held_out": 4, "vocabulary": 20},
}


def head_of(further):
    """The head that a probe with these requirements is run with."""
    if "choices" in further:
        return "choice"
    if "named-classes" in further:
        return "entailment"
    return "language" if "language-model-head" in further else "classification"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    heads = {head: tiny_context("bert", head) for head in ("classification", "language", "choice")}
    heads["entailment"] = replace(heads["classification"], spec=PAIRS)
    heads["choice"] = replace(heads["choice"], spec=READING)
    learnt = random_examples(30, seed=1)
    states = StateCache(tmp_path_factory.mktemp("states"))
    learning = Learning(tuple(learnt[:20]), tuple(learnt[20:]), "given", states)

    @cache
    def run(*names):
        """The results of these probes, by name, in the order in which they were run."""
        found = {}
        for head, context in heads.items():
            examples = questions(8) if head == "choice" else random_examples(5)
            own = [name for name in names if head == head_of(find_probe(name).further)]
            for result in run_named_probes(
                context, examples, own, options=OPTIONS, learning=learning
            ):
                found[result.probe] = result
        return found

    return run


@pytest.mark.slow
def test_every_probe_runs_by_name_and_names_itself(results):
    names = [entry.name for entry in list_probes()]
    assert names == sorted(PROBES)
    for order in (names, names[::-1]):
        found = results(*order)
        assert found.keys() == set(names)
        for head in ("classification", "language", "choice", "entailment"):
            own = [name for name in order if head == head_of(find_probe(name).further)]
            assert [name for name in found if name in own] == own
        for name, result in found.items():
            assert result.probe == name
            assert list(result.rows.columns) == list(ROW_TYPES)
            assert list(result.items.columns) == list(ITEM_TYPES)
            assert (result.rows["probe"] == result.probe).all()
            assert (result.items["probe"] == result.probe).all()


@pytest.mark.slow
def test_an_entry_says_every_number_that_its_probe_writes(results):
    """Each row is of one measure and of a unit that this measure has; no measure is without rows,
    but for those that a finish step, a reference or an option adds.
    """
    added = {"map_x", "map_y", "cluster", "map_cosine", "attention_to_target_change",
             "model_bits", "mix_gain", "summed_gain", "expected_layer", "pearson",
             "negative_error", "unconverged_share",
             # only with options of `minimal-pairs`, or several suites
            "suite_accuracy", "suite_margin", "scored_by_pll",
            # only under a mask
            "accuracy_on_full_attacks", "full_accuracy_on_attacks",
            # analysis compares attributions of units with importances
             "head_importance", "mlp_importance", "importance_spearman", "importance_overlap",
             "kept_*", "over_importance_*"}  # fmt: skip
    for result in results(*(entry.name for entry in list_probes())).values():
        entry, seen = find_probe(result.probe), set()
        for unit, metric in set(zip(result.rows["unit"], result.rows["metric"], strict=True)):
            (one,) = (row for row in entry.rows if row.covers(metric))
            assert unit in one.units, (entry.name, metric)
            seen |= {(one.metric, unit)}
        said = {(row.metric, unit) for row in entry.rows for unit in row.units}
        assert {(m, unit) for m, unit in said - seen if m not in added} == set(), entry.name
        items = set(result.items["metric"])
        for row in entry.rows:
            assert not row.items or row.items in {*items, *added}, (entry.name, row.metric)


def test_a_headline_and_curves_are_of_numbers_that_the_probe_writes():
    for entry in PROBES.values():
        names = entry.curve_metrics + ((entry.headline.metric,) if entry.headline else ())
        for name in names:
            assert name == "*" or any(
                row.covers(name) or fnmatchcase(row.metric, name) for row in entry.rows
            ), entry.name
        assert "\n" not in entry.help
        assert entry.rows


def test_the_entries_cost_no_torch():
    """Whoever lists probes, reads a run or checks options loads no probe."""
    code = (
        "import sys; from subprobe.probes.registry import list_probes; "
        "from subprobe.probes.options import check_options, option_records; "
        "[list(option_records(one)) for one in list_probes()]; "
        "print(*sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"pydantic", "subprobe"} <= loaded
    assert not {"torch", "transformers", "spacy", "numpy", "pandas", "scipy"} & loaded


def test_unknown_probe_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'attributions'"):
        run_named_probes(tiny_context("bert"), random_examples(1), ["attribution"])
