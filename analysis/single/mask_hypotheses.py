"""Test the hypotheses about a mask of a loaded model."""

from __future__ import annotations

from ...data.errors import ConfigError
from ...models.masks.compact_mask import compact_mask
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import Scorer
from ..flags import ABOUT, FAILED
from ..hypotheses.asked import Asked
from ..hypotheses.measure import Found, check_testable, hypotheses_of
from ..steps.degenerate import degenerate_search
from ..steps.masks import state_of
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
    about = {
        "model": loaded.name, "task": loaded.parts.spec.name, "method": mask.method,
        "seed": loaded.seeds[0],
    }  # fmt: skip
    return hypotheses_of(scorer, mask, loaded.parts.spec, asked, about=about, progress=progress)
