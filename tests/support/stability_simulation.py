"""The simulations of `make check-statistics`, importable from tests of any working folder."""

import importlib.util
import sys
from pathlib import Path

import subprobe

_ROOT = Path(subprobe.__file__).parent / "benchmarks"


def _load(name):
    spec = importlib.util.spec_from_file_location(f"_simulation_{name}", _ROOT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up by name
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_coverage, _size = _load("stability_coverage"), _load("stability_size")
Law, cover = _coverage.Law, _coverage.cover
agreement_null, reference_null = _size.agreement_null, _size.reference_null
size_rows = _size.size_rows
