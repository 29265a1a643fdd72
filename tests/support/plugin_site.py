"""Packages with plugins, installed into a folder that a test puts on the path."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PLUGIN = Path(__file__).parent.parent / "plugin"


def install(source: Path, site: Path) -> Path:
    """Install a package of single modules into `site`: its files, and what its build says of it."""
    site.mkdir(parents=True, exist_ok=True)
    for module in source.glob("*.py"):
        shutil.copy(module, site)
    tree = site.parent / f"{site.name}-source"
    shutil.copytree(source, tree)
    code = "import sys; from setuptools import build_meta as b; "
    code += "b.prepare_metadata_for_build_wheel(sys.argv[1])"
    command = [sys.executable, "-W", "ignore", "-c", code, str(site)]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)
    for left in site.glob("*.egg-info"):
        shutil.rmtree(left)
    return site


def declare(site: Path, name: str, entry_points: str) -> None:
    """Write the records of a package that declares entry points and has no files."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    (folder / "entry_points.txt").write_text(entry_points, encoding="utf-8")
