"""Vectors of the samples of a data set: means over pieces of the encoder's last hidden state.

Texts are read as published: raw, with the encoder's special tokens, which a mean over a whole text
takes in; texts that are read together are joined by the separator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.literal import makes_token_types
from ...data.encoding.tokenizer_check import check_padding
from ...data.errors import CheckpointError, InputError
from ...data.files.full_disk import room_asked_for
from ...data.holmes.data_set import PARTS, DataSet, Sample, Stretch
from ...models.encoder.evaluating import evaluating
from ...models.masks.gates import gated
from ..forward.base import Context
from ..forward.shared_pass import Progress

_CHUNK = 2**22
_WIDTH = 4
"""Bytes of a number: float32."""


@dataclass(frozen=True)
class SampleVectors:
    """Vectors of all samples of a data set, those of one part after those of another.

    Attributes:
        numbers: [N, W D], memory-mapped from a file.
        whole: whether something of each stretch of a sample is there, not cut off [N].
    """

    numbers: npt.NDArray[np.float32]
    whole: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Part:
    """The contribution of a text to a sample: a share of one of its vectors."""

    row: int
    reading: int
    share: float
    start: int
    end: int | None


def sample_vectors(
    context: Context,
    data_set: DataSet,
    path: Path,
    *,
    length: int,
    batch_size: int,
    progress: Progress | None = None,
) -> SampleVectors:
    """Read each text of a data set once, and write the vectors of its samples to a file.

    Args:
        context: the model with its mask.
        data_set: whose samples.
        path: the file.
        length: subwords that a text keeps, fewer where the model has fewer positions.
        batch_size: texts per forward pass.
        progress: called with (texts done, all).

    Raises:
        CheckpointError: if the tokenizer is a slow one, cannot pad or has no separator.
        DiskFullError: if there is no room for the file.
    """
    if not getattr(context.tokenizer, "is_fast", False):
        raise CheckpointError(
            "the tokenizer is not a fast tokenizer, so it has no character offsets",
            remedy="use a model that ships a tokenizer.json",
        )
    check_padding(context.tokenizer)
    samples = [sample for part in PARTS for sample in data_set.parts[part]]
    wanted = _wanted(samples, _separator(context) if data_set.joined else None)
    width = int(context.model.config.hidden_size)
    shape = len(samples), data_set.width * width
    numbers = _file_of_zeros(path, shape)
    whole = np.ones(len(samples), dtype=np.bool_)
    done = 0
    for texts, states, inside, offsets in _read(context, list(wanted), length, batch_size):
        for place, text in enumerate(texts):
            for part in wanted[text]:
                chosen = inside[place] if part.end is None else _overlap(offsets[place], part)
                if not chosen.any():
                    whole[part.row] = False
                    continue
                mean = states[place, torch.from_numpy(chosen)].mean(0)
                at = slice(part.reading * width, (part.reading + 1) * width)
                numbers[part.row, at] += part.share * mean.numpy()
        done += len(texts)
        if progress is not None:
            progress(done, len(wanted))
    if not np.isfinite(numbers[whole]).all():
        raise InputError(
            "hidden states contain NaN or infinity",
            where=data_set.name,
            remedy="check the model's weights",
        )
    return SampleVectors(numbers, whole)


def _separator(context: Context) -> str:
    token = context.tokenizer.sep_token
    if token is None:
        raise CheckpointError(
            "the tokenizer has no separator token to join two texts",
            remedy="leave the data sets of pairs out (`holmes.sets`)",
        )
    return f" {token} "


def _wanted(samples: Sequence[Sample], separator: str | None) -> dict[str, list[_Part]]:
    """Text that the encoder reads -> what samples want of it, each text once."""
    found: dict[str, list[_Part]] = {}
    for row, sample in enumerate(samples):
        for reading, stretches in enumerate(sample.readings):
            for one in stretches:
                text, shift = _joined(sample, one, separator)
                # what is beyond its text is nowhere, and not in the text behind it
                end = None if one.end is None else min(one.end, len(sample.texts[one.text])) + shift
                part = _Part(row, reading, 1 / len(stretches), one.start + shift, end)
                found.setdefault(text, []).append(part)
    return found


def _joined(sample: Sample, one: Stretch, separator: str | None) -> tuple[str, int]:
    """The text that is read for a stretch, and where its own text begins there."""
    if separator is None:
        return sample.texts[one.text], 0
    shift = sum(len(text) + len(separator) for text in sample.texts[: one.text])
    return separator.join(sample.texts), shift


def _file_of_zeros(path: Path, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """A file of numbers, mapped into memory. It takes its room first: a mapping cannot say that the
    disk is full.
    """
    left = needed = shape[0] * shape[1] * _WIDTH
    with room_asked_for(path.parent, lambda: needed), path.open("wb") as stream:
        while left:
            left -= stream.write(bytes(min(left, _CHUNK)))
    return np.memmap(path, dtype=np.float32, mode="r+", shape=shape)


def _overlap(offsets: npt.NDArray[np.int64], part: _Part) -> npt.NDArray[np.bool_]:
    """The pieces that hold a character of a stretch [S]."""
    start, end = offsets.T
    assert part.end is not None
    return np.asarray((start < part.end) & (end > part.start) & (end > start))


_Read = tuple[
    list[str], torch.Tensor, list[npt.NDArray[np.bool_]], npt.NDArray[np.int64]
]  # fmt: skip


def _read(
    context: Context, texts: list[str], length: int, batch_size: int
) -> Iterator[_Read]:  # fmt: skip
    """Texts of a batch, the last state [B, S, D], which pieces are not padding, and offsets."""
    tokenizer, model = context.tokenizer, context.model
    texts = sorted(texts, key=len, reverse=True)  # the batch that needs most memory fails at once
    kept = min(length, context.anatomy.max_tokens)
    with evaluating(model), gated(model, context.subnetwork), torch.inference_mode():
        for start in range(0, len(texts), batch_size):
            some = texts[start : start + batch_size]
            given = tokenizer(
                some, truncation=True, max_length=kept, padding=True,
                return_offsets_mapping=True, return_tensors="pt",
                return_token_type_ids=makes_token_types(tokenizer),
            )  # fmt: skip
            offsets = given.pop("offset_mapping").numpy()
            inputs = {name: tensor.to(model.device) for name, tensor in given.items()}
            states = model.base_model(**inputs).last_hidden_state
            inside = given["attention_mask"].numpy().astype(np.bool_)
            wide = torch.promote_types(states.dtype, torch.float32)
            yield some, states.to("cpu", wide), list(inside), offsets
