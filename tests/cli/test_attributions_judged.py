"""`faithfulness` and `plausibility` from the command line, and what they refuse in one line."""

import pandas as pd
import pytest
from tiny import tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder

OWN = ["--column", "first=text", "--column", "label=side"]
SCORE = ["--column", "first=text", "--column", "score=how"]
WHY = ["--column", "rationale=why"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A task with rationales, and tiny classifiers with untrained heads."""
    folder = tmp_path_factory.mktemp("judged")
    for name, labels in (("model", 2), ("score", 1)):
        model = tiny_model("bert", "classification", num_labels=labels)
        model.config.id2label = dict(enumerate(("left", "right")[:labels]))
        model.config.label2id = {name: i for i, name in model.config.id2label.items()}
        model.save_pretrained(folder / name)
        tiny_tokenizer("wordpiece").save_pretrained(folder / name)
    save_tiny_encoder(folder / "bare")
    (folder / "toy").mkdir()
    for split in ("train", "validation"):
        lines = ["text,side,why,how"]
        lines += [
            f"The cats saw {word} dogs.,{('left', 'right')[n % 2]},{why},{n}.5"
            for n, (word, why) in enumerate([("no", "0 1 0 0 1"), ("two", "cats"), ("my", "")] * 2)
        ]
        (folder / "toy" / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def probe(place, name, *more, model="model", own=OWN):
    return [
        "probe", place / model, "--probe", name, "--task", "toy", "--data-dir", place / "toy",
        *own, "--quiet", *more,
    ]  # fmt: skip


def test_both_write_rows_with_nulls_and_directions(subprobe_command, place, tmp_path):
    both = [*probe(place, "faithfulness", own=[*OWN, *WHY]), "--probe", "plausibility"]
    both += [f"--option={name}.method=saliency" for name in ("faithfulness", "plausibility")]
    both += ["--option", "faithfulness.sensitivity_draws=1", "--option", "faithfulness.seed=3"]
    code, _, err = subprobe_command(*both, "--out", tmp_path / "rows.csv")
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "rows.csv")
    n = rows.groupby("probe")[["n", "n_dropped"]].max()
    assert n.loc["faithfulness"].tolist() == [6, 0]
    assert n.loc["plausibility"].tolist() == [4, 2]
    assert rows["better"].isin(["higher", "lower"]).all()
    tested = rows[rows["relation"].isna() & rows["baseline"].notna()]
    # four texts are too few for a test
    few = tested[tested["probe"] == "plausibility"]
    assert few["p_value"].isna().all()
    assert set(few["flag"]) == {"smallest p is 0.125: 4 texts; 6 are needed"}
    # and six are too few for seven tests
    faithful = tested[tested["probe"] == "faithfulness"]
    assert set(faithful["family_size"]) == {7}
    assert set(faithful["flag"]) == {
        "smallest possible corrected p is 0.219: 7 tests, each with p >= 0.0312"
    }


@pytest.mark.parametrize(
    ("name", "given", "option", "said"),
    [
        ("faithfulness", {"model": "bare"}, "", "has no classifier of texts"),
        ("faithfulness", {"model": "score", "own": SCORE}, "", "predicts a number"),
        ("faithfulness", {}, "method=lime", "attribution method 'lime'"),
        ("faithfulness", {}, "method=deeplift", "deeplift is not supported"),
        ("faithfulness", {}, "removal=blank", "got 'blank'"),
        ("faithfulness", {}, "infidelity_radius=2.0", "must be <= 1"),
        ("plausibility", {}, "", "no human rationale; name the column"),
        (
            "plausibility",
            {"own": [*OWN, "--column", "rationale=how"]},
            "",
            "does not occur in the text",
        ),
    ],
)
def test_bad_input_is_one_line(subprobe_command, place, tmp_path, name, given, option, said):
    more = ["--option", f"{name}.{option}"] if option else []
    arguments = probe(place, name, *more, "--out", tmp_path / "rows.csv", **given)
    code, out, err = subprobe_command(*arguments)
    lines = err.splitlines()
    assert (code, out) == (2, ""), err
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert not list(tmp_path.iterdir())
