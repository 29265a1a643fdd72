"""What `tokens` and `control` share: states of the parts, shapes, schedule, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...data.errors import InputError
from ...data.sentences.sentence import Example
from ..forward.base import Context
from ..forward.shared_pass import Progress
from ..learning.fitting import Schedule
from ..learning.learning import Learning
from ..states.word_states import WordStates
from .answers import Answers, Plan, Shape


def states_of(
    context: Context,
    examples: Sequence[Example],
    learning: Learning,
    *,
    batch_size: int,
    progress: Progress | None,
) -> dict[str, WordStates]:
    """The states of each part, from the cache of `learning`."""
    texts = {"train": learning.train, "dev": learning.dev, "test": examples}
    return {
        part: learning.states.of(context, given, batch_size=batch_size, progress=progress)
        for part, given in texts.items()
    }


def shapes_of(hidden: Sequence[int], rank: Sequence[int]) -> list[Shape]:
    """Every shape that the sizes allow: a hidden layer or a rank, not both."""
    return [Shape(units, columns) for units in hidden for columns in rank if not units * columns]


def plan_of(seed: int, seeds: int, rates: Sequence[float], epochs: int) -> Plan:
    """How classifiers are trained: the schedule of Hewitt & Liang (2019)."""
    schedule = Schedule(epochs=epochs, factor=0.5, patience=4)
    return Plan(tuple(range(seed, seed + seeds)), tuple(rates), schedule, order=seed)


def notes_of(
    probe: str,
    learning: Learning,
    parts: Mapping[str, WordStates],
    answered: Sequence[Answers],
    left_out: Mapping[str, str],
) -> dict[str, int | float | str]:
    """Notes on the training data, the tasks that were learnt and those that were not."""
    sizes = ", ".join(f"{len(parts[part].examples)} {part}" for part in parts)
    found: dict[str, int | float | str] = {f"{probe}_sentences": f"{sizes} ({learning.how})"}
    for answers in answered:
        name = f"{probe}_{answers.question.name}"
        found |= {f"{name}_{key}": said for key, said in answers.question.said().items()}
        found |= {f"{name}{answers.shape.said}_{key}": said
                  for key, said in answers.said().items()}  # fmt: skip
    if left_out:
        reasons = (f"{name} ({why})" for name, why in left_out.items())
        found[f"{probe}_left_out"] = ", ".join(reasons)
    return found


def refused(probe: str, what: str, why: str) -> InputError:
    """The error of a probe for a requested task that cannot be learnt."""
    return InputError(
        f"{what} cannot be learnt: {why}",
        where=probe,
        remedy=f"remove it from the option {probe}.tasks",
    )
