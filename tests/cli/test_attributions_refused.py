"""What probes that attribute predictions refuse: one line, and the exit code of bad input."""

import json

import pytest
from tiny import tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder

OWN = ["--column", "first=text", "--column", "label=side"]
SCORE = ["--column", "first=text", "--column", "score=how"]
PROBES = ("attributions", "head-attributions", "faithfulness")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A task of single sentences, and tiny models that fit it and do not."""
    folder = tmp_path_factory.mktemp("refused")

    def save(name, family="bert", labels=2, meta=None):
        model = tiny_model(family, "classification", num_labels=labels)
        model.config.id2label = dict(enumerate(("left", "right")[:labels]))
        model.config.label2id = {name: i for i, name in model.config.id2label.items()}
        model.save_pretrained(folder / name)
        tiny_tokenizer("wordpiece").save_pretrained(folder / name)
        if meta:
            (folder / name / "subprobe.json").write_text(json.dumps(meta))

    save("model")
    save("score", labels=1)
    save("mrpc", meta={"task": "mrpc", "pair": True})
    save("pairs", meta={"task": "toy", "pair": True})
    save("shared", family="albert")
    save_tiny_encoder(folder / "bare")
    (folder / "toy").mkdir()
    first = ("The cats saw no dogs.", "antimanuscripts saw my two cats.")
    for split in ("train", "validation"):
        lines = ["text,side,how"]
        lines += [f"{first[n % 2]},{('left', 'right')[n % 2]},{n}.5" for n in range(4)]
        (folder / "toy" / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def refused(command, place, tmp_path, probe, *options, model="model", own=OWN):
    """The one line that a command which cannot run says."""
    code, out, err = command(
        "probe", place / model, "--probe", probe, "--task", "toy", "--data-dir", place / "toy",
        *own, "--quiet", *options, "--out", tmp_path / "rows.csv",
    )  # fmt: skip
    assert (code, out) == (2, ""), err
    said = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1
    assert err.splitlines()[-1] == said[0]
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
    return said[0]


@pytest.mark.parametrize("probe", PROBES)
def test_models_and_examples_that_cannot_be_attributed(subprobe_command, place, tmp_path, probe):
    def said(*options, **given):
        return refused(subprobe_command, place, tmp_path, probe, *options, **given)

    assert "has no classifier of texts" in said(model="bare")
    number = said(model="score", own=SCORE)
    assert "regression head" in number or "predicts a number" in number
    assert "was fine-tuned on mrpc, not on toy" in said(model="mrpc")
    pairs = said(model="pairs")
    assert "was fine-tuned on pairs of sentences, but toy has single sentences" in pairs
    cut = said("--max-length", 3)
    assert "truncation left no whole word" in cut
    assert "validation" in cut


@pytest.mark.parametrize(
    ("probe", "option", "told", "model"),
    [
        ("attributions", "method=lime", "attribution method 'lime'", "model"),
        ("attributions", "method=deeplift", "its rules do not cover the activations", "model"),
        (
            "attributions",
            "method=layer-conductance",
            "cannot separate the layers of albert",
            "shared",
        ),
        (
            "faithfulness",
            "method=layer-conductance",
            "cannot separate the layers of albert",
            "shared",
        ),
        ("attributions", "target=2", "got 2", "model"),
        ("head-attributions", "methods=lime", "got 'lime'", "model"),
        ("head-attributions", "target=2", "the classes of this model are 0 to 1", "model"),
        ("head-attributions", "tolerance=-1.0", "must be >= 0", "model"),
    ],
)
def test_methods_and_classes_that_there_are_not(
    subprobe_command, place, tmp_path, probe, option, told, model
):
    options = ("--option", f"{probe}.{option}")
    assert told in refused(subprobe_command, place, tmp_path, probe, *options, model=model)
