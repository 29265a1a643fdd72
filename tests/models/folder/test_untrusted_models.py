"""Model folders from elsewhere: no code of theirs runs, no weight that is no number is believed."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from subprobe.data.errors import CheckpointError
from subprobe.data.tasks.by_name import task_spec
from subprobe.models.checkpoint.checkpoint import (
    load_classifier,
    load_encoder,
    load_saved,
    load_tokenizer,
)
from tiny import tiny_model, tiny_tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    tiny_model("bert", "classification").save_pretrained(place)
    tiny_tokenizer("wordpiece").save_pretrained(place)
    return place


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize("model_type", ["bert", "of-its-own"])
def test_code_that_comes_with_a_model_never_runs(
    folder: Path, tmp_path: Path, model_type: str
) -> None:
    ran = tmp_path / "ran"
    code = f"open({str(ran)!r}, 'w').write('ran')\nclass Own: pass\n"
    for name in ("modeling_own", "tokenization_own", "configuration_own"):
        (folder / f"{name}.py").write_text(code)
    change(
        folder / "config.json", model_type=model_type,
        auto_map={"AutoConfig": "configuration_own.Own", "AutoModel": "modeling_own.Own",
                  "AutoModelForSequenceClassification": "modeling_own.Own"},
    )  # fmt: skip
    change(
        folder / "tokenizer_config.json",
        tokenizer_class="Own", auto_map={"AutoTokenizer": ["tokenization_own.Own", None]},
    )  # fmt: skip
    for load in (load_encoder, load_saved, load_tokenizer):
        with contextlib.suppress(CheckpointError):
            load(str(folder))
    assert not ran.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(folder: Path, value: float) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "query.weight" in name)
    weights[name] = weights[name].clone()
    weights[name][0, 0] = value
    save_file(weights, path, metadata={"format": "pt"})
    assert not torch.isfinite(load_file(path)[name]).all()
    with pytest.raises(CheckpointError, match=r"NaN or infinity .*query\.weight"):
        load_encoder(str(folder))
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        load_classifier(str(folder), task_spec("acceptability"), new_head=True)
