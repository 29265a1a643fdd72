"""The full model of one task and seed: fine-tuned once, loaded where it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.atomic import digest
from ...data.sentence import Example
from ...data.task import TaskParts
from ...pruning.checkpoint import (
    ModelSource,
    load_classifier,
    load_encoder,
    load_tokenizer,
    read_meta,
    save_classifier,
)
from ...pruning.finetune import FineTuned, finetune
from ...pruning.recipes import Recipe, recipe_for
from ...pruning.subnetwork import Subnetwork
from .cells import Cell, CellOutput, CellStore
from .config import RecipeOptions, RunConfig
from .outcome import Outcome, outcome
from .probing import Corpus
from .progress import Progress


def chosen_recipe(source: ModelSource, task: str, options: RecipeOptions) -> Recipe:
    """The recorded recipe of a model and task, with the options that are not 0 in its place."""
    recorded = recipe_for(source, task)
    given = {name: value for name, value in options.model_dump().items() if value}
    return Recipe(**{**vars(recorded), **given})


def cut_examples(trained: FineTuned, parts: TaskParts, recipe: Recipe) -> str:
    """How many training examples were too long, in words; empty where none was."""
    if not trained.n_truncated:
        return ""
    return (
        f"{trained.n_truncated} of {len(parts.train)} training examples were cut at "
        f"{recipe.max_length} subwords"
    )


@dataclass(frozen=True)
class Setting:
    """What the seeds of one task share.

    Attributes:
        config: the options of the run.
        source: where the pretrained encoder comes from.
        base: fingerprint of its weights.
        recipe: how it is fine-tuned.
        folder: the run folder.
        corpus: sentences that the attention probes read, or None where none is asked for.
    """

    config: RunConfig
    source: ModelSource
    base: str
    recipe: Recipe
    folder: Path
    corpus: Corpus | None


def examples_digest(examples: tuple[Example, ...]) -> str:
    """A hash of what the examples say."""
    return digest([[example.id, *example.texts(), example.label] for example in examples])


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
        }
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
        if said := cut_examples(trained, self.parts, self.setting.recipe):
            self.progress.say(f"{self.name}: {said}")
        notes = {
            "fingerprint": trained.fingerprint,
            "n_truncated": trained.n_truncated,
            **came_to.notes,
            "wall_s": trained.wall_s,
        }
        meta = {
            "cell_id": cell.id,
            "model": self.setting.source.name,
            "task": self.parts.spec.name,
            "seed_init": self.seed,
            "seed_order": self.seed,
            "selection": self.parts.selection_name,
            "recipe": vars(self.setting.recipe),
            **notes,
        }
        save_classifier(trained.model, trained.tokenizer, self._model_folder, meta)
        return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)

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
                progress=advance,
            )
        came_to = outcome(trained, self.parts, self.setting.recipe, mask)
        if came_to.why:
            self.progress.say(f"{title}: {came_to.why}")
        return trained, came_to

    @cached_property
    def pretrained(self) -> Any:
        """The encoder that everything starts from, which probes compare with."""
        return load_encoder(self.setting.source.name)

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """The fine-tuned model and its tokenizer."""
        folder = str(self._model_folder.resolve())
        model = load_classifier(folder, self.parts.spec)
        return model, load_tokenizer(folder)
