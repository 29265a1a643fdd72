"""Bad input: one clear line that names what is wrong and the way out, exit code 2, nothing left."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_model, tiny_tokenizer
from tiny_run import save_tiny_encoder, write_toy_task

COLUMNS = ["--column", "first=text", "--column", "label=side"]
TREE = (
    "1\tCats\tcat\tNOUN\tNNS\t_\t{head}\tnsubj\t_\t_\n"
    "2\tsleep\tsleep\tVERB\tVBP\t_\t0\troot\t_\t_\n\n"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A toy task, a fine-tuned tiny model and its mask; tests copy what they break."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder
    from subprobe.analysis.steps.progress import Silent
    from subprobe.models.checkpoint.checkpoint import load_encoder
    from subprobe.models.encoder.anatomy import anatomy_of
    from subprobe.models.encoder.fingerprint import weights_fingerprint
    from subprobe.models.masks.subnetwork import full_subnetwork

    folder = tmp_path_factory.mktemp("place")
    encoder = save_tiny_encoder(folder / "encoder")
    write_toy_task(folder / "toy")
    task = TaskChoice("toy", str(folder / "toy"), {"first": "text", "label": "side"})
    fine_tune_to_folder(
        str(encoder), task, folder / "model", seed=1, order_seed=1, selection="held-out",
        options=RecipeOptions(epochs=1, batch_size=8), progress=Silent(),
    )  # fmt: skip
    model = load_encoder(str(folder / "model"))
    mask = full_subnetwork(
        anatomy_of(model), kind="good", method="structured", fingerprint=weights_fingerprint(model)
    )
    mask.save(folder / "good.safetensors")
    return folder


@pytest.fixture
def refused(subprobe_command, tmp_path):
    """Call a command that must be refused; gives the one line that it says."""

    def call(*arguments, out="out", code=2):
        target = tmp_path / out
        found, said, line = subprobe_command(*arguments, "--out", target)
        assert found == code, line
        assert said == ""
        assert "Traceback" not in line
        lines = [text for text in line.splitlines() if text.startswith("error: ")]
        assert len(lines) == 1, line
        assert line.splitlines()[-1] == lines[0]
        assert not target.exists()
        leftovers = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        assert not leftovers
        return lines[0]

    return call


def finetune(place, data, *more, model=None):
    return [
        "finetune", model or place / "encoder", "--task", "toy", "--data-dir", data,
        *COLUMNS, "--epochs", 1, "--quiet", *more,
    ]  # fmt: skip


def toy(place, tmp_path) -> Path:
    return Path(shutil.copytree(place / "toy", tmp_path / "data"))


def test_missing_column(refused, place, tmp_path):
    line = refused(
        "finetune", place / "encoder", "--task", "toy", "--data-dir", place / "toy",
        "--column", "first=words", "--column", "label=side", "--quiet",
    )  # fmt: skip
    assert "train.csv" in line
    assert "'words'" in line
    assert "text" in line


def test_label_outside_the_label_set(refused, place, tmp_path):
    data = toy(place, tmp_path)
    path = data / "validation.csv"
    path.write_text(path.read_text().replace("left", "middle", 1), encoding="utf-8")
    line = refused(*finetune(place, data))
    assert "validation.csv" in line
    assert "middle" in line
    assert "left" in line


def test_empty_file(refused, place, tmp_path):
    data = toy(place, tmp_path)
    (data / "train.csv").write_text("", encoding="utf-8")
    line = refused(*finetune(place, data))
    assert "train.csv" in line
    assert "empty" in line


def test_missing_split(refused, place, tmp_path):
    data = toy(place, tmp_path)
    (data / "train.csv").unlink()
    line = refused(*finetune(place, data))
    assert "train" in line
    assert str(data) in line


def test_missing_folder(refused, place, tmp_path):
    line = refused(*finetune(place, tmp_path / "nowhere"))
    assert "nowhere" in line


@pytest.mark.parametrize(
    ("arguments", "name", "known"),
    [
        (["finetune", "embedded", "--task", "colla"], "colla", "cola"),
        (["probe", "embedded", "--probe", "attention", "--corpus", "natural"], "attention",
         "attention-stats"),
        (["sample", "{place}/good.safetensors", "--kind", "worst"], "worst", "bad"),
        (["probe", "{place}/model", "--probe", "attention-stats", "--task", "acceptability",
          "--split", "dev"], "dev", "validation"),
    ],
)  # fmt: skip
def test_unknown_names_list_the_known(refused, place, arguments, name, known):
    out = "out.safetensors" if arguments[0] == "sample" else "out"
    line = refused(*[word.format(place=place) for word in arguments], out=out)
    assert repr(name) in line
    assert known in line


def test_unknown_family(refused, place, tmp_path):
    other = Path(shutil.copytree(place / "encoder", tmp_path / "gpt"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
    line = refused(*finetune(place, place / "toy", model=other))
    assert "gpt2" in line
    assert "distilbert" in line


def test_mask_of_another_shape(refused, place, tmp_path):
    tiny_model("bert", layers=3).save_pretrained(tmp_path / "deep")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "deep")
    line = refused(
        "probe", tmp_path / "deep", "--mask", place / "good.safetensors",
        "--probe", "attention-stats", "--corpus", "natural", "--quiet",
    )  # fmt: skip
    assert "good.safetensors" in line
    assert "[L, H] = [2, 4]" in line
    assert "[3, 4]" in line


def test_mask_found_on_other_weights(refused, place, tmp_path):
    tiny_model("bert", seed=7).save_pretrained(tmp_path / "other")
    tiny_tokenizer("wordpiece").save_pretrained(tmp_path / "other")
    line = refused(
        "probe", tmp_path / "other", "--mask", place / "good.safetensors",
        "--probe", "attention-stats", "--corpus", "natural", "--quiet",
    )  # fmt: skip
    assert "other weights" in line


@pytest.mark.parametrize("content", [b"", b"no mask at all", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_file_that_is_no_mask(refused, tmp_path, content):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    line = refused("sample", path, "--kind", "bad", out="out.safetensors")
    assert "broken.safetensors" in line


@pytest.mark.parametrize("command", ["finetune", "probe"])
def test_checkpoint_with_missing_weights(refused, place, tmp_path, command):
    broken = Path(shutil.copytree(place / "encoder", tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if "attention.output.dense.weight" in name)
    save_file({n: v for n, v in weights.items() if n != name}, broken / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    if command == "finetune":
        line = refused(*finetune(place, place / "toy", model=broken))
    else:
        line = refused("probe", broken, "--probe", "attention-stats", "--corpus", "natural")
    assert "attention.output.dense.weight" in line
    assert "broken" in line


def test_evaluate_needs_a_task_head(refused, place):
    line = refused(
        "evaluate", place / "encoder", "--task", "toy", "--data-dir", place / "toy", *COLUMNS,
        out="scores.csv",
    )  # fmt: skip
    assert "classifier" in line
    assert "finetune" in line


def test_pickled_checkpoint(refused, place, tmp_path):
    pickled = Path(shutil.copytree(place / "encoder", tmp_path / "pickled"))
    torch.save(load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    line = refused(*finetune(place, place / "toy", model=pickled))
    assert "safetensors" in line
    assert "pickle" in line


def test_length_above_the_positions(refused, place):
    line = refused(*finetune(place, place / "toy", "--max-length", 4096))
    assert "4096" in line
    assert "128" in line


def test_attributions_without_a_task(refused, place):
    line = refused("probe", place / "model", "--probe", "attributions", "--corpus", "natural")
    assert "--task" in line


def test_nothing_to_read(refused, place):
    assert "--corpus" in refused("probe", place / "model", "--probe", "attention-stats")


@pytest.mark.parametrize(("head", "said"), [(2, "root"), (9, "head"), ("x", "line")])
def test_broken_tree(refused, place, tmp_path, head, said):
    path = tmp_path / "broken.conllu"
    tree = TREE.format(head=head)
    path.write_text(tree if head != 2 else tree.replace("\t0\troot", "\t1\tdep"), encoding="utf-8")
    line = refused("probe", place / "model", "--probe", "dependency-heads", "--corpus", path)
    assert "broken.conllu" in line
    assert "1" in line


def test_missing_corpus(refused, place, tmp_path):
    line = refused(
        "probe", place / "model", "--probe", "dependency-heads", "--corpus", tmp_path / "none.txt"
    )
    assert "none.txt" in line


def test_no_pipeline(refused, place, monkeypatch, tmp_path):
    import spacy

    def missing(name, **_):
        raise OSError(name)

    monkeypatch.setattr(spacy, "load", missing)
    line = refused("probe", place / "model", "--probe", "dependency-heads", "--corpus", "natural",
                   "--pipeline", "xx_none")  # fmt: skip
    assert "xx_none" in line
    assert "pip install" in line


def test_no_network_and_no_such_model(refused, place):
    line = refused(*finetune(place, place / "toy", model="someone/some-encoder"))
    assert "someone/some-encoder" in line
    assert "embedded" in line


def test_no_embedded_extra(refused, place, monkeypatch):
    import importlib.util

    from subprobe.models.folder import sources

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if "minilm" in name else found(name, *a)
    )
    sources._embedded_folder.cache_clear()
    try:
        line = refused(*finetune(place, place / "toy", model="embedded"))
    finally:
        sources._embedded_folder.cache_clear()
    assert "pip install 'subprobe[offline]'" in line


def test_no_network_and_no_data(refused, place):
    line = refused("finetune", place / "encoder", "--task", "cola", "--quiet")
    assert "--data-dir" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sedes = [1]", "sedes"),
        ("[prune]\nthreshold = 3", "threshold"),
        ("seeds = [1, 1]", "seeds"),
        ("examples = [1, 2]", "examples"),
        ("not toml at all", "TOML"),
    ],
)
def test_bad_configuration(refused, tmp_path, text, said):
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    line = refused("run", "--config", path)
    assert "run.toml" in line
    assert said in line


def test_bad_column_option(refused, place):
    asked = ["finetune", "embedded", "--task", "toy", "--data-dir", place / "toy"]
    line = refused(*asked, "--column", "text")
    assert "first=" in line


def test_a_folder_that_is_no_run(subprobe_command, tmp_path):
    for command in ("compare", "report"):
        code, _, err = subprobe_command(command, tmp_path)
        assert code == 2
        assert "rows.parquet" in err
        assert not list(tmp_path.iterdir())


def test_wrong_use_of_the_command_line(subprobe_command):
    assert subprobe_command("finetune")[0] == 2
    assert subprobe_command("nonsense")[0] == 2
