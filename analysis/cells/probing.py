"""The step that runs one probe on one model under one mask."""

from __future__ import annotations

from typing import Any

from ...data.tasks.task import TaskSpec
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import is_finite
from ...probes.registry import find_probe
from ..cell_output import CellOutput
from ..configuration.asked_probes import (
    comparing,
    learning,
    narrowed,
    of_corpus,
    of_language,
    of_task,
    unfit_for,
)
from ..configuration.config import ProbeOptions
from ..flags import DIVERGED
from ..learning.probing import Taught, probe_learning
from ..steps.probing import probe_model
from ..steps.said import reading_said, unscored_said
from .scoring import flagged_by_training, reported_state
from .work import Nothing, Work, noted

BARE = ("pretrained", "untrained")
"""States of an encoder without a task."""


def probe(work: Work) -> CellOutput:
    """The rows and items of one probe."""
    if "same" in work.order.inputs:
        return _repeated(work)
    name, state = str(work.options["probe"]["name"]), str(work.options["state"])
    spec = work.parts.spec
    asked = work.materials.probe_options(work.options["task"])
    if why := unfit_for(name, asked, spec):
        raise Nothing(why)
    options = narrowed(asked, [name])
    mask = work.mask()
    model, _ = _model(work, state)
    if not is_finite(model):
        work.say("its weights contain NaN or infinity, so it is not probed")
        return noted({"flag": DIVERGED, "texts": {}})
    output = under(work, mask)
    lengths = {"sentences": options.max_length, "examples": work.setting.recipe.max_length}
    for line in (*reading_said(output.notes["texts"], lengths), *unscored_said(output.rows)):
        work.say(line)
    rows = output.rows
    if state in ("finetuned", "retrained"):
        rows = flagged_by_training(rows, str(work.output("model").notes["flag"]))
    return work.named(output.but(rows=rows), mask, reported_state(work, state))


def under(work: Work, mask: Subnetwork | None) -> CellOutput:
    """The output of the cell's probe on its model under a mask, not yet named."""
    name, state = str(work.options["probe"]["name"]), str(work.options["state"])
    options = narrowed(work.materials.probe_options(work.options["task"]), [name])
    run = _learnt if learning(options) else _read
    return run(work, name, options, *_model(work, state), mask, work.parts.spec, state)


def _model(work: Work, state: str) -> tuple[Any, Any]:
    """The probed model and its tokenizer."""
    if state == "untrained" and of_language([str(work.options["probe"]["name"])]):
        return work.materials.untrained_language_model(work.seed), work.materials.tokenizer
    if state == "untrained":
        return work.materials.untrained(work.seed), work.materials.tokenizer
    if state == "pretrained":
        return work.materials.pretrained, work.materials.tokenizer
    return work.model("model")


def _examples(work: Work, options: ProbeOptions, state: str) -> tuple[Any, ...]:
    """Examples of the task, for a probe that reads them."""
    if not of_task(options) or state in BARE:
        return ()
    return work.materials.examples(work.parts.spec.name, work.seed)


def _read(
    work: Work, name: str, options: ProbeOptions, model: Any, tokenizer: Any,
    mask: Subnetwork | None, spec: TaskSpec, state: str,
) -> CellOutput:  # fmt: skip
    compares = bool(comparing([name])) and state != "pretrained"
    corpus = work.materials.corpus(name) if of_corpus(options) else None
    with work.progress.stage(work.title) as advance:
        return probe_model(
            model,
            tokenizer,
            mask,
            spec,
            corpus,
            _examples(work, options, state),
            options,
            split=work.parts.report_name,
            progress=advance,
            reference=work.materials.pretrained if compares else None,
            task_length=work.setting.recipe.max_length,
            say=work.say,
        )


def _learnt(
    work: Work, name: str, options: ProbeOptions, model: Any, tokenizer: Any,
    mask: Subnetwork | None, spec: TaskSpec, state: str,
) -> CellOutput:  # fmt: skip
    """The same for a trained probe; the arrays for transfer are stored next to its table."""
    whole = {name: work.read_arrays("whole")} if "whole" in work.order.inputs else {}
    taught = Taught(work.materials.texts_to_learn(name), work.materials.states, whole)
    output = probe_learning(
        model,
        tokenizer,
        mask,
        None if state in BARE else spec,
        taught,
        _examples(work, options, state),
        options,
        split=work.parts.report_name,
        progress=work.progress,
        title=work.title,
        task_length=work.setting.recipe.max_length,
    )
    if not find_probe(name).transfers:
        return output
    if state == "finetuned":
        return work.save_arrays(output)
    # they can be learnt again, and no cell reads them
    return CellOutput(output.rows, output.parts, notes=output.notes)


def _repeated(work: Work) -> CellOutput:
    """A result that does not depend on the task, copied under the name of this task and seed."""
    state, found = str(work.options["state"]), work.output("same")
    about = work.about(None, state) | {"cell_id": work.order.id}
    items = found.parts.mapped(lambda part: part.assign(cell_id=work.order.id))
    notes = {name: note for name, note in found.notes.items() if name != "cell"}
    return CellOutput(found.rows.assign(**about), items, found.arrays, notes)
