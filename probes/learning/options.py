"""The options that probes which learn have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from ...data.errors import DataFileError
from ...data.files.atomic import file_digest
from ..entry import Options, PathText, Several


def distinct_rates(rates: tuple[float, ...]) -> tuple[float, ...]:
    """The rates, once they are checked: positive, below 1, each once."""
    if not rates or any(not 0 < rate < 1 for rate in rates):
        raise ValueError("learning rates must be above 0 and below 1")
    if len(set(rates)) < len(rates):
        raise ValueError("learning rates contain duplicates")
    return rates


class StaticOptions(Options):
    """The option of probes that can also be trained on static word vectors."""

    static_vectors: PathText = Field(
        "",
        description="file of static word vectors (GloVe or word2vec text, .gz, or safetensors) "
        "to probe as a baseline of the whole model",
    )

    def inputs(self) -> Mapping[str, str]:
        """The hash of the file of vectors."""
        if not self.static_vectors:
            return {}
        path = Path(self.static_vectors)
        if not path.is_file():
            raise DataFileError("no such file", where=str(path), remedy="check the path")
        return {"static_vectors": file_digest(path)}


class LearningOptions(Options):
    """Options of every probe that learns."""

    seeds: int = Field(1, ge=1, description="probes trained from different first weights")
    seed: int = Field(0, ge=0, description="of the first weights and of the order of texts")
    rates: Annotated[tuple[float, ...], Several, AfterValidator(distinct_rates)] = Field(
        (1e-3,), description="learning rates; the one with the least dev loss is used"
    )
    epochs: int = Field(40, ge=1, description="passes over the training part, at most")
    batch_size: int = Field(32, ge=1, description="texts a forward pass")
