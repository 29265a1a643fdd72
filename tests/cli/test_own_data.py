"""What the commands say of a user's own files, and which options read them."""

import json

import pandas as pd
import pytest

COLUMNS = ("--column", "first=text", "--column", "label=side")


def write(folder, split, rows, suffix="csv"):
    folder.mkdir(exist_ok=True)
    frame = pd.DataFrame(rows)
    if suffix == "parquet":
        frame.to_parquet(folder / f"{split}.parquet")
    else:
        frame.to_csv(
            folder / f"{split}.{suffix}", sep="\t" if suffix == "tsv" else ",", index=False
        )


@pytest.fixture
def pairs(tmp_path):
    """Forty pairs of ten premises, four of them without a gold label, and a missing text."""
    folder = tmp_path / "nli"
    rows = [
        {"p": f"The cats saw {n // 4}.", "h": f"Dogs{' sleep' * (n % 3)} {n}.",
         "y": ("yes", "no", "maybe")[n % 3]}
        for n in range(40)
    ]  # fmt: skip
    for place, mark in ((3, "-"), (11, "-"), (12, ""), (30, "-")):
        rows[place]["y"] = mark
    write(folder, "train", rows)
    write(folder, "dev", rows[:12])
    return ["--task", "nli", "--data-dir", folder, "--column", "first=p", "--column", "second=h",
            "--column", "label=y", "--column", "group=p"]  # fmt: skip


def said(err):
    return " ".join(err.split())


def test_what_was_read_is_shown_recorded_and_printed(
    subprobe_command, pairs, tiny_encoder, tmp_path
):
    code, out, err = subprobe_command(
        "finetune", *pairs, tiny_encoder, "--epochs", 0.2, "--json", "--out",
        tmp_path / "m", "--max-length", 15,
    )  # fmt: skip
    assert code == 0, err
    text = said(err)
    assert (
        "train: 40 rows read, 4 left out (3 without a label ('-'), 1 without a label (empty)), "
        "36 examples, 10 groups, 3 of them in other splits as well classes: no 13, maybe 12, yes 11"
    ) in text
    assert "validation: 12 rows read, 2 left out (without a label ('-')), 10 examples" in text
    assert "--as-classes" in text
    assert "reported on 10 (validation)" in text
    assert "baseline: majority (always no) scores accuracy 0.400, matthews 0.000" in text
    assert "read as: The cats saw 0. | Dogs 0. -> yes" in text
    assert text.index("read as") < text.index("fine-tuning on nli")
    data = json.loads(out)["data"]
    assert data["splits"]["train"]["left_out"] == {
        "without a label (empty)": 1,
        "without a label ('-')": 3,
    }
    assert data["splits"]["train"]["classes"] == {"maybe": 12, "no": 13, "yes": 11}
    assert data["first_examples"][1] == {
        "texts": ["The cats saw 0.", "Dogs sleep 1."],
        "label": "no",
    }
    assert data["subwords"]["examples"] == 46
    assert 0 < data["subwords"]["cut"] < 46
    assert f"{data['subwords']['cut']} of 46 examples are cut at 15" in text
    recorded = json.loads((tmp_path / "m" / "subprobe.json").read_text("utf-8"))["data"]
    assert recorded == {name: value for name, value in data.items() if name != "first_examples"}
    # groups stay whole where a part of train is set aside
    code, _, err = subprobe_command("evaluate", tmp_path / "m", *pairs, "--json")
    assert code == 0, err
    assert "validation: 2 of 12 rows left out, without a label ('-')" in said(err)
    assert "was fine-tuned on a different training part" not in err
    # without the groups, other examples are set aside
    code, _, err = subprobe_command("evaluate", tmp_path / "m", *pairs[:-2], "--json")
    assert code == 0, err
    assert "was fine-tuned on a different training part than the one defined" in said(err)


def test_data_shows_the_same_and_trains_nothing(subprobe_command, pairs, tiny_encoder, tmp_path):
    told = ["data", *pairs, tiny_encoder, "--max-length", 15]
    code, out, err = subprobe_command(*told)
    assert (code, err) == (0, "")
    assert "40 rows read, 4 left out (3 without a label ('-'), 1 without a label (empty))" in out
    code, out, _ = subprobe_command(*told, "--json")
    assert code == 0
    found = json.loads(out)
    code, out, _ = subprobe_command(
        "finetune", *pairs, tiny_encoder, "--max-length", 15, "--epochs", 0.1, "--quiet",
        "--json", "--out", tmp_path / "m",
    )  # fmt: skip
    assert json.loads(out)["data"] == found


def test_quiet_says_nothing_of_the_data(subprobe_command, pairs, tiny_encoder, tmp_path):
    code, out, err = subprobe_command(
        "finetune", *pairs, tiny_encoder, "--epochs", 0.1, "--quiet", "--json", "--out",
        tmp_path / "m",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert json.loads(out)["data"]["task"] == "nli"


def test_control_characters_of_the_data_do_not_reach_the_screen(
    subprobe_command, tiny_encoder, tmp_path
):
    rows = [{"text": f"a\x1b[31m\u202e\x07 {n}", "side": "ab"[n % 2]} for n in range(20)]
    for split in ("train", "validation"):
        write(tmp_path / "own", split, rows, "parquet")
    code, _, err = subprobe_command(
        "finetune", "--task", "own", "--data-dir", tmp_path / "own", *COLUMNS,
        tiny_encoder, "--epochs", 0.1, "--out", tmp_path / "m",
    )  # fmt: skip
    assert code == 0, err
    assert r"read as: a\x1b[31m\u202e\x07 0 -> a" in said(err)
    assert not set(err) & {"\x1b", "\u202e", "\x07"}


@pytest.fixture
def ratings(tmp_path):
    folder = tmp_path / "ratings"
    rows = [{"text": f"cats {n} dogs", "stars": n / 7 - 1} for n in range(40)]
    rows[5]["stars"] = None
    for split in ("train", "validation"):
        write(folder, split, rows)
    return ["--task", "ratings", "--data-dir", folder, "--column", "first=text"]


def test_numbers_are_predicted_with_score(subprobe_command, ratings, tiny_encoder, tmp_path):
    model = tmp_path / "m"
    told = [*ratings, "--column", "score=stars"]
    code, out, err = subprobe_command(
        "finetune", *told, tiny_encoder, "--epochs", 1, "--out", model
    )
    assert code == 0, err
    assert "39 examples scores: lowest -1," in said(err)
    assert "baseline: mean (always" in said(err)
    code, _, err = subprobe_command("prune", model, *told, "--out", tmp_path / "g.safetensors")
    assert code == 0, err
    code, out, err = subprobe_command(
        "evaluate", model, *told, "--mask", tmp_path / "g.safetensors", "--json"
    )
    assert code == 0, err
    assert {row["metric"] for row in json.loads(out)} == {"pearson", "spearman"}
    assert {row["n"] for row in json.loads(out)} == {39}


def test_numbers_are_no_classes_unless_that_is_said(
    subprobe_command, ratings, tiny_encoder, tmp_path
):
    told = ["finetune", *ratings, "--column", "label=stars", tiny_encoder, "--quiet",
            "--epochs", 0.1, "--out", tmp_path / "m"]  # fmt: skip
    code, _, err = subprobe_command(*told)
    assert code == 2
    assert "38 different numbers" in err  # -1 marks a missing label
    assert "score=" in err
    assert "--as-classes" in err
    assert not (tmp_path / "m").exists()
    code, _, err = subprobe_command(*told, "--as-classes")
    assert code == 0, err
    config = json.loads((tmp_path / "m" / "config.json").read_text("utf-8"))
    assert len(config["id2label"]) == 39


def test_quotes_are_read_as_asked_for(subprobe_command, tiny_encoder, tmp_path):
    rows = [{"text": f'He said "no" {n}.', "side": "ab"[n % 2]} for n in range(20)]
    for split in ("train", "validation"):
        write(tmp_path / "own", split, rows, "tsv")
    told = ["finetune", "--task", "own", "--data-dir", tmp_path / "own", *COLUMNS,
            tiny_encoder, "--epochs", 0.1]  # fmt: skip
    _, _, err = subprobe_command(*told, "--out", tmp_path / "a")
    assert "quotes around cells removed" in said(err)
    assert 'read as: He said "no" 0. -> a' in said(err)
    _, _, err = subprobe_command(*told, "--quotes", "literal", "--out", tmp_path / "b")
    assert 'read as: "He said ""no"" 0." -> a' in said(err)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["frist=text"], "--column frist=text is not of the form role=name; the roles are first, "
         "second, context, question, options, type, group, rationale, counterfactual, "
         "counterfactual_second, label, score"),
        (["first=text", "first=side"], "--column names first twice: text and side"),
        (["first=text"], "first named; name the columns"),
        (["first=text", "label=side", "score=side"], "and label=... or score=..."),
    ],
)  # fmt: skip
def test_wrong_columns_are_one_line(subprobe_command, own, tmp_path, columns, message):
    words = [word for column in columns for word in ("--column", column)]
    for command in (["finetune", "embedded"], ["run"]):
        code, _, err = subprobe_command(*command, *own[:4], *words, "--out", tmp_path / "m")
        assert code == 2
        assert message in err
