"""One short pass after loading: a configuration can be read and built, and yet not run."""

from __future__ import annotations

from typing import Any

import torch

from ...data.encoding.literal import encode_literally
from ...data.errors import CheckpointError
from ...data.files.reading import reading
from ...data.quiet_stderr import stderr_on_success

_TOKENS = 4
_LONGEST = 512


def check_runs(model: Any, where: str) -> Any:
    """The model, if it gives what a model of its kind gives for four tokens.

    Raises:
        CheckpointError: with what the library says.
    """
    ids = torch.arange(_TOKENS).remainder(model.config.vocab_size)[None]
    with (
        reading(where, CheckpointError, problem="does not run with its configuration"),
        torch.no_grad(),
    ):
        given = model(input_ids=ids, attention_mask=torch.ones_like(ids))
        # a configuration can ask for plain tuples, which nothing here reads
        found = given.logits if hasattr(given, "logits") else given.last_hidden_state
        fits = found.shape[0] == 1 and torch.is_floating_point(found)
    if not fits:
        raise CheckpointError("does not give one output for each text", where=where)
    return model


def check_finite(model: Any, where: str) -> Any:
    """The model, if every weight is a finite number.

    Raises:
        CheckpointError: naming the first that is not.
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
    """The tokenizer, if it encodes a pair of short texts, as every reader of texts asks it to.

    Raises:
        CheckpointError: with what the library says.
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
