"""Attacks on the full model, which every mask of it is compared with: each is made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from ...models.encoder.fingerprint import tensors_hash
from ..forward.base import Context
from .attacked_text import AttackedText
from .procedure import Outcome

_MOST = 8
"""Attacks that are kept: as many full models as a process attacks in turn."""
_MADE: OrderedDict[Hashable, list[Outcome]] = OrderedDict()


def attacked_once(
    context: Context, texts: Sequence[AttackedText], labels: Sequence[int],
    settings: Sequence[Hashable], attack: Callable[[], list[Outcome]],
) -> list[Outcome]:  # fmt: skip
    """The attack on the model of a context without its mask, made if it is not known.

    Args:
        context: the model.
        texts: N texts.
        labels: their correct classes.
        settings: everything else that the attack depends on.
        attack: makes it.
    """
    said = tuple(text.read for text in texts)
    # with the task head, which differs between models of one encoder
    weights = tensors_hash(context.model.state_dict())
    key = weights, context.max_length, said, tuple(labels), tuple(settings)
    if key not in _MADE:
        _MADE[key] = attack()
    _MADE.move_to_end(key)
    while len(_MADE) > _MOST:
        _MADE.popitem(last=False)
    return _MADE[key]


def state_of(path: str) -> tuple[int, int]:
    """What changes if a file is written again; nothing without a path."""
    if not path:
        return 0, 0
    state = Path(path).stat()
    return state.st_mtime_ns, state.st_size
