"""The step that probes: one probe on one model under one mask."""

from __future__ import annotations

from ...models.training.evaluate import is_finite
from ..cell_output import CellOutput
from ..configuration.asked_probes import comparing, narrowed, of_corpus, of_task
from ..flags import DIVERGED
from ..steps.probing import probe_model
from ..steps.said import reading_said, unscored_said
from .scoring import flagged_by_training, reported_state
from .work import Work, noted


def probe(work: Work) -> CellOutput:
    """The rows and items of one probe."""
    name, state = str(work.options["probe"]["name"]), str(work.options["state"])
    options = narrowed(work.materials.probe_options(work.options["task"]), [name])
    mask = work.mask()
    compares = bool(comparing([name])) and state != "pretrained"
    if state == "pretrained":
        model, tokenizer = work.materials.pretrained, work.model("model")[1]
    else:
        model, tokenizer = work.model("model")
    if not is_finite(model):
        work.say("its weights contain NaN or infinity: nothing to probe")
        return noted({"flag": DIVERGED, "texts": {}})
    corpus = work.materials.corpus(name) if of_corpus(options) else None
    explained = of_task(options) and state != "pretrained"
    length = work.setting.recipe.max_length
    with work.progress.stage(work.title) as advance:
        output = probe_model(
            model,
            tokenizer,
            mask,
            work.parts.spec,
            corpus,
            work.materials.examples(work.parts.spec.name, work.seed) if explained else (),
            options,
            split=work.parts.report_name,
            progress=advance,
            reference=work.materials.pretrained if compares else None,
            task_length=length,
            say=work.say,
        )
    lengths = {"sentences": options.max_length, "examples": length}
    for line in (*reading_said(output.notes["texts"], lengths), *unscored_said(output.rows)):
        work.say(line)
    rows = output.rows
    if state in ("finetuned", "retrained"):
        rows = flagged_by_training(rows, str(work.output("model").notes["flag"]))
    return work.named(output.but(rows=rows), mask, reported_state(work, state))
