"""Export a model to an ONNX file with torch's exporter, and check it with onnxruntime."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...data.errors import ConfigError, InputError, SubprobeError
from ...data.files.atomic import atomic_path
from ...data.output.ownership import SIGNED

TOLERANCE = 1e-4
"""Maximum difference between the outputs of torch and onnxruntime."""

_NEEDED = ("onnxscript", "onnxruntime")
_SHAPES = ((2, 16), (1, 5), (3, 33))
"""Batch sizes and lengths for the check; the exporter gets the first pair."""


class _Answer(nn.Module):
    """The model as a function of ids and attention mask that returns one tensor."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits [B, K] of a task model, otherwise the last hidden states [B, S, D]."""
        answer: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask)[0]
        return answer


def export_onnx(model: Any, path: Path | str) -> float:
    """Write a model as an ONNX file for any batch size and length; return the largest difference.

    Inputs are `input_ids` and `attention_mask` [B, S], int64; segment ids are 0. The file is
    written only if onnxruntime gives the same outputs as torch on padded batches of other shapes.

    Args:
        model: a transformers encoder, with or without a task head, full or smaller.
        path: the output file.

    Raises:
        ConfigError: if the extra `onnx` is not installed.
        InputError: for a multiple-choice model, whose inputs have another shape.
        SubprobeError: if the outputs differ by more than `TOLERANCE`.
    """
    check_exportable(model)
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise ConfigError(
            f"{' and '.join(missing)} not installed",
            where="`onnx`",
            remedy="pip install 'subprobe[onnx]'",
        )
    import onnxruntime

    answer = _Answer(model).eval()
    examples = [_inputs(model, *shape) for shape in _SHAPES]
    dynamic = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length")}
    with _quiet():
        program = torch.onnx.export(
            answer,
            examples[0],
            input_names=["input_ids", "attention_mask"],
            output_names=["logits" if hasattr(model, "num_labels") else "hidden"],
            dynamic_shapes={"input_ids": dynamic, "attention_mask": dynamic},
            dynamo=True,
        )
    assert program is not None
    program.model.metadata_props[SIGNED] = type(model).__name__
    with atomic_path(path) as temporary:
        program.save(temporary)
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        worst = max(_difference(session, answer, one) for one in examples)
        if not worst <= TOLERANCE:
            raise SubprobeError(
                f"the outputs of onnxruntime and torch differ by up to {worst:.2g}", where=str(path)
            )
    return worst


def check_exportable(model: Any) -> None:
    """Raise for a multiple-choice model, whose inputs [B, K, S] an ONNX file of texts lacks.

    Raises:
        InputError: if it is one.
    """
    if type(model).__name__.endswith("ForMultipleChoice"):
        raise InputError(
            "multiple-choice models cannot be written as ONNX",
            where="`onnx`",
            remedy="leave it out; the folder of the model can be loaded without it",
        )


def _inputs(model: Any, batch: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random subwords; the second half of the last example is padding."""
    generator = torch.Generator().manual_seed(length)
    ids = torch.randint(5, model.config.vocab_size, (batch, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[-1, length // 2 + 1 :] = 0
    return ids.masked_fill(mask == 0, model.config.pad_token_id), mask


@torch.inference_mode()
def _difference(session: Any, answer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    names = [one.name for one in session.get_inputs()]
    fed = dict(zip(names, (one.numpy() for one in inputs), strict=True))
    found, expected = session.run(None, fed)[0], answer(*inputs)
    real = expected if expected.ndim == 2 else expected[inputs[1].bool()]
    found = found if expected.ndim == 2 else found[inputs[1].numpy().astype(bool)]
    return float(np.abs(found - real.numpy()).max())


@contextlib.contextmanager
def _quiet() -> Any:
    """Suppress the exporter's output, warnings and logs, which do not concern the user."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
