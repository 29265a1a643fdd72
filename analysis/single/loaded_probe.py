"""Probes on a loaded model: rows that say which model and mask they are about."""

from __future__ import annotations

from typing import Any

from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.encoder.anatomy import anatomy_of
from ...models.folder.text_lengths import fitting_length
from ...models.masks.subnetwork import Subnetwork
from ..cell_output import CellOutput
from ..configuration.asked_probes import explaining
from ..configuration.config import ProbeOptions
from ..steps.identity import flagged, identity
from ..steps.masks import state_of
from ..steps.probing import Corpus, probe_model
from ..steps.progress import Progress
from ..steps.said import reading_said, unscored_said
from ..steps.task_head import BY_PLACE
from .loaded import LoadedModel


def probe_loaded(
    loaded: LoadedModel,
    mask: Subnetwork | None,
    options: ProbeOptions,
    *,
    corpus: Corpus | None,
    examples: tuple[Example, ...],
    split: str,
    progress: Progress,
    reference: Any | None = None,
    spec: TaskSpec | None = None,
    batch_size: int = 0,
) -> CellOutput:
    """Run the probes that `options` names on one model, whole or under a mask.

    Args:
        loaded: the model.
        mask: the mask, checked against it.
        options: which probes, and their settings.
        corpus: what probes of any sentences read.
        examples: what probes of the task read.
        split: where those come from.
        progress: told what was cut or left out.
        reference: another whole model that a probe compares with.
        spec: the task of a model that was loaded without its parts.
        batch_size: examples a forward pass; 0 = as each probe has it.

    Raises:
        ConfigError: if more subwords are asked for than the models have positions.
    """
    spec = spec or loaded.spec
    positions = loaded.anatomy.max_tokens
    if reference is not None:
        positions = min(positions, anatomy_of(reference).max_tokens)
    length, said = fitting_length(positions, options.max_length)
    task_length, _ = fitting_length(positions, options.max_length, loaded.max_length)
    if said:
        progress.say(said)
    with progress.stage("probing") as advance:
        output = probe_model(
            loaded.model,
            loaded.tokenizer,
            mask,
            spec,
            corpus,
            examples,
            options.model_copy(update={"max_length": length}),
            split=split,
            progress=advance,
            reference=reference,
            task_length=task_length,
            batch_size=batch_size,
            say=progress.say,
        )
    tuned = loaded.task is not None or bool(loaded.meta.get("task"))
    state = state_of(mask, loaded.meta) if tuned else "pretrained"
    about = identity(loaded.name, mask, state) | {"task": spec.name if spec else ""}
    rows = output.rows.assign(**about)
    if loaded.classes_by == "place":
        of_classes = rows["probe"].isin(explaining(options))
        if of_classes.any():
            rows.loc[of_classes, "flag"] = rows.loc[of_classes, "flag"].fillna(BY_PLACE)
    lengths = {"sentences": length, "examples": task_length}
    for line in (*reading_said(output.notes["texts"], lengths), *unscored_said(output.rows)):
        progress.say(line)
    return output.but(rows=flagged(rows, loaded.flag))
