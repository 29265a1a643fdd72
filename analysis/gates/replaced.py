"""What replaces the outputs of units while their gates are learned, and in the mask afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...data.errors import ConfigError, UnknownNameError
from ...data.tasks.task import TaskParts
from ...models.ablation.constants import with_ablation
from ...models.ablation.searching import replaced_as, searched_under
from ...models.masks.names import ABLATIONS
from ...models.masks.subnetwork import Subnetwork

BATCH = 64
"""Examples per forward pass where nothing is trained."""


@dataclass(frozen=True)
class Replaced:
    """The ablation of learned gates: a gate z gives z * output + (1 - z) * replacement.

    Attributes:
        ablation: one of `ABLATIONS`.
        match: the examples among which `resample` draws partners.
        donor_seed: seed of these draws.
    """

    ablation: str = "zero"
    match: str = "any"
    donor_seed: int = 0

    def check(self, units: str) -> None:
        """Raise unless outputs of these units can be replaced.

        Args:
            units: the units with gates.

        Raises:
            UnknownNameError: if there is no such ablation.
            ConfigError: for single weights under an ablation other than zero.
        """
        if self.ablation not in ABLATIONS:
            raise UnknownNameError("ablation", self.ablation, ABLATIONS)
        if units == "weights" and self.ablation != "zero":
            raise ConfigError(
                f"single weights have no output that the ablation {self.ablation} could replace",
                where="`ablation`",
                remedy="use zero, or gates on other `units`",
            )

    def whole(self, model: Any, tokenizer: Any, parts: TaskParts, *, max_length: int) -> Subnetwork:
        """The mask of all units under the ablation that holds while gates are learned.

        Args:
            model: the full model.
            tokenizer: its tokenizer.
            parts: the task; means and partners come from `parts.train`.
            max_length: maximum subwords per example.

        Raises:
            UnknownNameError, ConfigError, InputError, MaskError: as in `with_ablation`.
        """
        return searched_under(self.ablation, model, tokenizer, parts, **self._reading(max_length))

    def hardened(
        self,
        mask: Subnetwork,
        like: Subnetwork,
        model: Any,
        tokenizer: Any,
        parts: TaskParts,
        *,
        max_length: int,
        say: Callable[[str], None] | None = None,
    ) -> Subnetwork:
        """A mask of learned gates with the ablation under which they were learned.

        Args:
            mask: the hardened gates.
            like: see `whole`; the constants of `learned` belong to one mask and are learnt here.
            model: the model of the mask.
            tokenizer: its tokenizer.
            parts: the task.
            max_length: maximum subwords per example.
            say: receives the loss of constants that are learnt.
        """
        found = replaced_as(mask, like)
        if found.ablation == self.ablation:
            return found
        reading = self._reading(max_length)
        return with_ablation(found, self.ablation, model, tokenizer, parts, **reading, say=say)

    def _reading(self, max_length: int) -> dict[str, Any]:
        return {
            "batch_size": BATCH, "max_length": max_length, "match": self.match,
            "seed": self.donor_seed,
        }  # fmt: skip


ZEROS = Replaced()
"""Closed units give zero, as in the study."""
