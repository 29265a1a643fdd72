from __future__ import annotations

import inspect
from typing import ClassVar

import pytest
from subprobe.analysis.configuration.asked_probes import narrowed, options_of, probe_inputs
from subprobe.analysis.configuration.config import ProbeOptions, RunConfig, parse_config
from subprobe.analysis.configuration.renamed import RENAMED, renamed
from subprobe.data.errors import ConfigError, InputError, UnknownNameError
from subprobe.probes.entry import Options, ProbeEntry
from subprobe.probes.options import (
    check_options,
    complete_options,
    option_records,
    parse_options,
    typed_options,
)
from subprobe.probes.registry import PROBES, find_probe

ELSEWHERE = {"progress", "untrained", "learning"}
"""Keywords that code alone gives."""


def test_options_are_read_as_toml_or_words():
    found = parse_options(
        ["attention-trees.root=free", "attention-trees.renormalise=true",
         "dependency-heads.min_count=5", 'attention-trees.directions=["head->dependent"]']
    )  # fmt: skip
    assert found == {
        "attention-trees": {
            "root": "free", "renormalise": True, "directions": ["head->dependent"],
        },
        "dependency-heads": {"min_count": 5},
    }  # fmt: skip
    checked = check_options(found, list(found))
    assert checked["attention-trees"].model_dump() == {
        "decoder": "max", "root": "free", "scores": "weights",
        "directions": ("head->dependent",), "renormalise": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("attention-patterns.maps=raw,norm", ["raw", "norm"]),
        ("attention-patterns.maps=raw, norm", ["raw", "norm"]),
        ('attention-patterns.maps=["raw", "norm"]', ["raw", "norm"]),
        ("attention-patterns.maps=raw", "raw"),
        ("attention-diagnostics.lambdas=0,0.5,1", [0, 0.5, 1]),
        ("attention-diagnostics.lambdas=0.5", 0.5),
        ('minimal-pairs.files="a, b.csv",c.csv', ["a, b.csv", "c.csv"]),
        # a text is no list, whatever it contains
        ("minimal-pairs.unigram=a,b.txt", "a,b.txt"),
        ("unheard.of=a,b", "a,b"),
    ],
)
def test_lists_are_written_with_commas_too(text, expected):
    probe, _, option = text.partition("=")[0].partition(".")
    assert parse_options([text]) == {probe: {option: expected}}


def test_a_list_with_commas_passes_the_checks():
    found = parse_options(["attention-patterns.maps=raw,norm"])
    checked = check_options(found, ["attention-patterns"])
    assert checked["attention-patterns"].model_dump()["maps"] == ("raw", "norm")
    with pytest.raises(ConfigError):
        check_options(parse_options(["attention-patterns.maps=raw,"]), ["attention-patterns"])


@pytest.mark.parametrize("entry", PROBES.values(), ids=lambda entry: entry.name)
def test_the_options_of_an_entry_are_the_keywords_of_its_probe(entry):
    """Each keyword is an option or a shared setting, each option that analysis does not read a
    keyword, with one default."""
    keywords = {
        one.name: one.default
        for one in inspect.signature(entry.load()).parameters.values()
        if one.kind is one.KEYWORD_ONLY and one.name not in ELSEWHERE
    }
    fields = {name: field.default for name, field in entry.options.model_fields.items()}
    assert set(keywords) == {*fields, *entry.shared} - {*entry.analysed}
    assert {*entry.analysed} <= set(fields)
    fields = {name: value for name, value in fields.items() if name in keywords}
    assert {name: keywords[name] for name in fields} == fields
    assert all(field.description for field in entry.options.model_fields.values())


@pytest.mark.parametrize("text", ["root=free", "attention-trees=free", "attention-trees.root", ""])
def test_other_texts_are_refused(text):
    with pytest.raises(ConfigError, match=r"PROBE\.OPTION=VALUE"):
        parse_options([text])


def test_an_option_given_twice_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        parse_options(["norms.x=1", "norms.x=2"])


def test_options_that_do_not_fit_are_refused():
    run = ["attention-trees"]
    with pytest.raises(UnknownNameError, match="decoder, directions, renormalise, root, scores"):
        check_options({"attention-trees": {"roots": "free"}}, run)
    with pytest.raises(ConfigError, match=r"trees\.renormalise: .*like its default, false"):
        check_options({"attention-trees": {"renormalise": "yes"}}, run)
    with pytest.raises(ConfigError, match="norms, which is not among the probes"):
        check_options({"norms": {}}, run)
    with pytest.raises(UnknownNameError, match="attention-trees"):
        check_options({"attention-tree": {}}, run)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("attention-trees.root", "fre", "'gold' or 'free', got 'fre'"),
        ("attention-trees.directions", ["up"], "got 'up'"),
        ("attention-trees.directions", [], "at least 1 item"),
        ("attention-patterns.maps", ["cooked"], "'raw' or 'norm', got 'cooked'"),
        ("attributions.n_steps", 1, "must be >= 2, got 1"),
        ("attributions.n_steps", "5", "must be an integer, got '5'"),
        ("attributions.n_steps", True, "must be an integer, got True"),
        ("attributions.n_steps", 2.5, "must be an integer, got 2.5"),
        ("hidden-token-attribution.projections", -1, "must be >= 0, got -1"),
        ("token-identifiability.steps", 0, "must be >= 1, got 0"),
    ],
)
def test_values_that_an_option_cannot_have_are_refused(place, value, said):
    probe, option = place.split(".")
    with pytest.raises(ConfigError, match=rf"option {place}.*{said}"):
        check_options({probe: {option: value}}, [probe])


def test_a_setting_of_all_probes_is_no_option_of_one():
    for name in ("dependency-heads", "attention-trees"):
        with pytest.raises(ConfigError, match=r"probe\.selection"):
            check_options({name: {"selection": "reported"}}, [name])


def test_one_word_stands_for_a_list_of_one():
    entry = find_probe("attention-patterns")
    for given in ("norm", ["norm"], ("norm",)):
        assert typed_options(entry, {"maps": given}).model_dump()["maps"] == ("norm",)


def test_a_configuration_says_every_option_of_what_runs():
    config = RunConfig(
        probe=ProbeOptions(
            names=("attributions", "rollout"), options={"attributions": {"n_steps": 4}}
        )
    )
    said = config.plain()["probe"]["options"]
    assert said == {
        "attributions": {
            "method": ["integrated-gradients"], "target": "predicted", "baseline": "pad",
            "n_steps": 4, "tolerance": 0.0, "n_samples": 25, "layer": 0, "batch_size": 8,
            "internal_batch_size": 64, "permutations": 1000, "seed": 0,
        }
    }  # fmt: skip
    assert parse_config(config.plain(), where="test").plain() == config.plain()
    assert complete_options({}, ["rollout"]) == {}


def test_equal_options_decide_equally_however_they_are_given():
    names = ("attention-trees",)
    given = [{}, {"root": "gold"}, {"directions": ["dependent->head", "head->dependent"]}]
    keys = [probe_inputs(ProbeOptions(names=names, options={names[0]: one}), 128) for one in given]
    assert keys[0] == keys[1] == keys[2]
    other = ProbeOptions(names=names, options={names[0]: {"root": "free"}})
    assert probe_inputs(other, 128) != keys[0]


def test_a_classifier_decides_by_its_content(tmp_path):
    from subprobe.probes.patterns.network import shipped_classifier

    own = tmp_path / "own.safetensors"
    shipped_classifier().save(own)

    def key(weights):
        options = {"attention-patterns": {"weights": weights}}
        asked = ProbeOptions(names=("attention-patterns",), options=options)
        return probe_inputs(asked, 128)["options"]["weights"]

    assert key("") == shipped_classifier().digest
    shipped_classifier().calibrated(2.0, 0.5).save(own)
    changed = key(str(own))
    assert changed != key("")
    assert str(own) not in changed
    with pytest.raises(InputError, match="no such file"):
        key(str(tmp_path / "none"))


def test_some_of_the_probes_keep_their_own_options_alone():
    asked = ProbeOptions(
        names=("attention-change", "dependency-heads"),
        options={"dependency-heads": {"min_count": 3}, "attention-change": {"absent": "zero"}},
    )
    one = narrowed(asked, ["attention-change"])
    assert one.names == ("attention-change",)
    assert one.options == {"attention-change": {"absent": "zero"}}
    options_of(one)


@pytest.mark.parametrize(("old", "new"), RENAMED.items(), ids=lambda path: path[-1])
def test_an_old_name_is_refused_with_the_new_one(old, new):
    with pytest.raises(ConfigError, match=f"'{'.'.join(old)}' .* it is {'.'.join(new)}"):
        parse_config({old[0]: {old[1]: 3}}, where="run.toml")


def test_an_old_configuration_is_read_under_the_new_names():
    old = {
        "names": ["attributions"], "attribution_examples": 5, "attribution_steps": 4,
        "patterns": "",
    }  # fmt: skip
    read = parse_config(renamed({"seeds": [1], "probe": old}), where="record")
    assert read.probe.examples == 5
    assert read.probe.options == {"attributions": {"n_steps": 4}}
    assert old["attribution_steps"] == 4  # what was read stays


def test_options_are_told_with_values_and_defaults():
    told = {one["option"]: one for entry in PROBES.values() for one in option_records(entry)}
    assert told["attention-trees.decoder"]["values"] == "max | arborescence | spanning-tree"
    assert told["attention-patterns.maps"]["values"] == "list of raw | norm"
    assert told["attributions.n_steps"]["values"] == "integer >= 2"
    assert (told["flow.first_only"]["values"], told["flow.first_only"]["default"]) == (
        "true | false", "false",
    )  # fmt: skip
    assert told["attention-trees.root"]["default"] == '"gold"'
    assert told["attention-diagnostics.lambdas"]["values"] == "list of number >= 0"
    assert not [name for name, one in told.items() if "<class" in one["values"]]


def test_a_run_leaves_out_what_needs_classes_where_labels_are_numbers():
    of_classes = {name for name, one in PROBES.items() if "classes" in one.further}
    assert of_classes == {
        "attack", "attention-diagnostics", "attention-explanation", "attributions", "challenge",
        "faithfulness", "glue-diagnostics", "head-attributions", "heuristics", "plausibility",
    }  # fmt: skip


def test_a_model_has_one_head():
    with pytest.raises(
        ConfigError, match="minimal-pairs needs the masked-LM head and attributions"
    ):
        options_of(ProbeOptions(names=("attributions", "minimal-pairs")))
    assert options_of(ProbeOptions(names=("attention-stats", "minimal-pairs")))


class Loose(Options):
    wide: ClassVar[int] = 3
    number: float = 0.5


def test_whole_numbers_are_numbers():
    entry = ProbeEntry(name="loose", help="", code="nowhere:x", options=Loose)
    assert typed_options(entry, {"number": 2}).model_dump() == {"number": 2.0}


@pytest.mark.parametrize("k", ["[0, 5]", "-1", "[5, 5]"])
def test_ranks_of_cloze_tests_are_positive_and_differ(k):
    with pytest.raises(ConfigError, match=r"k: (must be >= 1|contains duplicates)"):
        check_options(parse_options([f"cloze.k={k}"]), ["cloze"])
