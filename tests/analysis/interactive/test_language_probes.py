"""Probes of masked language models, called from Python and from the command line."""

from typing import Any

import pandas as pd
import pytest
from subprobe.analysis.interactive.comparison import compare
from subprobe.analysis.interactive.measuring import probe
from subprobe.analysis.single.loaded import load_model
from subprobe.analysis.single.single_probe import probe_rows
from subprobe.analysis.steps.progress import Silent
from subprobe.data.errors import CheckpointError, InputError
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.subnetwork import full_subnetwork
from subprobe.probes.registry import find_probe
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

PROBE = "minimal-pairs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("language") / "model"
    tiny_model("bert", "language").save_pretrained(place)
    tiny_tokenizer(TOKENIZER_OF["bert"]).save_pretrained(place)
    return str(place)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "own.csv"
    lines = ["good,bad,paradigm"]
    for place, name in enumerate(("cats", "dogs", "houses", "children", "keys", "author")):
        one, two = f"The {name} were lazy", f"The {name} was lazy"
        lines += [f"{one}.,{two}.,a", f"{one} yesterday.,{two} yesterday.,{'ab'[place % 2]}"]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def mask(folder, tmp_path_factory):
    whole = full_subnetwork(anatomy_of(tiny_model("bert")))
    heads = whole.head_mask.copy()
    heads[0, :3] = False
    path = tmp_path_factory.mktemp("mask") / "mask.safetensors"
    from dataclasses import replace

    found = replace(whole, head_mask=heads)
    found.save(path)
    return found, path


def test_a_bare_encoder_is_loaded_with_its_head(folder, pairs, mask):
    model = load_model(folder, progress=Silent())
    given: dict[str, Any] = {"options": {PROBE: {"files": pairs}}, "progress": Silent()}
    whole, masked = probe(model, PROBE, **given), probe(model, PROBE, mask=mask[0], **given)
    table = whole.to_frame().set_index(["metric", "relation"])
    assert table.loc[("accuracy", "a"), "n"] == 9
    assert table.loc[("accuracy", "a"), "ci_method"] == "exact binomial (Clopper-Pearson)"
    assert table.loc[("accuracy", "a"), "better"] == "higher"
    assert table.loc[("overall_margin", "all"), "ci_method"].startswith("t interval, stratified")
    # with the whole mask nothing changes; with heads lost, the margins do
    everything = probe(model, PROBE, mask=full_subnetwork(model.anatomy), **given).to_frame()
    key = ["metric", "relation", "value"]
    pd.testing.assert_frame_equal(everything[key], whole.to_frame()[key], atol=1e-5)
    lost = masked.to_frame().set_index(["metric", "relation"])["value"]
    assert abs(lost["overall_margin", "all"] - table.loc[("overall_margin", "all"), "value"]) > 1e-3
    compared = compare(masked, whole).to_frame().set_index(["metric", "relation"])
    line = compared.loc[("margin", "b")]
    assert line["difference"] == pytest.approx(
        lost["margin", "b"] - table.loc[("margin", "b"), "value"], abs=1e-5
    )
    for metric in dict.fromkeys(table.index.get_level_values(0)):
        assert any(whole.plot(metric).to_dict()["datasets"].values())
    other = probe(model, PROBE, options={PROBE: {"generated": 8}}, progress=Silent())
    with pytest.raises(InputError, match="are of different examples"):
        compare(other, whole)


def test_a_command_scores_a_folder_whole_masked_and_untrained(
    subprobe_command, folder, pairs, mask, tmp_path
):
    same = ["probe", folder, "--probe", PROBE, "--option", f"{PROBE}.files={pairs}"]
    values = {}
    more = {"whole": (), "masked": ("--mask", mask[1]), "untrained": ("--untrained", 1)}
    for name, given in more.items():
        out = tmp_path / f"{name}.csv"
        code, _, said = subprobe_command(*same, *given, "--out", out)
        assert code == 0, said
        rows = pd.read_csv(out).set_index(["metric", "relation"])
        values[name] = rows.loc[("overall_margin", "all"), "value"]
        assert set(rows["corpus"]) == {"own.csv"}
        assert set(rows["state"]) == {"untrained" if name == "untrained" else "pretrained"}
    assert len(set(values.values())) == 3


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("files=missing.csv", "missing.csv: no such file; check the path"),
        ("files=[]", "must name at least one file"),
        ('files=["a.csv", "a.csv"]', "contains duplicates"),
        ("score=bleu", "score: must be 'pll', 'pll-word-l2r' or 'masked-word', got 'bleu'"),
        ("ties=coin", "ties: must be 'half' or 'wrong', got 'coin'"),
        ("tokens=0", "tokens: must be >= 1, got 0"),
        ("unigram=missing.txt", "missing.txt: no such file"),
    ],
)
def test_wrong_options_are_one_line(subprobe_command, folder, option, said):
    code, _, told = subprobe_command("probe", folder, "--probe", PROBE, "--option",
                                     f"{PROBE}.{option}")  # fmt: skip
    assert code == 2
    assert said in " ".join(told.split())
    assert "Traceback" not in told


def test_a_model_without_a_head_is_told_how_to_train_one(tiny_encoder, pairs):
    from subprobe.analysis.configuration.config import ProbeOptions

    with pytest.raises(CheckpointError, match="train one: subprobe finetune with `task` mlm"):
        probe_rows(str(tiny_encoder), None, ProbeOptions(names=(PROBE,)), corpus=None, task=None,
                   split=None, progress=Silent())  # fmt: skip


def test_files_decide_the_output(pairs, tmp_path):
    options = find_probe(PROBE).options.model_validate({"files": (pairs,)})
    assert list(options.inputs()) == ["own.csv"]
    before = options.inputs()
    with open(pairs, "a") as stream:
        stream.write("A dog.,A dogs.,b\n")
    assert options.inputs() != before
