"""Find a model's tokenizer, and check that the packages for reading it are installed."""

from __future__ import annotations

import importlib
from pathlib import Path

from ...data.errors import CheckpointError
from .adapters import base_of, has_adapter
from .checkpoint_files import folder_of
from .sources import ModelSource

_PIECES = ("spm.model", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
"""Names of SentencePiece files in checkpoints of the supported families."""

_NEEDED = {"sentencepiece": "sentencepiece", "google.protobuf": "protobuf"}


def tokenizer_folder(source: ModelSource) -> str:
    """The folder of a model's tokenizer; for an adapter without tokenizer, that of its base.

    Raises:
        CheckpointError: if it cannot be downloaded, or needs a package that is not installed.
    """
    folder = Path(folder_of(source, "tokenizer"))
    if has_adapter(folder) and not (folder / "tokenizer_config.json").is_file():
        folder = Path(folder_of(base_of(source, folder), "tokenizer"))
    if not (folder / "tokenizer.json").is_file():
        _check_reader(folder, source.name)
    return str(folder)


def _check_reader(folder: Path, where: str) -> None:
    """Raise if a folder has only a SentencePiece file and the packages for it are missing."""
    pieces = [name for name in _PIECES if (folder / name).is_file()]
    missing = [package for module, package in _NEEDED.items() if not _installed(module)]
    if pieces and missing:
        raise CheckpointError(
            f"its tokenizer is a SentencePiece file ({pieces[0]}), which needs "
            f"{' and '.join(missing)}",
            where=where,
            remedy="pip install 'subprobe[sentencepiece]'",
        )


def _installed(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
