"""One task and one seed: the full model, its subnetworks, and what each scores and knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ...data.tasks.task import TaskParts
from ...data.tasks.task_parts import examples_digest
from ...models.encoder.anatomy import anatomy_of
from ...models.folder.checkpoint_files import read_meta
from ...models.masks.subnetwork import KINDS, Subnetwork, full_subnetwork
from ...models.training.evaluate import evaluate, is_finite
from ...pruning.controls import CONTROLS
from ...pruning.search.magnitude import smallest_of
from ..cell_output import CellOutput
from ..configuration.asked_probes import read_options
from ..steps.identity import identity, selection_of, stamped
from ..steps.masks import RETRAINED
from ..steps.performance import performance_rows
from ..steps.probing import join
from ..steps.progress import Progress
from ..steps.said import read_said
from ..steps.selection import IN_ORDER, find_good
from .bag_of_words import NAME, bag_of_words
from .cells import Cell
from .lottery_run import find_ticket
from .seed_model import SeedModel, Setting
from .seed_probes import SeedProbes, called

STARTS = {**dict.fromkeys(KINDS, "pretrained"), "reinit": "random", "shuffled": "shuffled"}
"""Kind -> the weights that its training starts from."""


def _draws(method: str, kind: str, draws: int) -> int:
    """How often a control is drawn: the smallest weights are one mask, nothing is sampled."""
    return min(draws, 1) if kind == "bad" and method in ("magnitude", "imp") else draws


class SeedRun:
    """The cells of one task and seed, each computed when first asked for."""

    def __init__(self, setting: Setting, parts: TaskParts, seed: int, progress: Progress):
        self.setting, self.parts, self.seed, self.progress = setting, parts, seed, progress
        self.model = SeedModel(setting, parts, seed, progress)
        self.store, self.name = self.model.store, self.model.name
        self.probes = SeedProbes(self.model, parts, progress)
        self._good: dict[str, Subnetwork] = {}

    # -- the subnetworks ----------------------------------------------------------------------

    def good(self, method: str) -> Subnetwork:
        """The mask that a search keeps."""
        if method not in self._good:
            self._good[method] = self._search(method)
        return self._good[method]

    def _search(self, method: str) -> Subnetwork:
        if self.model.full.notes["flag"] and not is_finite(self.model.loaded[0]):
            return self._unsearched(method)
        if method == "imp":
            title = f"{self.name}: looking for a lottery ticket"
            with self.progress.stage(title) as advance:
                return find_ticket(self.model, advance)
        options = self.setting.config.prune
        # other methods of the same run do not change this one
        read = options.model_dump(mode="json", exclude={"methods"}) | {"method": method}
        if options.importance in IN_ORDER:
            read["order"] = "as given"
        cell = Cell(
            "prune",
            {
                "weights": self.model.full.notes["fingerprint"],
                "selection": examples_digest(self.parts.selection),
            },
            {**read, "max_length": self.setting.recipe.max_length},
        )
        path = self.store.path(cell, ".safetensors")
        if self.store.missing(path):
            model, tokenizer = self.model.loaded
            title = f"{self.name}: searching the good subnetwork ({method})"
            with self.progress.stage(title) as advance:
                found = find_good(
                    model,
                    tokenizer,
                    self.parts,
                    options,
                    max_length=self.setting.recipe.max_length,
                    seeds=(self.seed, self.seed),
                    method=method,
                    model_name=self.setting.source.name,
                    progress=advance,
                )
            found.save(path)
        return Subnetwork.load(path)

    def _unsearched(self, method: str) -> Subnetwork:
        """The whole mask, of a model whose training ended in weights that are no numbers."""
        return full_subnetwork(
            anatomy_of(self.model.loaded[0]),
            kind="good",
            method=method,
            task=self.parts.spec.name,
            model=self.setting.source.name,
            seed_init=self.seed,
            seed_order=self.seed,
            selection=self.parts.selection_name,
            fingerprint=self.model.full.notes["fingerprint"],
            history=({"step": 0, "phase": "full", "metric": None, "accepted": True},),
        )

    def control(self, good: Subnetwork, kind: str, draw: int) -> Subnetwork:
        """A random or bad subnetwork of the good one's size."""
        if kind == "bad" and good.weight_masks:
            return smallest_of(self.model.loaded[0], good)
        return CONTROLS[kind](good, seed=self.seed, draw=draw)

    def masks(self, draws: int) -> Iterator[Subnetwork]:
        """Of each method the good mask, then `draws` random and bad ones."""
        for method in self.setting.config.prune.methods:
            good = self.good(method)
            yield good
            for kind in CONTROLS:
                for draw in range(_draws(method, kind, draws)):
                    yield self.control(good, kind, draw)

    def mask_count(self, draws: int) -> int:
        """How many masks `masks` gives."""
        methods = self.setting.config.prune.methods
        return sum(1 + sum(_draws(method, kind, draws) for kind in CONTROLS) for method in methods)

    def identity(self, cell: Cell | None, mask: Subnetwork | None, state: str) -> dict[str, Any]:
        """The columns that say which model a row is about."""
        return identity(self.setting.source.name, mask, state) | {
            "cell_id": cell.id if cell else "",
            "task": self.parts.spec.name,
            "selection": selection_of(mask, self.parts),
            "seed": self.seed,
        }

    # -- scores -------------------------------------------------------------------------------

    def score(self, mask: Subnetwork | None) -> CellOutput:
        """The fine-tuned model under a mask, on the reported examples."""
        cell = Cell(
            "evaluate",
            {
                "weights": self.model.full.notes["fingerprint"],
                "report": examples_digest(self.parts.report),
                "train": examples_digest(self.parts.train),
                "mask": mask.mask_id if mask else "",
            },
            {"max_length": self.setting.recipe.max_length, "selection": self.parts.selection_name},
        )
        output = self.store.get(cell, lambda: self._measure(*self.model.loaded, mask))
        return self._named(output, cell, mask, "pruned" if mask else "finetuned")

    def _named(
        self, output: CellOutput, cell: Cell, mask: Subnetwork | None, state: str
    ) -> CellOutput:
        """The output with the columns that say which model it is about.

        They are no part of the cell: two kinds with the same mask share one cell.
        """
        rows = stamped(output.rows, self.identity(cell, mask, state))
        if state == "finetuned" and self.model.full.notes["flag"]:
            rows = rows.assign(flag=self.model.full.notes["flag"])
        return CellOutput(
            rows,
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
        notes = {"n_truncated": evaluation.n_truncated, "n_wordless": evaluation.n_wordless}
        if mask is None:
            count, length = len(evaluation.ids), self.setting.recipe.max_length
            for line in read_said(evaluation, count, length, f"{self.parts.report_name} examples"):
                self.progress.say(f"{self.name}: {line}")
        return CellOutput(rows, items, notes=notes)

    def retrain(self, mask: Subnetwork) -> CellOutput:
        """The mask on the pretrained weights, fine-tuned again: scored, and probed if asked for."""
        probe = self.setting.config.probe
        options = read_options(probe) if "retrained" in probe.states else {}
        # where no round trained well the ticket is the whole model: nothing is put on late weights
        late = mask.method == "imp" and mask.weight_masks
        rewind = self.setting.config.lottery.rewind if late else 0
        begun: dict[str, Any] = {}
        if mask.method == "imp":
            begun = {"start": STARTS[mask.kind], "rewind": rewind}
        elif self.setting.config.retrain.route != "masked" and not mask.weight_masks:
            begun = {"route": self.setting.config.retrain.route}
        cell = self.model.training_cell(
            "retrain",
            mask,
            probe=options,
            corpus=self.setting.corpus.digest if options and self.setting.corpus else "",
            report=examples_digest(self.parts.report),
            **begun,
        )
        kept = self.model.retrained_folder(mask) if self.setting.config.retrain.keep else None
        if kept is not None and read_meta(kept).get("cell_id") != cell.id:
            self.store.path(cell).unlink(missing_ok=True)
        output = self.store.get(
            cell, lambda: self._retrain(mask, cell, kept, probed=bool(options), **begun)
        )
        return self._named(output, cell, mask, "rewound" if rewind else "retrained")

    def _retrain(
        self, mask: Subnetwork, cell: Cell, kept: Path | None, *, probed: bool, **begun: Any
    ) -> CellOutput:
        title = f"{self.name}: retraining {called(mask)} ({mask.method})"
        trained, came_to = self.model.fine_tune(mask, title, **begun)
        scored = self._measure(trained.model, trained.tokenizer, mask)
        if "route" in begun:
            scored = replace(scored, rows=scored.rows.assign(variant=f"route={begun['route']}"))
        outputs = [scored]
        if probed:
            title = f"{self.name}: probing {called(mask)} ({mask.method}, retrained)"
            outputs.append(self.probes.measure(trained.model, trained.tokenizer, mask, title))
        joined = join(outputs)
        flag = came_to.flag
        notes = {**joined.notes, **begun, **came_to.notes, "wall_s": trained.wall_s}
        if kept is not None:
            about = {RETRAINED: mask.mask_id, **begun, **came_to.notes}
            self.model.save(trained, kept, cell, **about)
        rows = joined.rows
        if flag:
            # a dead head stays flagged as such
            given = rows.get("flag", pd.Series(pd.NA, index=rows.index, dtype="string"))
            rows = rows.assign(flag=given.where(given.eq("dead").fillna(False), flag))
        return CellOutput(rows, joined.items, joined.arrays, notes)

    def other_starts(self) -> Iterator[CellOutput]:
        """The lottery ticket on random weights and on shuffled layers: what pretraining gives."""
        for kind in ("reinit", "shuffled"):
            yield self.retrain(self.good("imp").with_meta(kind=kind, fingerprint=""))

    def untrained(self) -> CellOutput:
        """The same architecture trained from random weights: a baseline, not a subnetwork."""
        cell = self.model.training_cell(
            "untrained", None, report=examples_digest(self.parts.report)
        )
        output = self.store.get(cell, self._untrained)
        return self._named(output, cell, None, "untrained")

    def _untrained(self) -> CellOutput:
        trained, came_to = self.model.fine_tune(
            None, f"{self.name}: training from random weights", start="random"
        )
        scored = self._measure(trained.model, trained.tokenizer, None)
        notes = {**scored.notes, **came_to.notes, "wall_s": trained.wall_s}
        rows = scored.rows.assign(kind="untrained", flag=came_to.flag)
        return CellOutput(rows, scored.items, notes=notes)

    def words(self) -> CellOutput:
        """A linear model on counted words: what needs no encoder at all."""
        cell = Cell(
            "words",
            {
                "train": examples_digest(self.parts.train),
                "report": examples_digest(self.parts.report),
            },
        )
        output = self.store.get(cell, self._words)
        return self._named(output, cell, None, "trained")

    def _words(self) -> CellOutput:
        evaluation = bag_of_words(self.parts)
        rows = performance_rows(evaluation, self.parts)
        return CellOutput(rows.assign(kind=NAME), evaluation.items().assign(probe="performance"))

    # -- probes -------------------------------------------------------------------------------

    def probe(self, mask: Subnetwork | None) -> CellOutput:
        """The fine-tuned model under a mask, through every probe of the run."""
        output, cell = self.probes.of_mask(mask)
        return self._named(output, cell, mask, "pruned" if mask else "finetuned")

    def pretrained(self) -> CellOutput:
        """What the encoder itself attends to, through the probes that compare with it."""
        output, cell = self.probes.of_pretrained()
        return self._named(output, cell, None, "pretrained")
