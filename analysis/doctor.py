"""Whether this machine has what a run needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch

from ..data.errors import SubprobeError
from ..data.sentences.annotate import find_pipeline
from ..models.checkpoint.checkpoint import resolve_model
from .running.manifest import versions


def _check(name: str, find: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"check": name, "ok": True, "found": find()}
    except SubprobeError as error:
        return {"check": name, "ok": False, "found": str(error)}


def _encoder() -> str:
    return f"embedded encoder, checksum right: {resolve_model('embedded').name}"


def _pipeline() -> str:
    meta = find_pipeline().meta
    return f"{meta['lang']}_{meta['name']} {meta['version']}"


def _device() -> str:
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, GPU {gpu}"


def examine() -> list[dict[str, Any]]:
    """One record for each check: `check`, `ok`, `found`."""
    libraries = [
        {"check": name, "ok": bool(version), "found": version or "not installed"}
        for name, version in versions().items()
    ]
    return [
        *libraries,
        _check("machine", _device),
        _check("encoder", _encoder),
        _check("spaCy pipeline", _pipeline),
    ]
