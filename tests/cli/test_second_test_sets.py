"""The probes heuristics and challenge from the command line, on checkpoints of any origin."""

import json

import pytest
from probe_cases import CHALLENGE
from subprobe.data.errors import InputError
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

MODELS = {
    "mnli": ("contradiction", "ENTAILMENT", "neutral"),
    "unnamed": ("LABEL_0", "LABEL_1"),
    "sides": ("left", "right"),
    "own": ("not_entailment", "entailment"),
    "number": ("value",),
}
FEW = ("--option", "heuristics.generated=76", "--quiet")
SET = [
    "--option", f"challenge.file={CHALLENGE['file']}",
    "--option", f"challenge.columns={json.dumps(CHALLENGE['columns'])}", "--quiet",
]  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, labels in MODELS.items():
        model = tiny_model("bert", "classification", num_labels=len(labels))
        model.config.id2label = dict(enumerate(labels))
        model.config.label2id = {label: place for place, label in enumerate(labels)}
        model.save_pretrained(folder / name)
        tiny_tokenizer(TOKENIZER_OF["bert"]).save_pretrained(folder / name)
    return folder


def called(*words):
    from subprobe.cli import app
    from typer.testing import CliRunner

    return CliRunner().invoke(app, ["probe", *map(str, words)])


def rows_of(*words):
    done = called(*words, "--json")
    assert done.exit_code == 0, done.output
    return {(row["metric"], row["relation"] or ""): row for row in json.loads(done.stdout)}


def refused(*words):
    """The one line of a refusal, which the command line prints with exit code 2."""
    error = called(*words).exception
    assert isinstance(error, InputError), error
    assert error.exit_code == 2
    assert "\n" not in str(error)
    return str(error)


def test_a_checkpoint_that_names_its_classes_needs_no_task(models):
    rows = rows_of(models / "mnli", "--probe", "heuristics", *FEW)
    overall = rows["reliance", ""]
    assert overall["better"] == "lower"
    assert overall["state"] == "finetuned"
    assert overall["value"] == pytest.approx(
        rows["accuracy_entailed", ""]["value"] - rows["accuracy_non_entailed", ""]["value"]
    )
    assert overall["ci_low"] <= overall["value"] <= overall["ci_high"]
    with_task = rows_of(models / "own", "--probe", "heuristics", "--task", "entailment", *FEW)
    alone = rows_of(models / "own", "--probe", "heuristics", *FEW)
    assert {k: v["value"] for k, v in alone.items()} == {
        k: v["value"] for k, v in with_task.items()
    }


def test_unnamed_classes_are_matched_only_as_specified(models):
    asked = ("--probe", "heuristics", *FEW)
    assert "none is named entailment" in refused(models / "unnamed", *asked)
    assert "cannot be matched by position" in refused(
        models / "unnamed", *asked, "--task", "entailment"
    )
    named = rows_of(
        models / "unnamed", *asked, "--labels", "entailment=LABEL_1,not_entailment=LABEL_0"
    )
    turned = rows_of(models / "unnamed", *asked, "--labels", "LABEL_1=entailment,LABEL_0=other")
    own = rows_of(models / "own", *asked)
    for key, row in own.items():
        assert named[key]["value"] == turned[key]["value"] == row["value"]


@pytest.mark.parametrize(
    ("model", "words", "said"),
    [
        ("sides", (), "the classes are left, right; none is named entailment"),
        ("number", (), "its head predicts a number"),
        ("own", ("--task", "acceptability"), "single sentences"),
        ("own", ("--option", "heuristics.file=no.txt"), "no such file"),
        ("own", ("--option", "heuristics.merging=mean"), "heuristics.merging"),
    ],
)
def test_what_cannot_be_measured_is_refused(models, model, words, said):
    assert said in refused(models / model, "--probe", "heuristics", *FEW, *words)


def test_a_test_set_is_read_beside_the_task(models):
    rows = rows_of(
        models / "own", "--probe", "challenge", "--task", "entailment", "--limit", 8, *SET
    )
    assert rows["accuracy", ""]["corpus"] == "made_challenge.tsv"
    assert rows["report_accuracy", ""]["corpus"] == "entailment"
    assert rows["report_accuracy", ""]["split"] == "test"
    assert rows["accuracy_difference", ""]["value"] == pytest.approx(
        rows["accuracy", ""]["value"] - rows["report_accuracy", ""]["value"]
    )


def test_cut_texts_of_a_test_set_are_told(models):
    done = called(
        models / "own", "--probe", "challenge", "--task", "entailment", "--limit", 8, *SET[:-1],
        "--max-length", 8, "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "challenge cut: " in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no column is named for first and label"),
        (SET[:2], "no column is named for first and label"),
        (SET[2:], "no test set is named"),
        ([*SET[:3], 'challenge.columns=["first=premise","label=gold"]'], "named for second"),
        ([*SET[:3], 'challenge.columns=["first=premise","second=gold","label=kind"]'],
         "the label 'swap' is not a class"),
    ],
)  # fmt: skip
def test_a_test_set_that_does_not_fit_is_refused(models, words, said):
    task = ("--task", "entailment", "--limit", 8)
    assert said in refused(models / "own", "--probe", "challenge", *task, *words)
