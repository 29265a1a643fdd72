"""Repeat a computation with batches of half the size if memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from ...data.errors import MemoryLimitError

Result = TypeVar("Result")

SMALLER = "ask for a smaller `batch_size` or `max_length`"
"""Remedy if half a batch needs too much memory as well."""

_SAID = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Messages of torch for errors without a separate type, from the CPU allocator and libraries."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that CPU or GPU memory is exhausted."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(said in str(error) for said in _SAID)


def once_halved(
    run: Callable[[int], Result],
    size: int,
    *,
    what: str,
    remedy: str,
    say: Callable[[str], None] | None = None,
    may_halve: bool = True,
) -> tuple[Result, int]:
    """Run a computation; if memory runs out, run it again from the start with half the size.

    Args:
        run: the computation, given the number of examples to hold in memory at once. It must start
            anew when called again, so that its result depends only on the final size.
        size: initial size.
        what: name of the computation, such as "scoring".
        remedy: what the user can do if half the size needs too much memory as well.
        say: receives a message about the smaller size.
        may_halve: False if the result depends on the size, or the size was halved before.

    Returns:
        The result of `run`, and the final size.

    Raises:
        MemoryLimitError: if memory runs out again, or the size cannot be halved.
    """
    found, smaller = _tried(run, size), size // 2
    if found is None and may_halve and smaller:
        if say is not None:
            say(
                f"out of memory: {what} starts again with {smaller} instead of {size} examples "
                "at a time"
            )
        size = smaller
        found = _tried(run, size)
    if found is None:
        examples = "1 example" if size == 1 else f"{size} examples"
        raise MemoryLimitError(f"out of memory: {what} with {examples} at a time", remedy=remedy)
    return found[0], size


def _tried(run: Callable[[int], Result], size: int) -> tuple[Result] | None:
    """The result of the computation; None if memory ran out, after its memory was released."""
    try:
        return (run(size),)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # outside of the handler, because the traceback holds the tensors of every frame
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
