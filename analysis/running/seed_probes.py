"""What the models of one task and seed know: every probe of a run, cell by cell."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import pandas as pd

from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts
from ...data.tasks.task_parts import examples_digest, spread
from ...models.masks.subnetwork import Subnetwork
from ...models.training.evaluate import is_finite
from ..cell_output import CellOutput
from ..configuration.asked_probes import comparing, narrowed, of_task, read_options
from ..configuration.config import ProbeOptions
from ..flags import DIVERGED
from ..steps.annotations import say_left_out
from ..steps.probing import annotated_examples, probe_model
from ..steps.progress import Progress
from ..steps.said import reading_said, unscored_said
from .cells import Cell
from .seed_model import SeedModel, Setting


def called(mask: Subnetwork) -> str:
    """What progress calls a mask: its kind, with the draw of all but the first."""
    return f"{mask.kind}, draw {mask.draw}" if mask.draw else mask.kind


class SeedProbes:
    """The probe cells of one task and seed, without the columns that name the model."""

    def __init__(self, model: SeedModel, parts: TaskParts, progress: Progress):
        self.model, self.parts, self.progress = model, parts, progress
        self.setting: Setting = model.setting
        self.store, self.name = model.store, model.name

    def of_mask(self, mask: Subnetwork | None) -> tuple[CellOutput, Cell]:
        """The fine-tuned model under a mask, through every probe of the run; and its cell."""
        corpus = self.setting.corpus
        compared = {"reference": self.setting.base} if self._compares else {}
        cell = Cell(
            "probe",
            {
                "weights": self.model.full.notes["fingerprint"],
                "mask": mask.mask_id if mask else "",
                "corpus": corpus.digest if corpus else "",
                "report": examples_digest(self.parts.report),
                "length": str(self.setting.recipe.max_length),
                **compared,
            },
            read_options(self.setting.config.probe),
        )
        state = "pruned" if mask else "finetuned"
        title = f"{self.name}: probing full ({state})"
        if mask:
            title = f"{self.name}: probing {called(mask)} ({mask.method}, {state})"
        return self.store.get(cell, lambda: self.measure(*self.model.loaded, mask, title)), cell

    def of_pretrained(self) -> tuple[CellOutput, Cell]:
        """What the encoder itself attends to, through the probes that compare with it."""
        corpus, probe = self.setting.corpus, self.setting.config.probe
        options = narrowed(probe, comparing(probe.names))
        inputs = {"weights": self.setting.base, "corpus": corpus.digest if corpus else ""}
        cell = Cell("probe", inputs, read_options(options))

        def run() -> CellOutput:
            model, tokenizer = self.model.pretrained, self.model.loaded[1]
            return self.measure(
                model, tokenizer, None, f"{self.name}: probing full (pretrained)", options
            )

        return self.store.get(cell, run), cell

    @property
    def _compares(self) -> bool:
        return bool(comparing(self.setting.config.probe.names))

    def measure(
        self,
        model: Any,
        tokenizer: Any,
        mask: Subnetwork | None,
        title: str,
        options: ProbeOptions | None = None,
    ) -> CellOutput:
        """Any model under a mask through the probes of the run, or through those of `options`."""
        if not is_finite(model):
            self.progress.say(f"{title}: nothing to probe: its weights contain NaN or infinity")
            return CellOutput(pd.DataFrame(), pd.DataFrame(), notes={"flag": DIVERGED})
        started = time.perf_counter()
        alone = options is not None
        if mask is None and not alone:
            names = of_task(self.setting.config.probe)
            say_left_out(self.progress, self.name, self.attributed, names)
        with self.progress.stage(title) as advance:
            output = probe_model(
                model,
                tokenizer,
                mask,
                self.parts.spec,
                self.setting.corpus,
                () if alone else self.attributed,
                options or self.setting.config.probe,
                split=self.parts.report_name,
                progress=advance,
                reference=self.model.pretrained if self._compares and not alone else None,
                task_length=self.setting.recipe.max_length,
            )
        lengths = {
            "sentences": self.setting.config.probe.max_length,
            "examples": self.setting.recipe.max_length,
        }
        for line in (*reading_said(output.notes["texts"], lengths), *unscored_said(output.rows)):
            self.progress.say(f"{title}: {line}")
        notes = {**output.notes, "probe_wall_s": time.perf_counter() - started}
        return CellOutput(output.rows, output.items, output.arrays, notes)

    @cached_property
    def attributed(self) -> tuple[Example, ...]:
        """Reported examples for the probes that read those of the task, annotated."""
        options = self.setting.config.probe
        if not of_task(options):
            return ()
        chosen = spread(self.parts.report, options.examples)
        return annotated_examples(chosen, options)
