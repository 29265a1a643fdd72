"""The ablation `counterfactual`: a pruned unit has its activation on a paired input.

The pair has the same number of subwords, so that each subword has a counterpart. It comes from a
column of the user's own file, or from the minimal set of a generated example, of which two members
have the other label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...data.errors import InputError
from ...data.masking.masked_batches import task_batches
from ...data.sentences.sentence import Example, plain_sentence
from ...data.tasks.task import TaskParts, TaskSpec
from ..masks.subnetwork import Subnetwork
from ..partners.donors import Donors, Table
from ..partners.drawing import Paired
from ..partners.input_rows import InputRow, rows_of_batches

_BATCH = 64


def with_counterfactuals(
    mask: Subnetwork, tokenizer: Any, parts: TaskParts, *, max_length: int
) -> Subnetwork:
    """The mask with the ablation `counterfactual`, for all examples of a task.

    Of several counterfactuals of an example, the first with as many subwords is its pair. If two
    examples have the same texts, the pair of the first holds for both.

    Args:
        mask: any mask of heads, MLPs and neurons.
        tokenizer: the model's tokenizer.
        parts: the examples, with counterfactuals.
        max_length: maximum number of subwords of an input.

    Raises:
        InputError: if the task cannot have counterfactuals, or an example has none or none of its
            own length.
        MaskError: if the mask prunes single weights, or there are too many examples for a file.
    """
    made = paired(tokenizer, parts, max_length=max_length).arrays()
    return replace(mask, ablation="counterfactual", constants=made, constants_of="")


def paired(tokenizer: Any, parts: TaskParts, *, max_length: int) -> Paired:
    """The pairs of `with_counterfactuals`."""
    spec = parts.spec
    if spec.masked or spec.choices:
        kind = "masked texts" if spec.masked else "multiple-choice questions"
        raise InputError(
            f"{kind} have no counterfactuals",
            where=spec.name,
            remedy="use the ablation resample or mean",
        )
    examples = list(dict.fromkeys((*parts.train, *parts.selection, *parts.report)))
    _check_present(examples, spec)
    pairs = _of_equal_length(tokenizer, examples, spec, max_length)
    inputs = _rows(tokenizer, examples, spec, max_length)
    rows: dict[int, tuple[int, InputRow]] = {}
    numbers: dict[int, int] = {}
    for own, pair in zip(inputs, pairs, strict=True):
        number, _ = rows.setdefault(pair.key, (len(rows), pair))
        numbers.setdefault(own.key, number)
    return Paired(Donors.of([row for _, row in rows.values()]), Table.of(numbers))


def _check_present(examples: Sequence[Example], spec: TaskSpec) -> None:
    """Raise unless every example has a counterfactual.

    Raises:
        InputError: if not.
    """
    without = [example for example in examples if not example.counterfactuals]
    if without:
        several = f"{len(without):,} of {len(examples):,} examples have no counterfactual"
        raise InputError(
            f"{several}, such as {without[0].id}",
            where=spec.name,
            remedy="name its column (`columns`: counterfactual=...) and fill it in every row, or "
            "use the ablation resample or mean",
        )


def _of_equal_length(
    tokenizer: Any, examples: Sequence[Example], spec: TaskSpec, max_length: int
) -> list[InputRow]:
    """The first counterfactual of each example with as many subwords.

    Raises:
        InputError: if an example has none.
    """
    wanted = [len(row) for row in _rows(tokenizer, examples, spec, max_length)]
    found: dict[int, InputRow] = {}
    lengths: dict[int, list[int]] = {place: [] for place in range(len(examples))}
    turn = 0
    while left := [place for place in lengths if place not in found]:
        ended = [place for place in left if turn >= len(examples[place].counterfactuals)]
        if ended:
            place = ended[0]
            others = " and ".join(map(str, lengths[place]))
            raise InputError(
                f"the counterfactual of {examples[place].id} has {others} subwords, but the "
                f"example has {wanted[place]}",
                where=spec.name,
                remedy="pair inputs of the same length, or use the ablation resample or mean",
            )
        tried = [_other(examples[place], turn) for place in left]
        for place, row in zip(left, _rows(tokenizer, tried, spec, max_length), strict=True):
            lengths[place].append(len(row))
            if len(row) == wanted[place]:
                found[place] = row
        turn += 1
    return [found[place] for place in range(len(examples))]


def _other(example: Example, turn: int) -> Example:
    """An example with the texts of its counterfactual number `turn`."""
    first, *rest = example.counterfactuals[turn]
    id = f"counterfactual of {example.id}"
    second = plain_sentence(id, rest[0]) if rest else None
    return example.with_sentences(plain_sentence(id, first), second)


def _rows(
    tokenizer: Any, examples: Sequence[Example], spec: TaskSpec, max_length: int
) -> list[InputRow]:
    batches = task_batches(tokenizer, examples, spec, batch_size=_BATCH, max_length=max_length)
    return [rows[0] for rows in rows_of_batches(batches)]
