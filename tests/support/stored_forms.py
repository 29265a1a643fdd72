"""Tiny classifiers on disk, and ways to write them again in other forms."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

Tensors = dict[str, torch.Tensor]
IDS = torch.tensor([[0, 7, 9, 30, 41, 2], [0, 11, 12, 13, 14, 2]])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=IDS).logits
    return found


def classifier(folder: Path, family: str = "bert", **options: Any) -> Path:
    tiny_model(family, "classification", **options).save_pretrained(folder)
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(folder)
    return folder


def edit_config(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Write the weights again as `change` gives them: name -> tensor."""
    path = folder / "model.safetensors"
    save_file(
        {name: tensor.contiguous() for name, tensor in change(load_file(path)).items()},
        path,
        metadata={"format": "pt"},
    )
