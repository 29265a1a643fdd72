"""Tiny classifiers on disk, and ways to write them again in other forms."""

import json

import torch
from safetensors.torch import load_file, save_file
from tiny import TOKENIZER_OF, tiny_model, tiny_tokenizer

IDS = torch.tensor([[0, 7, 9, 30, 41, 2], [0, 11, 12, 13, 14, 2]])


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def classifier(folder, family="bert", **options):
    tiny_model(family, "classification", **options).save_pretrained(folder)
    tiny_tokenizer(TOKENIZER_OF[family]).save_pretrained(folder)
    return folder


def edit_config(folder, **fields):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def rewrite(folder, change):
    """Write the weights again as `change` gives them: name -> tensor."""
    path = folder / "model.safetensors"
    save_file(
        {name: tensor.contiguous() for name, tensor in change(load_file(path)).items()},
        path,
        metadata={"format": "pt"},
    )
