"""How many examples have a partner of another length, or one that may have another class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...data.masking.masked_batches import task_batches
from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ..masks.subnetwork import Subnetwork
from ..partners.drawing import Drawn, read_partners
from ..partners.input_rows import rows_of_batches

OF_INPUTS = ("resample", "counterfactual")
"""Ablations that replace units by their activations on partner inputs."""

_BATCH = 64


@dataclass(frozen=True)
class PartnerCounts:
    """The inputs of some examples by what their partners are like.

    Attributes:
        n: number of inputs: one for each example, or one for each option of a question.
        n_shorter: inputs whose partner has fewer subwords.
        n_longer: inputs whose partner has more subwords.
        n_unmatched: inputs whose partner should have had the same class, but whose class the mask
            does not know.
        by_class: whether partners have the class of the input.
    """

    n: int
    n_shorter: int = 0
    n_longer: int = 0
    n_unmatched: int = 0
    by_class: bool = False

    def said(self, what: str = "inputs") -> tuple[str, ...]:
        """Lines for the user; none if every partner matches.

        Args:
            what: the inputs, in the plural.
        """
        other = self.n_shorter + self.n_longer
        lines = [
            f"{other:,} of {self.n:,} {what} have partners of another length ({self.n_shorter:,} "
            f"shorter, {self.n_longer:,} longer), whose subwords are aligned by relative position"
        ]
        lines = lines if other else []
        if self.by_class:
            lines.append(
                f"partners share the class of the {what}, so that what replaces pruned units "
                "tells the right answer: scores do not show what the kept units know"
            )
        if self.n_unmatched:
            lines.append(
                f"the mask does not know the class of {self.n_unmatched:,} of {self.n:,} {what}: "
                "their partners are drawn from all classes"
            )
        return tuple(lines)


def partner_counts(
    mask: Subnetwork,
    tokenizer: Any,
    examples: Sequence[Example],
    spec: TaskSpec,
    *,
    max_length: int,
) -> PartnerCounts:
    """Look up the partners of examples.

    Args:
        mask: the mask; without an ablation that uses other inputs, there is nothing to count.
        tokenizer: the model's tokenizer.
        examples: the examples.
        spec: their task.
        max_length: maximum number of subwords of an input.

    Raises:
        MaskError: if an input has no counterfactual.
    """
    if mask.ablation not in OF_INPUTS:
        return PartnerCounts(0)
    partners = read_partners(mask.ablation, mask.constants)
    batches = task_batches(tokenizer, examples, spec, batch_size=_BATCH, max_length=max_length)
    rows = [row for one in rows_of_batches(batches) for row in one]
    gaps = [int(partners.donors.lengths[partners.of(row)]) - len(row) for row in rows]
    unmatched = 0
    by_class = isinstance(partners, Drawn) and partners.own_labels is not None
    if isinstance(partners, Drawn) and by_class:
        unmatched = sum(partners.labels.get(row.key) is None for row in rows)
    shorter, longer = sum(gap < 0 for gap in gaps), sum(gap > 0 for gap in gaps)
    return PartnerCounts(len(rows), shorter, longer, unmatched, by_class)
