"""`--limit`, `--batch-size` and `--max-length` do what they say, in every command that reads."""

import json
from itertools import pairwise

import pandas as pd
import pytest
from safetensors.numpy import load_file
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.task_parts import limited, split_parts


@pytest.fixture(scope="module")
def parts():
    return split_parts(load_task("acceptability"), seed=1)


def test_each_part_keeps_so_many_examples_at_equal_distances(parts):
    assert limited(parts, 0) is parts
    some = limited(parts, 5)
    for name in ("train", "selection", "report"):
        every, kept = getattr(parts, name), getattr(some, name)
        assert len(kept) == 5
        assert (kept[0], kept[-1]) == (every[0], every[-1])
        places = [every.index(one) for one in kept]
        gaps = [b - a for a, b in pairwise(places)]
        assert max(gaps) - min(gaps) <= 1
    assert limited(parts, 10**9).train == parts.train


@pytest.fixture(scope="module")
def tuned(tiny_encoder, own, tmp_path_factory):
    """A model that was fine-tuned on eight examples, and what was said."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import task_choice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent

    folder = tmp_path_factory.mktemp("limited") / "m"
    choice = task_choice("toy", own[3], ["first=text", "label=side"])
    meta = fine_tune_to_folder(
        str(tiny_encoder), choice, folder, seed=1, order_seed=1, selection="held-out",
        options=RecipeOptions(epochs=1, batch_size=4), progress=Silent(), limit=8, device="cpu",
    )  # fmt: skip
    assert meta["n_train"] == 8
    return folder


def rows(subprobe_command, *words):
    code, out, err = subprobe_command(*words, "--json")
    assert code == 0, err
    return pd.DataFrame(json.loads(out)), err


def test_evaluate_reads_so_many_and_raises_no_false_alarm(subprobe_command, tuned, own):
    every, said = rows(subprobe_command, "evaluate", tuned, *own)
    assert "may have seen" not in said
    some, said = rows(subprobe_command, "evaluate", tuned, *own, "--limit", 6)
    assert set(some["n"]) == {6}
    assert every["n"].min() > 6
    one, _ = rows(
        subprobe_command, "evaluate", tuned, *own, "--limit", 6, "--batch-size", 1,
        "--device", "cpu",
    )  # fmt: skip
    assert one.equals(some)
    _, said = rows(subprobe_command, "evaluate", tuned, *own, "--limit", 6, "--max-length", 3)
    assert "6 of 6" in said.replace("\n", " ")


def test_prune_chooses_on_so_many(subprobe_command, tuned, own, tmp_path, monkeypatch):
    from subprobe.analysis.single import training
    from subprobe.analysis.steps import selection

    seen = []
    find = selection.find_good

    def watched(model, tokenizer, parts, *rest, **more):
        seen.append((len(parts.selection), rest[0].batch_size, str(model.device)))
        return find(model, tokenizer, parts, *rest, **more)

    monkeypatch.setattr(training, "find_good", watched)
    for more in (["--limit", 2, "--batch-size", 3], []):
        code, _, err = subprobe_command(
            "prune", tuned, *own, "--keep", 0.5, *more, "--quiet", "--overwrite",
            "--out", tmp_path / "m.safetensors", "--device", "cpu",
        )  # fmt: skip
        assert code == 0, err
    (few, size, device), (every, usual, _) = seen
    assert (few, size, usual, device) == (2, 3, 64, "cpu")
    assert every > 2


def test_data_shows_the_limited_parts(subprobe_command, tiny_encoder, own):
    code, out, err = subprobe_command("data", tiny_encoder, *own, "--limit", 4, "--json")
    assert code == 0, err
    roles = json.loads(out)["roles"]
    assert (roles["train"], roles["report"]) == (4, 4)


def test_probes_read_so_many_sentences_in_batches_of_any_size(subprobe_command, tiny_encoder):
    asked = ["probe", tiny_encoder, "--probe", "attention-stats", "--corpus", "natural", "--quiet"]
    some, _ = rows(subprobe_command, *asked, "--limit", 7)
    assert some["n"].max() == 7
    one, _ = rows(subprobe_command, *asked, "--limit", 7, "--batch-size", 2)
    pd.testing.assert_frame_equal(one, some, atol=1e-5)
    cut, said = rows(
        subprobe_command, *[word for word in asked if word != "--quiet"], "--limit", 7,
        "--max-length", 4,
    )  # fmt: skip
    assert "cut" in said
    assert not cut["value"].equals(some["value"])


def test_attributions_do_not_depend_on_the_batch(subprobe_command, tuned, own):
    asked = ["probe", tuned, "--probe", "attributions", *own, "--quiet", "--limit", 5]
    some, _ = rows(subprobe_command, *asked)
    one, _ = rows(subprobe_command, *asked, "--batch-size", 2)
    pd.testing.assert_frame_equal(one, some, atol=1e-4)


def test_patterns_are_cut_and_limited(subprobe_command, tiny_encoder, tmp_path):
    asked = ["patterns", "export", tiny_encoder, "--limit", 9, "--maps", 12, "--quiet"]
    code, _, err = subprobe_command(*asked, "--out", tmp_path / "a", "--batch-size", 2)
    assert code == 0, err
    texts = set(pd.read_csv(tmp_path / "a" / "labels.csv").iloc[:, 0].str.split("/").str[0])
    assert 1 < len(texts) <= 9
    code, _, err = subprobe_command(*asked, "--out", tmp_path / "b", "--max-length", 2000)
    assert code == 2
    assert "--max-length must be <= 128, the number of positions of the model, got 2000" in err
    code, _, err = subprobe_command(*asked, "--out", tmp_path / "b", "--max-length", 9)
    assert code == 0, err
    lengths = {len(one) for one in load_file(tmp_path / "b" / "maps.safetensors").values()}
    assert max(lengths) == 9
    assert max(map(len, load_file(tmp_path / "a" / "maps.safetensors").values())) > 9
