"""Choose the device of a model."""

from __future__ import annotations

import torch

from ...data.errors import ConfigError, UnknownNameError

DEVICES = ("auto", "cpu", "cuda")


def device_of(name: str) -> torch.device:
    """The device with a name; `auto` is a GPU if torch finds one, otherwise the CPU.

    Raises:
        ConfigError: if the name is `cuda` and torch finds no GPU.
        UnknownNameError: if the name is unknown.
    """
    if name not in DEVICES:
        raise UnknownNameError("device", name, DEVICES)
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ConfigError(
            "torch finds no CUDA device",
            where="`device`",
            remedy="choose cpu or auto; `subprobe doctor` lists the devices",
        )
    return torch.device("cuda" if found and name != "cpu" else "cpu")
