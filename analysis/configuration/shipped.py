"""The configurations that are part of the package and are named without a path."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ...data.errors import UnknownNameError

FOLDER = ("resources", "configurations")


def shipped() -> dict[str, Path]:
    """Name -> file of each, by name."""
    folder = Path(str(files("subprobe.data").joinpath(*FOLDER)))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def found_file(path: Path) -> Path:
    """An existing file of that name, else the shipped configuration of that name."""
    bare = path.name == str(path) and not path.exists()
    return shipped().get(path.name, path) if bare else path


def shipped_file(name: str) -> Path:
    """The file of a shipped configuration.

    Raises:
        UnknownNameError: if no shipped configuration has that name.
    """
    known = shipped()
    if name not in known:
        raise UnknownNameError("shipped configuration", name, known)
    return known[name]


def described() -> list[dict[str, str]]:
    """Records that describe the shipped configurations by the comment at the beginning of each."""
    found = []
    for name, path in shipped().items():
        lines = path.read_text("utf-8").partition("\n\n")[0].splitlines()
        found.append({"config": name, "what": " ".join(line.strip("# ") for line in lines)})
    return found
