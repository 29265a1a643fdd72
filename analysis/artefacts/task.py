"""Read a task, classify its examples from part of the input, and measure its artefacts."""

from __future__ import annotations

from ...data.errors import DataFileError
from ...data.tasks.task import TaskData
from ...data.tasks.task_parts import limited, split_parts
from ...models.training.evaluate import Evaluation
from ..configuration.config import RecipeOptions
from ..configuration.task_choice import TaskChoice
from ..steps.data_summary import left_out_lines
from ..steps.progress import Progress
from .measure import Artefacts, measure_artefacts
from .partial import (
    ENCODER,
    NGRAMS,
    by_encoder,
    by_ngrams,
    check_pair,
    chosen_text,
    only,
    recipe_of,
)
from .words import SMOOTHING, TOP


def artefacts_of(
    task: TaskChoice | TaskData,
    *,
    progress: Progress,
    only_text: str = "",
    encoder: str | None = None,
    options: RecipeOptions | None = None,
    smoothing: float = SMOOTHING,
    top: int = TOP,
    selection: str = "held-out",
    limit: int = 0,
    seed: int = 1,
    device: str = "auto",
) -> Artefacts:
    """The artefacts of a task: see `measure_artefacts`.

    Args:
        task: the task, by name or already loaded.
        progress: receives the progress of training, and messages.
        only_text: which text of a pair is read, `second` (the default) or `first`.
        encoder: an encoder that is also fine-tuned on this text alone; only for pairs, as it would
            otherwise see the whole input.
        options: changes to its recorded recipe.
        smoothing: added to each count of PMI.
        top: number of words of each class.
        selection: `held-out` or `reported`, as the model to be analysed is trained.
        limit: maximum number of examples of each part; 0 = all.
        seed: of the held-out examples, of training, and of the bootstraps.
        device: where the encoder is trained.

    Raises:
        ConfigError: for a task without classes, or an encoder for single texts.
        DataFileError: if the training part has examples of one class only, or no words.
    """
    data = task if isinstance(task, TaskData) else task.load()
    text = chosen_text(data.spec, only_text)
    recipe = None
    if encoder:
        check_pair(data.spec)
        # with transformers, which n-grams do not need
        from ...models.checkpoint.checkpoint import resolve_model

        source = resolve_model(encoder)
        recipe = recipe_of(source, data.spec.name, options or RecipeOptions(), device)
    for line in left_out_lines(data):
        progress.say(line)
    parts = only(limited(split_parts(data, selection=selection, seed=seed), limit), text)
    if len({one.label for one in parts.train}) < 2:
        raise DataFileError(
            f"the {len(parts.train)} training examples of {data.spec.name} have one class only",
            remedy="add examples of other classes, or raise `limit`",
        )
    found: dict[str, Evaluation] = {NGRAMS: by_ngrams(parts)}
    if encoder and recipe is not None:
        with progress.stage(f"fine-tuning on the {text} text of {data.spec.name}") as advance:
            found[ENCODER] = by_encoder(
                encoder, parts, recipe, seed=seed, device=device, say=progress.say,
                advance=advance,
            )  # fmt: skip
    return measure_artefacts(parts, text, found, smoothing=smoothing, top=top, seed=seed)
