"""What is done when memory runs out: the same work once more, in batches of half the size."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from ...data.errors import MemoryLimitError

Result = TypeVar("Result")

SMALLER = "ask for a smaller `batch_size` or `max_length`"
"""What can be done where half a batch is too much."""

_SAID = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""What torch says where it has no type of its own for it: the allocator of processors, and the
libraries of GPUs."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that there is not enough memory, on a processor or a GPU."""
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
    """Do a piece of work, and once more from its start with half the size if memory runs out.

    Args:
        run: the work, given how many examples are to be in memory at once. It is called again from
            the start, so that what it gives depends on the size that it ended with and on nothing
            that went before.
        size: at first.
        what: the work in words, such as "scoring".
        remedy: for the user, where half the size is too much as well.
        say: told of the smaller size.
        may_halve: False where the result depends on the size, or it was halved before.

    Returns:
        what `run` gave, and the size that it ended with.

    Raises:
        MemoryLimitError: if memory runs out a second time, or nothing is left to halve.
    """
    found, smaller = _tried(run, size), size // 2
    if found is None and may_halve and smaller:
        if say is not None:
            say(f"out of memory: {what} starts again with {smaller} examples at a time, not {size}")
        size = smaller
        found = _tried(run, size)
    if found is None:
        examples = "1 example" if size == 1 else f"{size} examples"
        raise MemoryLimitError(f"out of memory: {what} with {examples} at a time", remedy=remedy)
    return found[0], size


def _tried(run: Callable[[int], Result], size: int) -> tuple[Result] | None:
    """What the work gives; None if memory ran out, once what the work held is given back."""
    try:
        return (run(size),)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    # after the handler: the traceback held the tensors of every frame
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
