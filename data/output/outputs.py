"""Check all output paths of a command before the computation starts."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..errors import ConfigError
from ..files.temporaries import remove_stale
from .folders import check_folder
from .ownership import Record, is_signed

TABLES = (".csv", ".parquet")
MASKS = (".safetensors",)
PAGES = (".html",)
ONNX = (".onnx",)

_FILES = frozenset(
    {
        *TABLES, ".tsv", ".xls", ".xlsx", ".xlsm", ".ods", ".feather", ".arrow", ".rds",
        ".json", ".jsonl", ".toml", ".yaml", ".yml", ".xml", ".db", ".sqlite", ".h5", ".hdf5",
        *PAGES, ".htm", ".pdf", ".svg", ".png", ".jpg", ".jpeg", ".tex", ".md", ".doc", ".docx",
        ".txt", ".conll", ".conllu", ".log", ".py", ".gz", ".bz2", ".xz", ".zst", ".zip", ".tar",
        ".tgz", *MASKS, *ONNX, ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".pkl", ".pickle",
    }
)  # fmt: skip
"""Suffixes of names that denote a file, never a folder."""


def user_path(text: str | Path) -> Path:
    """A path as the user wrote it, with `~` and `~name` replaced by the home folder.

    Raises:
        ConfigError: if the path is empty, or the home folder does not exist.
    """
    if not str(text):
        raise ConfigError("the path is empty", remedy="name a file or folder")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError("the home folder does not exist", where=str(text)) from None


def user_text(text: str) -> str:
    """The value of an option that may be a path, with `~` replaced by the home folder."""
    return str(user_path(text)) if text.startswith("~") else text


def prepare_out(
    path: Path | str,
    *,
    files: Sequence[str] = (),
    folder: str = "",
    again: str = "",
    overwrite: bool = False,
    option: str = "out",
    reads: Iterable[Path | str | None] = (),
) -> Path:
    """Check an output path of a command, without writing anything.

    Args:
        path: the path that the user named.
        files: suffixes that a file may have here.
        folder: if a folder is allowed, the name of its writer (see `atomic_folder`).
        again: writer whose earlier files may be replaced.
        overwrite: accept a file, or a folder with files, that subprobe did not write.
        option: name of the option, for messages.
        reads: inputs of the same command, which are never replaced.

    Returns:
        The path as written, or the resolved path if it contains links or `..`.

    Raises:
        ConfigError: if the name has the wrong form, the path is not writable, a link is broken or
            leads out of its folder, or something exists there that subprobe did not write.
    """
    named = user_path(path)
    try:
        found = named.resolve()
        is_file = _is_file(named, files, bool(folder), option)
        _check_links(named, is_file)
        _check_read(found, reads, named)
        if is_file:
            _check_file(found, again, overwrite)
        else:
            check_folder(found, folder, overwrite=overwrite)
        _check_writable(found if found.is_dir() else found.parent)
        remove_stale(found.parent)
        remove_stale(found)
    except (OSError, RuntimeError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be written ({said})", where=f"`{option}` {named}") from None
    return named if found == named.absolute() else found


def is_file_name(path: Path) -> bool:
    """Whether a name has the suffix of an output file."""
    return path.suffix.lower() in _FILES


def _is_file(path: Path, files: Sequence[str], folder: bool, option: str) -> bool:
    """Whether a name is that of an allowed file; otherwise it denotes a folder."""
    right = " or ".join(files) + " file"
    if files and folder:
        right += ", or a folder"
    if path.suffix.lower() in files:
        return True
    if not files and is_file_name(path):
        raise ConfigError(
            f"the output is a folder, but {path.suffix} is the suffix of a file",
            where=f"`{option}` {path}",
            remedy=f"name a folder, such as {path.with_suffix('')}",
        )
    if files and (not folder or is_file_name(path)):
        said = (
            f"{path.suffix} is not a supported output format"
            if path.suffix
            else "the name has no suffix"
        )
        raise ConfigError(said, where=f"`{option}` {path}", remedy=f"name a {right}")
    return False


def _check_links(named: Path, is_file: bool) -> None:
    for one in (named, *named.parents):
        if one.is_symlink() and not one.exists():
            raise ConfigError("is a broken link", where=str(one), remedy="name another path")
    linked = is_file and named.is_symlink()
    if linked and not named.resolve().is_relative_to(named.parent.resolve()):
        raise ConfigError(
            "is a link that leads out of its folder",
            where=str(named),
            remedy="name the file itself",
        )


def _check_read(found: Path, reads: Iterable[Path | str | None], named: Path) -> None:
    for one in reads:
        # a plain name is a hub id or a word such as `embedded`, never a folder
        if one is None or (isinstance(one, str) and not one.startswith((".", "/", "~"))):
            continue
        if user_path(one).resolve() == found:
            raise ConfigError(
                "is an input of the command", where=str(named), remedy="name another path"
            )


def _check_file(found: Path, again: str, overwrite: bool) -> None:
    if found.is_dir():
        raise ConfigError("is a folder", where=str(found), remedy="name a file in it")
    if not found.exists():
        return
    if not stat.S_ISREG(found.stat().st_mode):
        raise ConfigError(
            "is not an ordinary file", where=str(found), remedy="tables go to stdout without `out`"
        )
    owner = Record.of(found.parent).writer_of(found.name)
    if owner is not None and owner != again:
        raise ConfigError(
            f"was written by `{owner}` as part of this folder",
            where=str(found),
            remedy="name another file",
        )
    if not (overwrite or owner is not None or is_signed(found) or found.stat().st_size == 0):
        raise ConfigError(
            "is a file that subprobe did not write",
            where=str(found),
            remedy="name another file, or replace it with `overwrite`",
        )


def _check_writable(folder: Path) -> None:
    """Raise OSError unless a file can be created in the folder, or the folder can be created."""
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigError(
            "is a file", where=str(folder), remedy="name a folder that can be created"
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, f"no permission to write in {folder}")
    with tempfile.TemporaryFile(dir=folder):
        pass
