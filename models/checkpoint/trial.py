"""Run a short forward pass after loading, since not every configuration that can be built runs."""

from __future__ import annotations

from typing import Any

import torch

from ...data.encoding.literal import encode_literally
from ...data.errors import CheckpointError
from ...data.files.reading import reading
from ...data.quiet_stderr import stderr_on_success
from .contract import scores_options

_TOKENS = 4
_LONGEST = 512


def check_runs(model: Any, where: str) -> Any:
    """Return the model if its output for four tokens has the expected form.

    Raises:
        CheckpointError: if not; the message quotes the library.
    """
    ids = torch.arange(_TOKENS).remainder(model.config.vocab_size)[None]
    if scores_options(model):
        ids = ids[:, None].expand(1, 2, _TOKENS)
    with (
        reading(where, CheckpointError, problem="does not run with its configuration"),
        torch.no_grad(),
    ):
        given = model(input_ids=ids, attention_mask=torch.ones_like(ids))
        # a configuration can request plain tuples as outputs, which this project does not read
        found = given.logits if hasattr(given, "logits") else given.last_hidden_state
        fits = found.shape[0] == 1 and torch.is_floating_point(found)
    if not fits:
        raise CheckpointError("does not give one output for each text", where=where)
    return model


def check_finite(model: Any, where: str) -> Any:
    """Return the model if all weights are finite.

    Raises:
        CheckpointError: if weights contain NaN or infinity; the message names the first tensor.
    """
    for name, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise CheckpointError(
                f"weights contain NaN or infinity ({name})",
                where=where,
                remedy="name a model whose training has not diverged",
            )
    return model


def check_encodes(tokenizer: Any, where: str) -> Any:
    """Return the tokenizer if it can encode a pair of short texts.

    Raises:
        CheckpointError: if not; the message quotes the library.
    """
    with (
        reading(where, CheckpointError, problem="its tokenizer does not encode a text"),
        stderr_on_success(),
    ):
        encode_literally(tokenizer, [("a b.", "c")], pre_split=False, max_length=_LONGEST)
        names = tokenizer.model_input_names
        fits = isinstance(names, list) and "input_ids" in names
    if not fits:
        raise CheckpointError("its tokenizer does not name input_ids", where=where)
    return tokenizer
