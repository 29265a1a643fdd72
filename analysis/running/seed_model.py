"""The full model of one task and seed: fine-tuned once, loaded where it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.files.atomic import digest
from ...data.tasks.class_order import parse_pairs
from ...data.tasks.task import TaskData, TaskParts
from ...data.tasks.task_parts import examples_digest
from ...models.checkpoint.checkpoint import (
    ModelSource,
    load_classifier,
    load_encoder,
    load_tokenizer,
    read_meta,
    save_classifier,
)
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.device import device_of
from ...models.masks.subnetwork import Subnetwork
from ...models.training.finetune import FineTuned, finetune
from ...models.training.recipes import Recipe
from ..cell_output import CellOutput
from ..configuration.config import RunConfig
from ..steps.outcome import Outcome, outcome
from ..steps.probing import Corpus
from ..steps.progress import Progress
from ..steps.said import read_said
from .cells import Cell, CellStore


@dataclass(frozen=True)
class Setting:
    """What the seeds of one task share.

    Attributes:
        config: the options of the run, the length of probed sentences settled.
        source: where the pretrained encoder comes from.
        base: fingerprint of its weights.
        recipe: how it is fine-tuned.
        folder: the run folder.
        head: fingerprint of a task head that training starts with; empty for a new one.
        corpus: sentences that the attention probes read, or None where none is asked for.
        data: the task as it was read.
        flag: what rows are flagged with for the tokenizer's sake, or empty.
        said: what was told of the tokenizer and of the length of texts.
    """

    config: RunConfig
    source: ModelSource
    base: str
    recipe: Recipe
    folder: Path
    corpus: Corpus | None
    data: TaskData
    head: str = ""
    flag: str = ""
    said: tuple[str, ...] = ()


class SeedModel:
    """The fine-tuned model of one task and seed, and how others are trained beside it."""

    def __init__(self, setting: Setting, parts: TaskParts, seed: int, progress: Progress):
        self.setting, self.parts, self.seed, self.progress = setting, parts, seed, progress
        self.store = CellStore(setting.folder / "cells")
        self.name = f"{parts.spec.name}-seed{seed}"

    @property
    def _model_folder(self) -> Path:
        return self.setting.folder / "models" / self.name

    def training_cell(self, step: str, mask: Subnetwork | None, **options: Any) -> Cell:
        """The cell of one training: what decides its outcome."""
        inputs = {
            "encoder": self.setting.base,
            "train": examples_digest(self.parts.train),
            "selection": examples_digest(self.parts.selection),
            "mask": mask.mask_id if mask else "",
            **({"head": self.setting.head} if self.setting.head else {}),
        }
        if self.parts.spec.own:
            # other names of the same classes are another model
            inputs["labels"] = digest(list(self.parts.spec.labels))
        recipe = vars(self.setting.recipe)
        return Cell(step, inputs, {"recipe": recipe, "seed": self.seed, **options})

    @cached_property
    def full(self) -> CellOutput:
        """The finetune cell; its notes hold the fingerprint of the fine-tuned weights."""
        cell, folder = self.training_cell("finetune", None), self._model_folder
        written = read_meta(folder) if folder.exists() else {}
        if written.get("cell_id") != cell.id:
            self.store.path(cell).unlink(missing_ok=True)
        return self.store.get(cell, lambda: self._fine_tune_full(cell))

    def _fine_tune_full(self, cell: Cell) -> CellOutput:
        trained, came_to = self.fine_tune(None, f"{self.name}: fine-tuning")
        length, count = self.setting.recipe.max_length, len(self.parts.train)
        for line in read_said(trained, count, length, "training examples"):
            self.progress.say(f"{self.name}: {line}")
        notes = {
            "fingerprint": trained.fingerprint,
            "n_truncated": trained.n_truncated,
            "n_wordless": trained.n_wordless,
            **came_to.notes,
            "wall_s": trained.wall_s,
        }
        self.save(trained, self._model_folder, cell, **notes)
        return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)

    def retrained_folder(self, mask: Subnetwork) -> Path:
        """Where a retrained model is kept, if it is."""
        draw = f"-{mask.draw}" if mask.draw else ""
        return self._model_folder.with_name(
            f"{self.name}-{mask.method}-{mask.kind}{draw}-retrained"
        )

    def save(self, trained: FineTuned, folder: Path, cell: Cell, **about: Any) -> None:
        """Save a trained model with what is known of it."""
        meta = {
            "cell_id": cell.id,
            "model": self.setting.source.name,
            "task": self.parts.spec.name,
            "seed_init": self.seed,
            "seed_order": self.seed,
            "selection": self.parts.selection_name,
            "train_digest": examples_digest(self.parts.train),
            "recipe": vars(self.setting.recipe),
            "fingerprint": trained.fingerprint,
            **about,
        }
        # the run folder was checked before: a file of the user's in the way is set aside
        save_classifier(trained.model, trained.tokenizer, folder, meta, overwrite=True)

    def fine_tune(
        self,
        mask: Subnetwork | None,
        title: str,
        *,
        start: str = "pretrained",
        rewind: int = 0,
        route: str = "masked",
    ) -> tuple[FineTuned, Outcome]:
        """Train from the pretrained weights, or from other ones, under a mask or whole.

        Returns:
            The trained model and what the training came to, which is told where it failed.
        """
        with self.progress.stage(title) as advance:
            trained = finetune(
                self.setting.source.name,
                self.parts,
                self.setting.recipe,
                seed_init=self.seed,
                seed_order=self.seed,
                subnetwork=mask,
                start=start,
                rewind=rewind,
                route=route,
                labels=parse_pairs(self.setting.config.labels),
                allow_no_specials=self.setting.config.allow_no_specials,
                device=self.setting.config.device,
                progress=advance,
            )
        came_to = outcome(trained, self.parts, self.setting.recipe, mask)
        if came_to.why:
            self.progress.say(f"{title}: {came_to.why}")
        return trained, came_to

    @cached_property
    def pretrained(self) -> Any:
        """The encoder that everything starts from, which probes compare with."""
        return load_encoder(self.setting.source.name).to(device_of(self.setting.config.device))

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """The fine-tuned model and its tokenizer."""
        folder = str(self._model_folder.resolve())
        model, tokenizer = load_classifier(folder, self.parts.spec), load_tokenizer(folder)
        check_inputs(
            model,
            tokenizer,
            where=folder,
            pairs=self.parts.spec.pair,
            allow_no_specials=self.setting.config.allow_no_specials,
        )
        return model.to(device_of(self.setting.config.device)), tokenizer
