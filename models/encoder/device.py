"""Where a model runs."""

from __future__ import annotations

import torch

from ...data.errors import ConfigError, UnknownNameError

DEVICES = ("auto", "cpu", "cuda")


def device_of(name: str) -> torch.device:
    """The device that a name stands for; `auto` is a GPU where torch finds one, else the CPU.

    Raises:
        ConfigError: for `cuda` where torch finds no GPU.
        UnknownNameError: for another name.
    """
    if name not in DEVICES:
        raise UnknownNameError("device", name, DEVICES)
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ConfigError(
            "torch finds no CUDA device here",
            where="`device`",
            remedy="choose cpu or auto; `subprobe doctor` lists the devices",
        )
    return torch.device("cuda" if found and name != "cpu" else "cpu")
