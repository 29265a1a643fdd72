"""The steps that train the full model, a subnetwork again, or a model from random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...data.output.ownership import RECORD, Record
from ...data.tasks.class_order import parse_pairs
from ...data.tasks.task_parts import examples_digest
from ...models.checkpoint.checkpoint import save_classifier
from ...models.folder.sources import MODEL
from ...models.masks.names import KINDS
from ...models.masks.subnetwork import Subnetwork
from ...models.training.finetune import FineTuned, finetune
from ..cell_output import CellOutput
from ..steps.masks import RETRAINED
from ..steps.outcome import Outcome, outcome
from ..steps.said import read_said
from .work import Work, noted

STARTS = {**dict.fromkeys(KINDS, "pretrained"), "reinit": "random", "shuffled": "shuffled"}
"""Kind -> the initial weights of its training."""


def finetune_full(work: Work) -> CellOutput:
    """Fine-tune the full model; the notes hold the fingerprint of the fine-tuned weights."""
    trained, came_to = train(work, None)
    length, count = work.setting.recipe.max_length, len(work.parts.train)
    for line in read_said(trained, count, length, "training examples"):
        work.say(line)
    notes = {
        "fingerprint": trained.fingerprint,
        "n_truncated": trained.n_truncated,
        "n_wordless": trained.n_wordless,
        **came_to.notes,
    }
    save(work, trained, "", **notes)
    return noted(notes)


def retrain(work: Work) -> CellOutput:
    """Fine-tune a mask on the pretrained weights."""
    mask = work.mask()
    assert mask is not None
    # if no round succeeded, the ticket is the full model, and no later weights are used
    late = mask.method == "imp" and bool(mask.weight_masks)
    rewind = int(work.options.get("rewind", 0)) if late else 0
    begun: dict[str, Any] = {}
    if mask.method == "imp":
        begun = {"start": STARTS[mask.kind], "rewind": rewind}
    elif "route" in work.options and not mask.weight_masks:
        begun = {"route": work.options["route"]}
    trained, came_to = train(work, mask, **begun)
    draw = f"-{mask.draw}" if mask.draw else ""
    own = mask.task == work.parts.spec.name
    of = "" if own else f"-of-{mask.task}"
    kept = {RETRAINED: mask.mask_id, **begun, **came_to.notes}
    save(work, trained, f"-{mask.method}-{mask.kind}{draw}{of}-retrained", **kept)
    return noted({"fingerprint": trained.fingerprint, **begun, **came_to.notes})


def train_untrained(work: Work) -> CellOutput:
    """Train the same architecture from random weights: a baseline, not a subnetwork."""
    trained, came_to = train(work, None, start="random")
    save(work, trained, "-untrained", **came_to.notes)
    return noted({"fingerprint": trained.fingerprint, **came_to.notes})


def train(
    work: Work,
    mask: Subnetwork | None,
    *,
    start: str = "pretrained",
    rewind: int = 0,
    route: str = "masked",
) -> tuple[FineTuned, Outcome]:
    """Train from the pretrained or other initial weights, with or without a mask.

    Returns:
        The trained model and the outcome of the training; a failure is reported.
    """
    config, setting = work.materials.config, work.setting
    with work.progress.stage(work.title) as advance:
        trained = finetune(
            work.materials.prepared.source.name,
            work.parts,
            setting.recipe,
            seed_init=work.seeds[0],
            seed_order=work.seeds[1],
            subnetwork=mask,
            start=start,
            rewind=rewind,
            route=route,
            labels=parse_pairs(config.labels),
            allow_no_specials=config.allow_no_specials,
            device=config.device,
            progress=advance,
            # removed after the training: an interrupted training resumes from it
            checkpoints=work.store.state(work.order.id),
            checkpoint_steps=config.recipe.checkpoint_steps,
            checkpoint_minutes=config.recipe.checkpoint_minutes,
            say=work.say,
        )
    came_to = outcome(trained, work.parts, setting.recipe, mask)
    if came_to.why:
        work.say(came_to.why)
    return trained, came_to


def save(work: Work, trained: FineTuned, ending: str, **about: Any) -> None:
    """Save a trained model in the run's `models/`, with its record."""
    folder = work.store.folder / "models" / f"{work.parts.spec.name}-seed{work.seed}{ending}"
    split = work.materials.config.split_seed(work.seed)
    meta = {
        "cell_id": work.order.id,
        "model": work.materials.prepared.source.name,
        "task": work.parts.spec.name,
        "pair": work.parts.spec.pair,
        "seed_init": work.seeds[0],
        "seed_order": work.seeds[1],
        **({} if split == work.seeds[0] else {"seed_split": split}),
        "selection": work.parts.selection_name,
        "train_digest": examples_digest(work.parts.train),
        "recipe": vars(work.setting.recipe),
        "fingerprint": trained.fingerprint,
        **about,
    }
    # the run folder was checked before: a file of the user with the same name is renamed
    save_classifier(trained.model, trained.tokenizer, folder, meta, overwrite=True)
    work.files += files_of(folder)


def files_of(folder: Path) -> list[Path]:
    """The files of a saved model, weights first, without the record that lists them."""
    names = Record.of(folder).files.get(MODEL, {})
    paths = [folder / name for name in sorted(names) if name != RECORD]
    return sorted(paths, key=lambda path: path.suffix != ".safetensors")
