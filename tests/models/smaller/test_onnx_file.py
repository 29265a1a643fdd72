"""ONNX files give the answers of torch, for any batch and length."""

import importlib.util

import numpy as np
import pytest
import torch
from random_masks import random_mask
from subprobe.data.errors import ConfigError, SubprobeError
from subprobe.data.output.ownership import is_signed
from subprobe.models.masks.gates import gated
from subprobe.models.smaller import onnx_file
from subprobe.models.smaller.shrink import shrink
from tiny import SEPARABLE, tiny_model

pytestmark = pytest.mark.slow

L, H, D, F = 2, 4, 8, 48
INSTALLED = all(importlib.util.find_spec(name) for name in ("onnxscript", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not INSTALLED, reason="the extra [onnx] is not installed")


@needs_onnx
@pytest.mark.parametrize(
    ("family", "share"),
    [
        *(pytest.param(family, 0.5, marks=pytest.mark.slow) for family in SEPARABLE),
        ("bert", 0.0),
    ],
)
def test_a_smaller_model_as_onnx_is_the_masked_model(family, share, tmp_path):
    """One layer has no head in any of these masks; in the last, nothing is left at all."""
    import onnxruntime

    model = tiny_model(family, "classification", layers=L, heads=H, hidden=H * D)
    mask = random_mask(L, H, F, 4, with_neurons=True, share=share)
    file = tmp_path / "m.onnx"
    assert onnx_file.export_onnx(shrink(model, mask), file) <= 1e-4
    assert is_signed(file)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    ids = torch.randint(5, 500, (4, 11), generator=torch.Generator().manual_seed(3))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    found = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]
    with torch.inference_mode():
        whole = model(**inputs).logits.numpy()
        with gated(model, mask):
            masked = model(**inputs).logits.numpy()
    assert np.abs(found - masked).max() <= 1e-4
    assert np.abs(whole - masked).max() >= 1e-2


@needs_onnx
@pytest.mark.slow
def test_a_file_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "TOLERANCE", -1.0)
    with pytest.raises(SubprobeError, match="the outputs of onnxruntime and torch differ by up to"):
        onnx_file.export_onnx(tiny_model("bert"), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"onnxscript and onnxruntime.*subprobe\[onnx\]"):
        onnx_file.export_onnx(tiny_model("bert"), tmp_path / "m.onnx")
