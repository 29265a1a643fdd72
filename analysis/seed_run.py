"""One task and one seed: the full model, its subnetworks, and what each scores and knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.atomic import digest
from ..data.sentence import Example
from ..data.task import TaskParts
from ..pruning.checkpoint import (
    ModelSource,
    load_classifier,
    load_tokenizer,
    read_meta,
    save_classifier,
)
from ..pruning.controls import bad_of, random_like
from ..pruning.evaluate import evaluate
from ..pruning.finetune import FineTuned, finetune
from ..pruning.recipes import Recipe
from ..pruning.subnetwork import Subnetwork
from .cells import Cell, CellOutput, CellStore
from .config import RunConfig
from .identity import identity, stamped
from .performance import performance_rows
from .probing import Corpus, annotated_examples, join, probe_model, spread
from .progress import Progress
from .selection import find_good

CONTROLS: dict[str, Callable[..., Subnetwork]] = {"random": random_like, "bad": bad_of}


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


class SeedRun:
    """The cells of one task and seed, each computed when first asked for."""

    def __init__(self, setting: Setting, parts: TaskParts, seed: int, progress: Progress):
        self.setting, self.parts, self.seed, self.progress = setting, parts, seed, progress
        self.store = CellStore(setting.folder / "cells")
        self.name = f"{parts.spec.name}-seed{seed}"

    # -- the full model -----------------------------------------------------------------------

    @property
    def _model_folder(self) -> Path:
        return self.setting.folder / "models" / self.name

    def _training_cell(self, step: str, mask: Subnetwork | None, **options: Any) -> Cell:
        inputs = {
            "encoder": self.setting.base,
            "train": examples_digest(self.parts.train),
            "mask": mask.mask_id if mask else "",
        }
        recipe = vars(self.setting.recipe)
        return Cell(step, inputs, {"recipe": recipe, "seed": self.seed, **options})

    @cached_property
    def full(self) -> CellOutput:
        """The finetune cell; its notes hold the fingerprint of the fine-tuned weights."""
        cell, folder = self._training_cell("finetune", None), self._model_folder
        written = read_meta(folder) if folder.exists() else {}
        if written.get("cell_id") != cell.id:
            self.store.path(cell).unlink(missing_ok=True)
        return self.store.get(cell, lambda: self._fine_tune_full(cell))

    def _fine_tune_full(self, cell: Cell) -> CellOutput:
        trained = self._fine_tune(None, f"{self.name}: fine-tuning")
        cut, length = trained.n_truncated, self.setting.recipe.max_length
        if cut:
            self.progress.say(
                f"{self.name}: {cut} of {len(self.parts.train)} training examples were cut at "
                f"{length} subwords"
            )
        notes = {
            "fingerprint": trained.fingerprint,
            "n_truncated": trained.n_truncated,
            "flag": "diverged" if trained.diverged else "",
            "wall_s": trained.wall_s,
        }
        meta = {
            "cell_id": cell.id,
            "task": self.parts.spec.name,
            "seed_init": self.seed,
            "seed_order": self.seed,
            "selection": self.parts.selection_name,
            "recipe": vars(self.setting.recipe),
            **notes,
        }
        save_classifier(trained.model, trained.tokenizer, self._model_folder, meta)
        return CellOutput(pd.DataFrame(), pd.DataFrame(), notes=notes)

    def _fine_tune(self, mask: Subnetwork | None, title: str, *, fresh: bool = False) -> FineTuned:
        with self.progress.stage(title) as advance:
            return finetune(
                self.setting.source.name,
                self.parts,
                self.setting.recipe,
                seed_init=self.seed,
                seed_order=self.seed,
                subnetwork=mask,
                untrained=fresh,
                progress=advance,
            )

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        folder = str(self._model_folder.resolve())
        model = load_classifier(folder, self.parts.spec)
        return model, load_tokenizer(folder)

    # -- the subnetworks ----------------------------------------------------------------------

    @cached_property
    def good(self) -> Subnetwork:
        """The mask that the search keeps."""
        options = self.setting.config.prune
        cell = Cell(
            "prune",
            {
                "weights": self.full.notes["fingerprint"],
                "selection": examples_digest(self.parts.selection),
            },
            {**options.model_dump(), "max_length": self.setting.recipe.max_length},
        )
        path = self.store.path(cell, ".safetensors")
        if self.store.missing(path):
            model, tokenizer = self._loaded
            with self.progress.stage(f"{self.name}: searching the good subnetwork") as advance:
                found = find_good(
                    model,
                    tokenizer,
                    self.parts,
                    options,
                    max_length=self.setting.recipe.max_length,
                    seeds=(self.seed, self.seed),
                    model_name=self.setting.source.name,
                    progress=advance,
                )
            found.save(path)
        return Subnetwork.load(path)

    def control(self, kind: str, draw: int) -> Subnetwork:
        """A random or bad subnetwork of the good one's size."""
        return CONTROLS[kind](self.good, seed=self.seed, draw=draw)

    def masks(self, draws: int) -> Iterator[Subnetwork]:
        """Good, then `draws` random and bad masks."""
        yield self.good
        for kind in CONTROLS:
            for draw in range(draws):
                yield self.control(kind, draw)

    def identity(self, cell: Cell | None, mask: Subnetwork | None, state: str) -> dict[str, Any]:
        """The columns that say which model a row is about."""
        return identity(self.setting.source.name, mask, state) | {
            "cell_id": cell.id if cell else "",
            "task": self.parts.spec.name,
            "selection": self.parts.selection_name,
            "seed": self.seed,
        }

    # -- scores -------------------------------------------------------------------------------

    def score(self, mask: Subnetwork | None) -> CellOutput:
        """The fine-tuned model under a mask, on the reported examples."""
        cell = Cell(
            "evaluate",
            {
                "weights": self.full.notes["fingerprint"],
                "report": examples_digest(self.parts.report),
                "train": examples_digest(self.parts.train),
                "mask": mask.mask_id if mask else "",
            },
            {"max_length": self.setting.recipe.max_length, "selection": self.parts.selection_name},
        )
        output = self.store.get(cell, lambda: self._measure(*self._loaded, mask))
        return self._named(output, cell, mask, "pruned" if mask else "finetuned")

    def _named(
        self, output: CellOutput, cell: Cell, mask: Subnetwork | None, state: str
    ) -> CellOutput:
        """The output with the columns that say which model it is about.

        They are no part of the cell: two kinds with the same mask share one cell.
        """
        return CellOutput(
            stamped(output.rows, self.identity(cell, mask, state)),
            output.items.assign(cell_id=cell.id),
            output.arrays,
            output.notes,
        )

    def _measure(self, model: Any, tokenizer: Any, mask: Subnetwork | None) -> CellOutput:
        evaluation = evaluate(
            model,
            tokenizer,
            self.parts.report,
            self.parts.spec,
            subnetwork=mask,
            max_length=self.setting.recipe.max_length,
        )
        rows = performance_rows(evaluation, self.parts)
        items = evaluation.items().assign(probe="performance")
        return CellOutput(rows, items, notes={"n_truncated": evaluation.n_truncated})

    def retrain(self, mask: Subnetwork) -> CellOutput:
        """The mask on the pretrained weights, fine-tuned again: scored, and probed if asked for."""
        probe = self.setting.config.probe
        options = probe.model_dump(mode="json") if "retrained" in probe.states else {}
        cell = self._training_cell(
            "retrain",
            mask,
            probe=options,
            corpus=self.setting.corpus.digest if options and self.setting.corpus else "",
            report=examples_digest(self.parts.report),
        )
        output = self.store.get(cell, lambda: self._retrain(mask, probed=bool(options)))
        return self._named(output, cell, mask, "retrained")

    def _retrain(self, mask: Subnetwork, *, probed: bool) -> CellOutput:
        trained = self._fine_tune(mask, f"{self.name}: retraining {mask.kind}")
        outputs = [self._measure(trained.model, trained.tokenizer, mask)]
        if probed:
            title = f"{self.name}: probing {mask.kind} (retrained)"
            outputs.append(self._probe(trained.model, trained.tokenizer, mask, title))
        joined = join(outputs)
        flag = "diverged" if trained.diverged else ""
        notes = {**joined.notes, "wall_s": trained.wall_s, "flag": flag}
        return CellOutput(joined.rows.assign(flag=flag), joined.items, joined.arrays, notes)

    def untrained(self) -> CellOutput:
        """The same architecture trained from random weights: a baseline, not a subnetwork."""
        cell = self._training_cell("untrained", None, report=examples_digest(self.parts.report))
        output = self.store.get(cell, self._untrained)
        return self._named(output, cell, None, "untrained")

    def _untrained(self) -> CellOutput:
        trained = self._fine_tune(None, f"{self.name}: training from random weights", fresh=True)
        scored = self._measure(trained.model, trained.tokenizer, None)
        notes = {**scored.notes, "wall_s": trained.wall_s}
        return CellOutput(scored.rows.assign(kind="untrained"), scored.items, notes=notes)

    # -- probes -------------------------------------------------------------------------------

    def probe(self, mask: Subnetwork | None) -> CellOutput:
        """The fine-tuned model under a mask, through every probe of the run."""
        corpus = self.setting.corpus
        cell = Cell(
            "probe",
            {
                "weights": self.full.notes["fingerprint"],
                "mask": mask.mask_id if mask else "",
                "corpus": corpus.digest if corpus else "",
                "report": examples_digest(self.parts.report),
            },
            self.setting.config.probe.model_dump(mode="json"),
        )
        state = "pruned" if mask else "finetuned"
        title = f"{self.name}: probing {mask.kind if mask else 'full'} ({state})"
        output = self.store.get(cell, lambda: self._probe(*self._loaded, mask, title))
        return self._named(output, cell, mask, state)

    def _probe(self, model: Any, tokenizer: Any, mask: Subnetwork | None, title: str) -> CellOutput:
        started = time.perf_counter()
        with self.progress.stage(title) as advance:
            output = probe_model(
                model,
                tokenizer,
                mask,
                self.parts.spec,
                self.setting.corpus,
                self._attributed,
                self.setting.config.probe,
                split=self.parts.report_name,
                progress=advance,
            )
        notes = {**output.notes, "probe_wall_s": time.perf_counter() - started}
        return CellOutput(output.rows, output.items, output.arrays, notes)

    @cached_property
    def _attributed(self) -> tuple[Example, ...]:
        """Reported examples that attributions are computed for, with silver trees."""
        options = self.setting.config.probe
        if "attributions" not in options.names:
            return ()
        chosen = spread(self.parts.report, options.attribution_examples)
        return annotated_examples(chosen, options.pipeline or None)
