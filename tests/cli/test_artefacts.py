"""`subprobe artefacts` and `subprobe groups`: tables, screen and bad input."""

import json

import pandas as pd
import pytest
from tiny_run import save_tiny_encoder

WORDS = ("cats", "dogs", "keys", "tables", "authors")
COLUMNS = ["--column", "first=a", "--column", "second=b", "--column", "label=gold"]
GROUP = ["--column", "group=writer"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs whose second text says `not` in class `no`, and whose writers prefer one class."""
    path = tmp_path_factory.mktemp("made")
    for split, count in (("train", 80), ("validation", 40)):
        lines = ["a,b,gold,writer,number"]
        for n in range(count):
            label = ("no", "yes")[n % 2]
            a, b = (" ".join(WORDS[(n * step + s) % 5] for s in range(3)) for step in (1, 2))
            marked = f"{b} not" if label == "no" and n % 10 else b
            lines.append(f"{a},{marked} by{n % 8},{label},w{n % 8},{n / 7}")
        (path / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_tables_json_and_screen_of_artefacts_agree(subprobe_command, folder, tmp_path):
    call = ("artefacts", "made", "--data-dir", folder, *COLUMNS)
    code, out, err = subprobe_command(*call, "--out", tmp_path / "a")
    assert (code, out) == (0, "")
    assert "4 tables" in err
    names = ("artefacts", "artefacts_examples", "artefacts_words", "artefacts_lengths")
    tables = {name: pd.read_csv(tmp_path / "a" / f"{name}.csv") for name in names}
    assert len(tables["artefacts_examples"]) == 40
    assert tables["artefacts_words"].iloc[0]["word"] == "not"
    code, out, _ = subprobe_command(*call, "--json")
    assert code == 0
    value = json.loads(out)["artefacts"][0]["value"]
    assert value == pytest.approx(tables["artefacts"]["value"].iloc[0])
    code, out, _ = subprobe_command(*call, "--top", 1)
    assert "made · second text alone · validation" in out
    assert "n-grams" in out
    assert subprobe_command(*call, "--out", tmp_path / "b")[0] == 0
    for name in names:
        one, again = ((tmp_path / of / f"{name}.csv").read_bytes() for of in "ab")
        assert one == again


def test_the_encoder_sees_the_same_text(subprobe_command, folder, tmp_path):
    encoder = save_tiny_encoder(tmp_path / "encoder")
    code, out, err = subprobe_command(
        "artefacts", "made", "--data-dir", folder, *COLUMNS, "--encoder", encoder,
        "--epochs", 1, "--limit", 24, "--quiet", "--json",
    )  # fmt: skip
    assert code == 0, err
    found = json.loads(out)
    variants = {row["variant"] for row in found["artefacts"]}
    assert variants == {"second text, n-grams", "second text, encoder"}
    assert len(found["artefacts_examples"]) == 48


def test_tables_and_screen_of_groups_agree(subprobe_command, folder, tmp_path):
    call = ("groups", "made", "--data-dir", folder, *COLUMNS, *GROUP, "--group-folds", 2, "--k", 1,
            "--k", 3)  # fmt: skip
    code, out, err = subprobe_command(*call, "--out", tmp_path / "a")
    assert (code, out) == (0, "")
    assert "2 tables" in err
    rows = pd.read_csv(tmp_path / "a" / "groups.csv")
    assert list(rows["variant"]) == [
        "random", "group-disjoint", "group-disjoint, k=1", "group-disjoint, k=3",
        "random, group given", "predict the group", "random minus group-disjoint",
        "group-disjoint, k=1 minus group-disjoint", "group-disjoint, k=3 minus group-disjoint",
        "random, group given minus random",
    ]  # fmt: skip
    assert rows["value"].notna().all()
    code, out, _ = subprobe_command(*call)
    assert code == 0
    assert "made · random against group-disjoint splits" in out


@pytest.mark.slow
def test_the_encoder_is_trained_in_every_fold(subprobe_command, folder, tmp_path):
    encoder = save_tiny_encoder(tmp_path / "encoder")
    code, out, err = subprobe_command(
        "groups", "made", "--data-dir", folder, *COLUMNS, *GROUP, "--group-folds", 2,
        "--encoder", encoder, "--epochs", 1, "--limit", 60, "--quiet", "--json",
    )  # fmt: skip
    assert code == 0, err
    rows = {row["variant"]: row for row in json.loads(out)["groups"]}
    assert {"random", "group-disjoint", "group-disjoint, k=1", "predict the group"} <= set(rows)
    assert rows["random"]["n"] == rows["group-disjoint"]["n"]


@pytest.mark.parametrize(
    ("command", "more", "said"),
    [
        ("groups", COLUMNS, "have no groups; name the column"),
        ("groups", [*COLUMNS, *GROUP, "--group-folds", "9"], "--group-folds: must be at most 8"),
        ("groups", [*COLUMNS, *GROUP, "--k", "40"], "add fewer (--k)"),
        ("groups", ["--column", "first=a", "--column", "score=number", *GROUP],
         "made has numbers as labels"),
        ("artefacts", ["--column", "first=a", "--column", "score=number"],
         "made has numbers as labels"),
        ("artefacts", [*COLUMNS, "--smoothing", "inf"], "--smoothing"),
        ("artefacts", [*COLUMNS, "--only", "third"], "unknown text 'third'"),
        ("artefacts", ["--column", "first=a", "--column", "label=gold", "--only", "first"],
         "--only: made has one text per example"),
        ("artefacts", ["--column", "first=a", "--column", "label=gold", "--encoder", "embedded"],
         "--encoder: made has one text per example"),
    ],
)  # fmt: skip
def test_wrong_use(subprobe_command, folder, tmp_path, command, more, said):
    out = tmp_path / "out"
    code, shown, err = subprobe_command(command, "made", "--data-dir", folder, *more, "--out", out)
    assert (code, shown) == (2, "")
    assert err.count("\n") == 1
    assert said in err
    assert not out.exists()


def test_empty_texts_are_counted_or_refused(subprobe_command, tmp_path):
    def call(*seconds):
        lines = [f"x,{b},{label}" for b, label in zip(seconds, ("no", "yes", "no"), strict=True)]
        for split in ("train", "validation"):
            text = "\n".join(["a,b,gold", *lines]) + "\n"
            (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8")
        return subprobe_command(
            "artefacts", "made", "--data-dir", tmp_path, *COLUMNS, "--selection", "reported"
        )

    code, _, err = call("", "?", "...")
    assert code == 2
    assert err.startswith("error: no training text contains a word")
    assert err.count("\n") == 1
    code, out, _ = call("", "x y", "?")
    assert code == 0
    assert "2 of 3 texts (second) without a known word" in " ".join(out.split())
