"""`attack` from the command line: rows, items with texts, masks, and what is refused."""

import pandas as pd
import pytest
from model_state import half_of
from subprobe.models.checkpoint.checkpoint import load_encoder
from subprobe.models.encoder.fingerprint import weights_fingerprint
from tiny import tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder

OWN = ["--column", "first=text", "--column", "label=side"]
SCORE = ["--column", "first=text", "--column", "score=how"]
METRICS = {
    "accuracy_before",
    "accuracy_after",
    "success_rate",
    "words_changed",
    "queries",
    "skipped",
}
EXCHANGED = {"accuracy_on_full_attacks", "full_accuracy_on_attacks"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A task, tiny classifiers with untrained heads, an encoder and vectors."""
    folder = tmp_path_factory.mktemp("attacked")
    for name, labels in (("model", 2), ("score", 1)):
        model = tiny_model("bert", "classification", num_labels=labels)
        model.config.id2label = dict(enumerate(("left", "right")[:labels]))
        model.config.label2id = {name: i for i, name in model.config.id2label.items()}
        model.save_pretrained(folder / name)
        tiny_tokenizer("wordpiece").save_pretrained(folder / name)
    save_tiny_encoder(folder / "bare")
    (folder / "toy").mkdir()
    for split in ("train", "validation"):
        lines = ["text,side,how"]
        lines += [
            f"The {noun} dog saw the old house.,{side},{n}.5"
            for n, (noun, side) in enumerate(
                (noun, side)
                for noun in ("lazy", "quick", "brown", "long")
                for side in ("left", "right")
            )
        ]
        (folder / "toy" / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "vectors.txt").write_text("dog 1 0\ncat 1 0.1\nhouse 0 1\nhome 0.1 1\n")
    (folder / "damaged.txt").write_text("dog 1 0\ncat 1\n")
    return folder


def probe(place, *more, model="model", own=OWN, encoder="bare"):
    return [
        "probe", place / model, "--probe", "attack", "--task", "toy", "--data-dir", place / "toy",
        *own, "--quiet", "--option", f"attack.encoder={place / encoder}", *more,
    ]  # fmt: skip


def test_rows_have_intervals_and_items_keep_the_texts(subprobe_command, place, tmp_path):
    code, _, err = subprobe_command(*probe(place, "--out", tmp_path / "out"))
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "out" / "attack.csv").set_index("metric")
    assert set(rows.index) == METRICS
    value = rows["value"]
    # every text is there once with each label
    assert value["accuracy_before"] == value["skipped"] == 0.5
    assert value["accuracy_after"] == pytest.approx(0.5 * (1 - value["success_rate"]))
    assert rows["variant"].str.endswith("not the published setting").all()
    assert rows["variant"].str.startswith("candidates=wordnet;count=50;procedure=authors").all()
    assert rows.loc["accuracy_after", "better"] == "higher"
    assert rows.loc["success_rate", "better"] == "lower"
    assert rows.loc["success_rate", ["n", "n_dropped"]].tolist() == [4, 4]
    # 1 + 7 words + candidates
    assert value["queries"] > 8
    assert rows.loc["accuracy_before", "ci_method"].startswith("percentile bootstrap")
    items = pd.read_parquet(tmp_path / "out" / "items.parquet")
    texts = items[items["metric"].str.endswith("_text")]
    assert len(texts)
    assert texts["numerator"].isna().all()
    before, after = (
        texts[texts["metric"] == name].set_index("item_id")["relation"]
        for name in ("original_text", "adversarial_text")
    )
    assert (before != after).all()
    assert after.str.endswith(".").all()


def test_a_mask_and_the_full_model_exchange_texts(subprobe_command, place, tmp_path):
    mask = place / "mask.safetensors"
    model = load_encoder(str(place / "model"))
    half_of(model).with_meta(fingerprint=weights_fingerprint(model)).save(mask)
    code, _, err = subprobe_command(*probe(place, "--mask", mask, "--out", tmp_path / "rows.csv"))
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "rows.csv").set_index("metric")
    assert set(rows.index) == METRICS | EXCHANGED
    assert (rows.loc[list(EXCHANGED), "baseline"] == "original texts").all()


def test_the_published_setting_has_no_label(subprobe_command, place, tmp_path):
    own = ["--option", "attack.candidates=vectors"]
    own += ["--option", f"attack.vectors={place / 'vectors.txt'}"]
    code, _, err = subprobe_command(*probe(place, *own, "--out", tmp_path / "rows.csv"))
    assert code == 0, err
    rows = pd.read_csv(tmp_path / "rows.csv").set_index("metric")
    assert not rows["variant"].str.contains("not the published").any()
    assert rows["variant"].str.startswith("candidates=vectors:vectors.txt;count=50").all()
    assert not rows["variant"].str.contains(str(place)).any()
    # 1 + 7 words + home, cat
    assert rows.loc["queries", "value"] <= 10


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ({"model": "bare"}, [], "has no classifier of texts"),
        ({"model": "score", "own": SCORE}, [], "predicts a number"),
        ({}, ["candidates=vectors"], "needs a file: vectors=FILE"),
        ({}, ["candidates=vectors", "vectors=damaged.txt"], "line 2 has 1 numbers instead of 2"),
        ({}, ["candidates=vectors", "vectors=none.txt"], "no such file"),
        ({}, ["vectors=vectors.txt"], "candidates=wordnet reads no vectors"),
        ({}, ["language_model=bare"], "candidates=wordnet uses no language model"),
        ({}, ["candidates=glove"], "pip install 'subprobe[attack]'"),
        ({}, ["candidates=mlm"], "has no masked-LM head"),
        ({}, ["candidates=wordlist"], "got 'wordlist'"),
        ({"encoder": "nowhere"}, [], "no such model folder"),
        ({}, ["pipeline=xx_none"], "no installed spaCy pipeline xx_none"),
    ],
)
def test_bad_input_is_one_line(
    subprobe_command, place, tmp_path, monkeypatch, given, options, said
):
    monkeypatch.chdir(place)
    more = [part for option in options for part in ("--option", f"attack.{option}")]
    arguments = probe(place, *more, "--out", tmp_path / "rows.csv", **given)
    code, out, err = subprobe_command(*arguments)
    lines = err.splitlines()
    assert (code, out) == (2, ""), err
    assert lines[-1].startswith("error: ")
    assert said in lines[-1]
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert not list(tmp_path.iterdir())
