"""Modules of `benchmarks/`, importable from tests of any working folder."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import subprobe

_ROOT = Path(subprobe.__file__).parent / "benchmarks"


def load(name: str) -> Any:
    """A module that imports nothing of its own folder."""
    spec = importlib.util.spec_from_file_location(f"_benchmark_{name}", _ROOT / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
