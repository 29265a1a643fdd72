"""Check, once both are loaded, that a model can read the output of its tokenizer."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from ...data.encoding.literal import makes_token_types
from ...data.encoding.tokenizer_check import (
    NO_SPECIALS,
    check_ids,
    check_padding,
    check_segments,
    check_specials,
    unreachable_said,
)
from ..encoder.anatomy import anatomy_of
from ..encoder.families import FAMILIES
from ..folder.checkpoint_files import read_config
from ..folder.sources import ModelSource
from ..folder.text_lengths import fitting_length


@dataclass(frozen=True)
class InputCheck:
    """The result of checking a tokenizer that may be used.

    Attributes:
        said: lines to show to the user.
        flag: flag for rows of the model; empty if there is no problem.
    """

    said: tuple[str, ...] = ()
    flag: str = ""


def check_inputs(
    model: Any,
    tokenizer: Any,
    *,
    where: str,
    pairs: bool = False,
    padding: bool = True,
    allow_no_specials: bool = False,
) -> InputCheck:
    """Check that a tokenizer fits its model.

    If the family reads no segment ids, those of the tokenizer are disabled.

    Args:
        model: a transformers encoder, with or without a task head.
        tokenizer: its fast tokenizer.
        where: name of the model.
        pairs: whether pairs of texts are read.
        padding: whether texts of different lengths are read in one batch.
        allow_no_specials: continue if the tokenizer defines special tokens but never adds them.

    Raises:
        CheckpointError: if ids or segment ids have no embedding, there is no padding token, or
            special tokens are never added.
    """
    rows = int(model.get_input_embeddings().weight.shape[0])
    check_ids(tokenizer, rows, where=where)
    if padding:
        check_padding(tokenizer, where=where)
    said = [check_specials(tokenizer, allowed=allow_no_specials, where=where)]
    flag = NO_SPECIALS if said[0] else ""
    if "token_type_ids" not in inspect.signature(model.base_model.forward).parameters:
        if makes_token_types(tokenizer):
            names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
            tokenizer.model_input_names = names
            said.append("the model reads no segment ids: those of the tokenizer are left out")
    elif segments := getattr(model.config, "type_vocab_size", 0):
        # a family without segment embeddings accepts the ids and ignores them
        check_segments(tokenizer, segments, pairs=pairs, where=where)
    said.append(unreachable_said(tokenizer))
    return InputCheck(tuple(f"{where}: {line}" for line in said if line), flag)


def positions_of(source: ModelSource) -> int:
    """Maximum input length in subwords, special tokens included, according to the configuration."""
    config = read_config(source)
    return int(config.max_position_embeddings) - FAMILIES[config.model_type].position_offset


def check_max_length(model: Any, max_length: int, *, option: str = "max_length") -> None:
    """Raise unless a model has a position for each of `max_length` subwords.

    Raises:
        ConfigError: if it has fewer; the message states both numbers.
    """
    fitting_length(anatomy_of(model).max_tokens, max_length, option=option)
