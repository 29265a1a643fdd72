"""Test the hypotheses about a mask of a loaded model."""

from __future__ import annotations

import pandas as pd

from ...data.errors import ConfigError
from ...data.output.better import LOWER
from ...models.masks.compact_mask import compact_mask
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Evaluation, Scorer
from ..flags import ABOUT, FAILED, UNLEARNED, joined
from ..hypotheses.asked import Asked
from ..hypotheses.measure import Found, check_testable, hypotheses_of
from ..steps.degenerate import degenerate_search
from ..steps.identity import DONORS_BY_LABEL, by_label
from ..steps.masks import state_of
from ..steps.performance import lowest, performance_rows
from ..steps.progress import Progress
from .loaded import LoadedModel


def loaded_hypotheses(
    loaded: LoadedModel, mask: Subnetwork, asked: Asked, progress: Progress,
    *, batch_size: int = 64,
) -> Found:  # fmt: skip
    """Test a mask on the reported examples; the model is loaded once for all masks.

    Args:
        loaded: a fine-tuned model with its task.
        mask: the mask, checked against the model.
        asked: what is tested.
        progress: receives the progress, and warnings about models and masks.
        batch_size: examples per forward pass.

    Raises:
        ConfigError: if the model is a smaller one, which lacks the pruned units.
        MaskError: as `check_testable`.
    """
    if compact_mask(loaded.model) is not None:
        raise ConfigError(
            "a smaller model does not have its pruned units, so it cannot run without the others",
            where=loaded.name,
            remedy="use the model on which the mask was found",
        )
    check_testable(mask, asked, loaded.parts.spec)
    if (flag := loaded.meta.get("flag")) in FAILED:
        progress.say(f"{loaded.name} {ABOUT[str(flag)]}")
    if said := degenerate_search(mask):
        progress.say(f"DEGENERATE: {said}")
    if state_of(mask, loaded.meta) == "retrained":
        progress.say(
            f"{loaded.name} was retrained under this mask: the units that the mask prunes were not "
            "trained, so that it needs its own units in any case"
        )
    loaded.tell(loaded.parts.report, "reported examples", progress)
    scorer = Scorer(
        loaded.model, loaded.tokenizer, loaded.parts.report, loaded.parts.spec,
        batch_size=batch_size, max_length=loaded.max_length, say=progress.say,
    )  # fmt: skip
    full = scorer.score(None)
    flag = joined(unlearned(loaded, full), loaded.flag, DONORS_BY_LABEL if by_label(mask) else "")
    about = {
        "model": loaded.name, "task": loaded.parts.spec.name, "method": mask.method,
        "seed": loaded.seeds[0],
    }  # fmt: skip
    return hypotheses_of(
        scorer, mask, loaded.parts.spec, asked, about=about, flag=flag, full=full,
        progress=progress,
    )  # fmt: skip


def unlearned(loaded: LoadedModel, full: Evaluation) -> str:
    """The flag of the model's training; of one without a record, whether it learned its task.

    It did not if the interval of its score on the reported examples reaches the majority baseline:
    its masks are then trivially equivalent to it.
    """
    if "flag" in loaded.meta:
        return str(loaded.meta["flag"] or "")
    first = performance_rows(full, loaded.parts).iloc[0]
    if pd.isna(first["baseline_value"]) or first.get("better") == LOWER:
        return ""
    low = lowest(float(first["value"]), first["ci_low"])
    return UNLEARNED if low <= float(first["baseline_value"]) else ""
