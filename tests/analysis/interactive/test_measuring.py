"""What is called from Python gives what the steps behind it give, and refuses what they refuse."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from subprobe.analysis.configuration.mask_options import PruneOptions
from subprobe.analysis.interactive.comparison import compare
from subprobe.analysis.interactive.measuring import evaluate, probe
from subprobe.analysis.interactive.searching import search
from subprobe.analysis.single.loaded import load_model
from subprobe.analysis.steps.selection import find_good
from subprobe.data.errors import (
    CheckpointError,
    ConfigError,
    DataFileError,
    InputError,
    MaskError,
    SubprobeWarning,
    UnknownNameError,
)
from subprobe.data.sentences.annotate import split_words
from subprobe.data.sentences.sentence import Example, Sentence, plain_sentence
from subprobe.data.tasks.by_name import load_task
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.training.evaluate import evaluate as evaluate_examples
from subprobe.probes.forward.base import Context
from subprobe.probes.named import run_named_probes
from subprobe.pruning.controls import random_like
from subprobe.pruning.search.plan import Rule
from tiny import CORPUS, tiny_model, tiny_tokenizer

SIZES = {"train": 48, "validation": 16, "test": 60}


def save_classifier(folder, *, named=True):
    """A random classifier of the embedded task, fine-tuned by nobody."""
    # of this seed it is better than the majority on the selection examples
    model = tiny_model("bert", "classification", seed=30)
    if named:
        model.config.id2label = {0: "unacceptable", 1: "acceptable"}
        model.config.label2id = {"unacceptable": 0, "acceptable": 1}
    model.save_pretrained(folder)
    tiny_tokenizer("wordpiece").save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def task():
    return load_task("acceptability", sizes=SIZES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_classifier(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def model(folder, task):
    return load_model(folder, task)


@pytest.fixture(scope="module")
def good(model):
    return search(model, keep=0.6)


@pytest.fixture(scope="module")
def random(good):
    return random_like(good, seed=1)


def sentences(task):
    """Sentences with gold trees."""
    return [example.first for example in task.splits["test"]][:24]


# -- load -----------------------------------------------------------------------------------------


def test_a_model_knows_its_task_and_its_anatomy(model, folder):
    assert model.spec.labels == ("unacceptable", "acceptable")
    assert len(model.parts.report) == SIZES["test"]
    assert (model.anatomy.num_layers, model.anatomy.num_heads) == (2, 4)
    assert repr(model) == (f"LoadedModel({folder}: bert, 2 layers of 4 heads, task acceptability)")
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.name = "other"


def test_without_a_task_there_is_nothing_to_score(folder):
    encoder = load_model(folder)
    assert encoder.spec is None
    assert "task" not in repr(encoder)
    for call in (evaluate, search):
        with pytest.raises(InputError, match="loaded without a task"):
            call(encoder)
    with pytest.raises(InputError, match="loaded without a task"):
        probe(encoder, "attributions")


def test_what_is_to_be_told_is_a_warning(tmp_path, task):
    nameless = save_classifier(tmp_path / "nameless", named=False)
    with pytest.warns(SubprobeWarning, match="classes are matched by position"):
        loaded = load_model(nameless, task)
    assert set(evaluate(loaded).to_frame()["flag"]) == {"classes-by-place"}
    given = {"unacceptable": "LABEL_1", "acceptable": "LABEL_0"}
    with pytest.warns(SubprobeWarning, match="classes matched as specified"):
        swapped = load_model(nameless, task, labels=given)
    one, other = (evaluate(m).to_frame().iloc[0]["value"] for m in (loaded, swapped))
    assert one == pytest.approx(1 - other)


def test_bad_names_and_lengths_are_refused(folder, tmp_path):
    with pytest.raises(CheckpointError):
        load_model(str(tmp_path / "nothing"))
    with pytest.raises(UnknownNameError, match="unknown task"):
        load_model(folder, "acceptabilty")
    with pytest.raises(ConfigError, match="positions"):
        load_model(folder, max_length=1000)


# -- search ---------------------------------------------------------------------------------------


def test_search_is_the_search_of_the_command(model, good):
    options = PruneOptions(keep=0.6)
    same = find_good(
        model.model, model.tokenizer, model.parts, options, max_length=model.max_length,
        seeds=(0, 0), model_name=model.name,
    )  # fmt: skip
    assert good == same
    assert (good.n_heads, good.n_mlps) == (5, 1)
    assert [record["step"] for record in good.history] == list(range(len(good.history)))


def test_a_rule_or_a_size(model):
    held = search(model, rule=Rule("absolute", 0.01), method="structured-heads")
    assert held.history[0]["rule"] == "absolute"
    assert held.method == "structured-heads"
    with pytest.raises(ConfigError, match="omit one"):
        search(model, rule=Rule(), keep=0.5)
    with pytest.raises(ConfigError, match="keep"):
        search(model, keep=2.0)
    with pytest.raises(ConfigError, match="methods"):
        search(model, method="magic")


# -- evaluate -------------------------------------------------------------------------------------


def test_scores_are_those_of_the_examples(model, good):
    measured = evaluate(model, good)
    found = evaluate_examples(
        model.model, model.tokenizer, model.parts.report, model.spec, subnetwork=good,
        max_length=model.max_length,
    )  # fmt: skip
    frame = measured.to_frame().set_index("metric")
    assert frame["value"].to_dict() == pytest.approx(found.metrics)
    assert set(frame["kind"]) == {"good"}
    assert set(frame["mask_id"]) == {good.mask_id}
    items = measured.items()
    assert (items["prediction"] == items["gold"]).mean() == frame["value"]["accuracy"]
    assert "performance" in repr(measured)
    assert measured.probes == ("performance",)


def test_a_mask_of_other_weights_is_refused(model, good):
    other = good.with_meta(fingerprint="0" * 64)
    for call in (evaluate, lambda *args: probe(args[0], "norms", CORPUS, mask=args[1])):
        with pytest.raises(MaskError, match="other weights"):
            call(model, other)
    assert evaluate(model, other, other_weights=True).about["kind"] == "good"
    with pytest.warns(SubprobeWarning, match="does not record the weights"):
        evaluate(model, good.with_meta(fingerprint=""))


def test_frames_are_copies_and_results_are_frozen(model):
    measured = evaluate(model)
    for frame in (measured.to_frame(), measured.items()):
        frame[:] = pd.NA
    assert (measured.to_frame()["value"] > 0).any()
    assert measured.items()["gold"].any()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(measured, "read", "")  # noqa: B010
    page = measured._repr_html_()
    assert "accuracy" in page
    assert "layer_b" not in page  # columns that no row fills


# -- probe ----------------------------------------------------------------------------------------


def test_texts_give_what_the_probe_gives(model, good):
    measured = probe(model, "attention-stats", CORPUS, mask=good)
    context = Context(model.model, model.tokenizer, anatomy_of(model.model), good)
    words = split_words([plain_sentence(str(n), text) for n, text in enumerate(CORPUS, 1)])
    examples = [Example(one.id, one) for one in words]
    (result,) = run_named_probes(context, examples, ["attention-stats"])
    assert np.array_equal(
        measured.to_frame()["value"].to_numpy(float, na_value=-1),
        result.to_frame()["value"].to_numpy(float, na_value=-1),
    )
    dead = measured.to_frame().query("unit == 'head' and value.isna()")
    heads = set(zip(dead["layer"], dead["head"], strict=True))
    assert heads == set(map(tuple, np.argwhere(~good.head_mask).tolist()))


def test_several_probes_and_every_kind_of_corpus(model, task, tmp_path):
    trees = sentences(task)
    measured = probe(model, ["dependency-heads", "rollout"], trees)
    assert measured.probes == ("dependency-heads", "rollout")
    assert set(measured.to_frame()["annotation"]) == {"gold"}
    path = tmp_path / "two.conllu"
    path.write_text(
        "1\tCats\tcat\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tsleep\tsleep\tVERB\t_\t_\t0\troot\t_\t_\n\n"
        "1\tDogs\tdog\tNOUN\t_\t_\t2\tnsubj\t_\t_\n2\tbark\tbark\tVERB\t_\t_\t0\troot\t_\t_\n\n",
        encoding="utf-8",
    )
    assert set(probe(model, "attention-stats", path).to_frame()["corpus"]) == {"two.conllu"}
    shipped = probe(model, "attention-stats", sentences=5)
    assert set(shipped.to_frame()["corpus"]) == {"natural"}
    assert shipped.items()["sentence_id"].nunique() == 5
    own = probe(model, "attention-stats", None, examples=6)
    assert set(own.to_frame()["corpus"]) == {"acceptability/test"}
    assert own.items()["sentence_id"].nunique() == 6


def test_a_probe_of_the_task_reads_its_examples(model):
    measured = probe(model, "attributions", examples=4, options={"attributions": {"n_steps": 4}})
    frame = measured.to_frame()
    assert set(frame["corpus"]) == {"acceptability"}
    assert set(frame["split"]) == {"test"}
    assert "attribution_share" in set(frame["metric"])


def test_a_reference_is_compared_with(model, folder, task):
    trees = sentences(task)
    found = probe(model, "attention-change", trees, reference=folder).to_frame()
    alike = found[found["metric"] == "attention_cosine"]["value"]
    assert np.allclose(alike.astype(float), 1.0, atol=1e-5)
    with pytest.raises(ConfigError, match="none of the chosen probes compares models"):
        probe(model, "norms", trees, reference=folder)


def test_bad_corpora_and_names_are_refused(model, tmp_path):
    with pytest.raises(UnknownNameError, match="attention-stats"):
        probe(model, "attention-stat", CORPUS)
    with pytest.raises(DataFileError):
        probe(model, "attention-stats", tmp_path / "nothing.conllu")
    twice = [Sentence("a", ("Cats", "sleep")), Sentence("a", ("Dogs", "bark"))]
    with pytest.raises(InputError, match="two sentences have the same id"):
        probe(model, "attention-stats", twice)
    with pytest.raises(InputError, match="no sentences"):
        probe(model, "attention-stats", [])
    with pytest.raises(UnknownNameError, match="option"):
        probe(model, "norms", CORPUS, options={"norms": {"no_such": 1}})


# -- compare --------------------------------------------------------------------------------------


def test_scores_differ_by_mcnemar(model, good, random):
    first, second = evaluate(model, good), evaluate(model, random)
    line = compare(first, second).to_frame().set_index("metric").loc["accuracy"]
    right = [
        measured.items()["prediction"].eq(measured.items()["gold"]) for measured in (first, second)
    ]
    assert line["difference"] == pytest.approx(right[0].mean() - right[1].mean())
    assert line["n"] == SIZES["test"]
    # examples of one minimal set are one unit, so that the exact test is that of clusters
    assert line["n_clusters"] < line["n"]
    assert line["test"] == "signs of clusters, exact"
    # a p-value, or why there is none
    assert pd.notna(line["p_value"]) != pd.notna(line["flag"])


def test_examples_that_stand_alone_take_the_exact_test(model, good, random):
    apart = dataclasses.replace(
        model.parts,
        report=tuple(dataclasses.replace(one, cluster="") for one in model.parts.report),
    )
    alone = dataclasses.replace(model, task=apart)
    first, second = evaluate(alone, good), evaluate(alone, random)
    line = compare(first, second).to_frame().set_index("metric").loc["accuracy"]
    a, b = (m.items()["prediction"].eq(m.items()["gold"]) for m in (first, second))
    only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
    assert only_a + only_b >= 6
    assert line["p_value"] == pytest.approx(binomtest(only_a, only_a + only_b).pvalue)
    assert line["test"] == "McNemar, exact"


def test_probes_differ_over_the_heads_that_live_in_both(model, good, random, task):
    first, second = (
        probe(model, "attention-stats", sentences(task), mask=m) for m in (good, random)
    )
    table = compare(first, second).to_frame()
    line = table.set_index("metric").loc["attention_entropy"]
    both = {tuple(at) for at in np.argwhere((good & random).head_mask).tolist()}
    values = []
    for measured in (first, second):
        items = measured.items()
        items = items[items["metric"] == "attention_entropy"]
        kept = [pair in both for pair in zip(items["layer"], items["head"], strict=True)]
        items = items[kept]
        if items["numerator"].notna().any():
            values.append(items["numerator"].sum() / items["denominator"].sum())
        else:
            values.append(items["score"].mean())
    assert (line["value_a"], line["value_b"]) == pytest.approx(tuple(values), rel=1e-5)
    assert line["difference"] == pytest.approx(values[0] - values[1], abs=1e-6)
    assert line["test"] == "exchanged sentences"
    assert line["family_size"] == table["p_value"].notna().sum()
    assert (table["p_adjusted"].dropna() >= table["p_value"].dropna() - 1e-12).all()
    looser = compare(first, second, correction="fdr_bh").to_frame()
    assert set(looser["correction"].dropna()) == {"Benjamini-Hochberg"}


def test_a_model_does_not_differ_from_itself(model, good):
    measured = evaluate(model, good)
    table = compare(measured, measured).to_frame()
    assert (table["difference"] == 0).all()
    assert table["ci_low"].isna().all()
    assert table["flag"].str.contains("same mask").all()


def test_only_the_same_items_are_compared(model, good, task):
    trees = sentences(task)
    some = probe(model, "attention-stats", trees[:10], mask=good)
    with pytest.raises(InputError, match="are of different examples"):
        compare(some, probe(model, "attention-stats", trees[1:11], mask=good))
    with pytest.raises(InputError, match="are of different examples"):
        compare(some, evaluate(model))
    with pytest.raises(InputError, match="nothing in common"):
        compare(some, probe(model, "rollout", trees[:10], mask=good))
    with pytest.raises(UnknownNameError, match="correction"):
        compare(some, some, correction="bonferroni")


@pytest.mark.slow
def test_every_probe_draws_every_metric(model, folder, task):
    from subprobe.probes.registry import list_probes

    mask = search(model, keep=0.5)
    left = {"flow", "hidden-token-attribution", "token-identifiability"}  # these take long
    left.add("plausibility")  # no shipped task has human rationales
    trees, drawn = sentences(task)[:8], 0
    for entry in list_probes():
        if entry.name in left:
            continue
        if "language-model-head" in entry.further:
            continue  # the model has the head of a task; see test_language_probes.py
        if "choices" in entry.further:
            continue  # the task has no multiple-choice questions
        if "named-classes" in entry.further:
            continue  # they need files, or a task of entailment; see tests/probes/challenge
        other = folder if entry.name == "attention-change" else None
        measured = probe(model, entry.name, trees, mask=mask, examples=2, reference=other)
        for metric in (None, *dict.fromkeys(measured.to_frame()["metric"])):
            spec = measured.plot(metric).to_dict()
            assert any(spec["datasets"].values()), (entry.name, metric)
            drawn += 1
    assert drawn > 100
    chart = compare(evaluate(model, mask), evaluate(model)).plot().to_dict()
    (values,) = chart["datasets"].values()
    assert [set(one) >= {"difference", "ci_low"} for one in values] == [True]
    assert isinstance(compare(evaluate(model, mask), evaluate(model)).to_frame(), pd.DataFrame)
