"""The definitions of importance by name: those of subprobe, and those that other packages add."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...data.plugins import Plugins


@dataclass(frozen=True)
class ImportanceEntry:
    """A definition of importance, with the facts known before its code is loaded.

    Attributes:
        name: its name, as written by the user.
        help: one line with the formula and its source.
        code: its class, or the path of the class as `package.module:Name`. The class is called with
            (model, masks, seed), gets labelled batches by `add`, which returns the logits [B, K],
            and returns the scores by `result` (importance_methods.Method).
    """

    name: str
    help: str
    code: str | Callable[..., Any]

    def load(self) -> Callable[..., Any]:
        """The definition itself."""
        code = pkgutil.resolve_name(self.code) if isinstance(self.code, str) else self.code
        assert callable(code)
        return code


IMPORTANCES: Mapping[str, ImportanceEntry] = {
    name: ImportanceEntry(name, help, f"{__package__}.{code}")
    for name, help, code in (
        (
            "gate-example",
            "E_x |dL(x)/dgate|: the expected sensitivity that Michel et al. (2019), eq. 2, define",
            "importance_methods:GateExample",
        ),
        (
            "gate-token",
            "E_t |dL/dgate_t|: one gate a token, as the code of Michel et al. (2019) does it",
            "importance_methods:GateToken",
        ),
        (
            "gate-batch-accumulated",
            "sum over batches of |g_1 + ... + g_k|: what the code of Prasanna et al. (2020) "
            "computes",
            "importance_methods:BatchAccumulated",
        ),
        (
            "fisher",
            "E_x (dL(x)/dgate)^2: the diagonal of the empirical Fisher information of the mask",
            "importance_methods:Fisher",
        ),
        (
            "taylor-weight",
            "sum over batches of |sum of gradient x weight|: the first-order Taylor score of "
            "weights",
            "weight_scores:TaylorWeight",
        ),
        ("magnitude", "L2 norm of the weights that write a unit's output",
         "weight_scores:Magnitude"),
        (
            "ablation",
            "E_x [L(x) without the unit - L(x)], in units of the loss; pruned units score 0",
            "ablation:Ablation",
        ),
        (
            "random",
            "uniform numbers, the same ones for the same seed whatever the mask: the null of a "
            "ranking",
            "importance_methods:RandomScores",
        ),
    )
}  # fmt: skip
"""The definitions of subprobe, by name; each class states its formula and paper."""

PLUGINS = Plugins("subprobe.importances", "importance", ImportanceEntry, IMPORTANCES)
"""The definitions of other packages."""


def list_importances() -> list[ImportanceEntry]:
    """All definitions: those of subprobe, then those of other packages by name."""
    return [*IMPORTANCES.values(), *PLUGINS.all().values()]


def find_importance(name: str) -> ImportanceEntry:
    """The definition with a name.

    Raises:
        UnknownNameError: listing the names that exist.
    """
    entry = IMPORTANCES.get(name) or PLUGINS.get(name)
    if entry is None:
        raise PLUGINS.unknown(name)
    return entry
