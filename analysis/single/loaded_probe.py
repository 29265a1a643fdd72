"""Run probes on a loaded model; rows identify the model and its mask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskSpec
from ...models.encoder.anatomy import anatomy_of
from ...models.folder.text_lengths import fitting_length
from ...models.masks.compact_mask import compact_mask
from ...models.masks.subnetwork import Subnetwork
from ...probes.registry import find_probe
from ..cell_output import CellOutput, join
from ..configuration.asked_probes import check_fitting, explaining, learning
from ..configuration.config import ProbeOptions
from ..learning.parts import Parts
from ..learning.probing import Taught, probe_learning, whole_arrays
from ..learning.state_folder import states_in
from ..steps.identity import DONORS_BY_LABEL, by_label, flagged, identity
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
    parts: Parts | None = None,
    cache: Path | None = None,
) -> CellOutput:
    """Run the probes named in `options` on one model, full or under a mask.

    Args:
        loaded: the model.
        mask: the mask, checked against it.
        options: which probes, and their settings.
        corpus: the corpus of probes that read any sentences.
        examples: the examples of probes that read the task.
        split: the split of these examples.
        progress: receives messages about truncated or skipped texts.
        reference: another full model that a probe compares with.
        spec: the task of a model that was loaded without its parts.
        batch_size: examples per forward pass; 0 = as each probe has it.
        parts: the parts for trained probes.
        cache: folder where hidden states are kept; None = they are removed.

    Raises:
        ConfigError: if the maximum length exceeds the models' positions.
        InputError: if a probe cannot read models of the task, such as those of multiple choice, or
            needs named classes and these were matched by position.
    """
    spec = spec or loaded.spec
    check_fitting(options, spec, loaded.classes_by)
    positions = loaded.anatomy.max_tokens
    if reference is not None:
        positions = min(positions, anatomy_of(reference).max_tokens)
    length, said = fitting_length(positions, options.max_length)
    task_length, _ = fitting_length(positions, options.max_length, loaded.max_length)
    if said:
        progress.say(said)
    options = options.model_copy(update={"max_length": length})
    output = join([])
    if set(options.names) != set(learning(options)):
        with progress.stage("probing") as advance:
            output = probe_model(
                loaded.model,
                loaded.tokenizer,
                mask,
                spec,
                corpus,
                examples,
                options,
                split=split,
                progress=advance,
                reference=reference,
                task_length=task_length,
                batch_size=batch_size,
                say=progress.say,
            )
    if parts is not None:
        unknown = parts.say_unknown(loaded.tokenizer, progress)
        learnt = _learning(
            loaded, mask, options, parts, cache, examples, split=split, progress=progress,
            spec=spec, task_length=task_length, batch_size=batch_size,
        )  # fmt: skip
        texts = {**output.notes.get("texts", {}), **learnt.notes["texts"]}
        output = join([output, learnt])
        about = {**parts.note(options), "unknown": unknown}
        output = output.but(notes={**output.notes, "texts": texts, "learning": about})
    tuned = loaded.task is not None or bool(loaded.meta.get("task")) or loaded.order is not None
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
    rows = flagged(rows, loaded.flag)
    return output.but(rows=flagged(rows, DONORS_BY_LABEL) if by_label(mask) else rows)


def _learning(
    loaded: LoadedModel, mask: Subnetwork | None, options: ProbeOptions, parts: Parts,
    cache: Path | None, examples: tuple[Example, ...], *, split: str, progress: Progress,
    spec: TaskSpec | None, task_length: int, batch_size: int,
) -> CellOutput:  # fmt: skip
    """The trained probes; before a mask, the full model if read-outs are transferred."""
    model, tokenizer = loaded.model, loaded.tokenizer
    lengths: dict[str, Any] = {"task_length": task_length, "batch_size": batch_size}
    with states_in(cache, options.cache_limit) as states:
        taught = Taught(parts, states)
        if mask is not None and any(find_probe(name).transfers for name in learning(options)):
            if why := _no_whole(loaded, mask):
                progress.say(f"{why}: no read-out of the full model is transferred to it")
            else:
                whole = whole_arrays(
                    model, tokenizer, spec, taught, examples, options, progress=progress, **lengths
                )
                taught = replace(taught, whole=whole)
        return probe_learning(
            model, tokenizer, mask, spec, taught, examples, options, split=split,
            progress=progress, **lengths,
        )  # fmt: skip


def _no_whole(loaded: LoadedModel, mask: Subnetwork) -> str:
    """Why the model is not a mask of an available full model; empty if it is."""
    if compact_mask(loaded.model) is not None or loaded.meta.get("form") == "baked":
        return f"{loaded.name} has lost units"
    if state_of(mask, loaded.meta) == "retrained":
        return f"{loaded.name} was trained under this mask"
    return ""
