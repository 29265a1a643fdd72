"""The options that all trained probes share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from ...data.errors import DataFileError
from ...data.files.atomic import file_digest
from ..entry import Options, PathText, Several


def distinct_rates(rates: tuple[float, ...]) -> tuple[float, ...]:
    """Check the learning rates: each between 0 and 1, without duplicates."""
    if not rates or any(not 0 < rate < 1 for rate in rates):
        raise ValueError("learning rates must be > 0 and < 1")
    if len(set(rates)) < len(rates):
        raise ValueError("learning rates contain duplicates")
    return rates


class StaticOptions(Options):
    """The option of all probes that can also be trained on static word vectors."""

    static_vectors: PathText = Field(
        "",
        description="file of static word vectors (GloVe or word2vec text, .gz, or safetensors) "
        "to probe as a baseline for the full model",
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of the file of word vectors."""
        if not self.static_vectors:
            return {}
        path = Path(self.static_vectors)
        if not path.is_file():
            raise DataFileError("no such file", where=str(path), remedy="check the path")
        return {"static_vectors": file_digest(path)}


class LearningOptions(Options):
    """Options of all probes that train."""

    seeds: int = Field(
        1, ge=1, description="number of probes trained from different initial weights"
    )
    seed: int = Field(0, ge=0, description="seed of the initial weights and of the order of texts")
    rates: Annotated[tuple[float, ...], Several, AfterValidator(distinct_rates)] = Field(
        (1e-3,), description="learning rates; the one with the lowest dev loss is used"
    )
    epochs: int = Field(40, ge=1, description="maximum number of passes over the training part")
    batch_size: int = Field(32, ge=1, description="texts per forward pass")
