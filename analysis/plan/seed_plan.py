"""The cells of one task and seed: scores, trainings, baselines, probes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...models.training.recipes import Recipe
from ...probes.entry import ProbeEntry
from ...probes.registry import PROBES, entries_of, find_probe
from ...pruning.controls import CONTROLS
from ..configuration.asked_probes import (
    comparing,
    headless,
    learning,
    narrowed,
    of_language,
    of_task,
)
from ..configuration.config import RunConfig
from ..configuration.crossed_seeds import pair_of
from .graph import Cell, Needs

_ON_CPU = ("readings", "words", "survivors", "across", "ticket", "mask")
PARTS = ("train", "selection", "report")
"""The roles of a task's examples, each a source of its own."""


@dataclass(frozen=True)
class TaskFacts:
    """What the graph depends on for one task, apart from the options.

    Attributes:
        name: of the task, as rows have it.
        recipe: how its models are fine-tuned.
        own: the labels of a user's own task; with other labels the model is another one.
        probe_length: subwords that a probed sentence keeps.
    """

    name: str
    recipe: Recipe
    own: tuple[str, ...] = ()
    probe_length: int = 0


@dataclass(frozen=True)
class SeedPlan:
    """The cells of one task and seed.

    Attributes:
        config: the options of the run.
        facts: everything else that the cells depend on.
        seed: the seed of initialisation, order and draws.
        probes: probe -> everything that determines its output.
        first: name of the first task; cells that depend on no task are computed only for it.
    """

    config: RunConfig
    facts: TaskFacts
    seed: int
    probes: Mapping[str, Mapping[str, Any]]
    first: str

    def cells(self) -> Iterator[Cell]:
        """All cells: scores, trainings, baselines, probes."""
        config = self.config
        yield self._cell("readings", "readings", parts=PARTS, probe=self._reading())
        yield self._training("finetune", "finetune")
        yield self.score("full", self.name("finetune"))
        for method in config.prune.methods:
            yield from self._search(method)
        for method in config.prune.methods:
            for kind, draw in self.masks(method, config.controls.draws):
                yield self.score(
                    f"{method}/{kind}/{draw}", self.name("finetune"), method, kind, draw
                )
        for method in config.prune.methods:
            yield from self._retrainings(method)
        if config.controls.untrained:
            yield self._training("untrained", "untrained")
            yield self.score("untrained", self.name("untrained"), state="untrained")
        if config.controls.bag_of_words:
            yield self._cell("words", "words", parts=("train", "report"))
        for method in config.prune.methods:
            for kind, draw in self.masks(method, 1):
                yield self.of_mask(f"{method}/{kind}/{draw}/mask", method, kind, draw)
        yield from self._probes()

    def name(self, last: str) -> str:
        """The name of one of the seed's cells."""
        return f"{self.facts.name}/seed{self.seed}/{last}"

    def masks(self, method: str, draws: int) -> Iterator[tuple[str, int]]:
        """Kind and draw number of the good mask and of its controls."""
        yield "good", 0
        for kind in CONTROLS:
            # the smallest weights are one mask: nothing is sampled
            once = kind == "bad" and method in ("magnitude", "imp")
            for draw in range(min(draws, 1) if once else draws):
                yield kind, draw

    # -- single cells -------------------------------------------------------------------------

    def _cell(
        self,
        last: str,
        step: str,
        inputs: Mapping[str, str] | None = None,
        *,
        parts: tuple[str, ...] = (),
        model: bool = False,
        texts: tuple[str, ...] = (),
        **options: Any,
    ) -> Cell:
        at = f"{self.facts.name}/seed{self.seed}"
        sources = tuple(f"{at}/{part}" for part in parts)
        who = {"task": self.facts.name, "seed": self.seed, **pair_of(self.seed, self.config)}
        return Cell(
            self.name(last),
            step,
            inputs or {},
            (*(("model",) if model else ()), *sources, *texts),
            {**who, **options},
            Needs(accelerator=step not in _ON_CPU),
        )

    @property
    def _length(self) -> int:
        return self.facts.recipe.max_length

    def _trained(self) -> dict[str, Any]:
        """The options that determine every training."""
        found: dict[str, Any] = {"recipe": vars(self.facts.recipe)}
        if self.facts.own:
            found["classes"] = list(self.facts.own)
        if self.facts.recipe.head == "kept":
            found["labels"] = list(self.config.labels)
        return found

    def _training(
        self, last: str, step: str, inputs: Mapping[str, str] | None = None, **options: Any
    ) -> Cell:
        return self._cell(
            last, step, inputs, parts=("train", "selection"), model=True,
            **self._trained(), **options,
        )  # fmt: skip

    def _mask(self, method: str, kind: str, draw: int) -> dict[str, Any]:
        return {"method": method, "kind": kind, "draw": draw, **self.config.controls.drawn(kind)}

    def _masked(self, model: str, method: str) -> dict[str, str]:
        """The inputs of a cell about a mask; random and bad masks are drawn from the good one."""
        found = {"model": model, "good": self.name(f"{method}/search")}
        return found if model == self.name("finetune") else found | {"base": self.name("finetune")}

    def score(
        self, last: str, model: str, method: str = "", kind: str = "", draw: int = 0,
        state: str = "",
    ) -> Cell:  # fmt: skip
        """The scores of a full or masked model on the reported examples."""
        masked = bool(method)
        inputs = self._masked(model, method) if masked else {"model": model}
        return self._cell(
            f"{last}/score", "evaluate", inputs, parts=("report", "train"),
            **(self._mask(method, kind, draw) if masked else {}),
            state=state or ("pruned" if masked else "finetuned"), max_length=self._length,
        )  # fmt: skip

    def of_mask(self, last: str, method: str, kind: str, draw: int) -> Cell:
        """A mask with its rows."""
        inputs = self._masked(self.name("finetune"), method)
        return self._cell(last, "mask", inputs, parts=("train",), **self._mask(method, kind, draw))

    def _search(self, method: str) -> Iterator[Cell]:
        prune, lottery = self.config.prune, self.config.lottery
        model = {"model": self.name("finetune")}
        if method == "imp":
            before: dict[str, str] = {}
            rule = {"rule": prune.rule, "threshold": prune.threshold}
            chosen = {**rule, **self.config.lottery.model_dump(exclude={"rounds"})}
            chosen |= {"batch_size": prune.batch_size}
            for number in range(lottery.rounds + 1):
                last = f"imp/round{number}"
                yield self._training(last, "round", model | before, number=number, **chosen)
                before[f"round{number}"] = self.name(last)
            yield self._cell(
                "imp/search", "ticket", model | before, parts=("train", "selection"),
                rounds=lottery.rounds, **chosen,
            )  # fmt: skip
            return
        yield self._cell(
            f"{method}/search", "prune", model, parts=prune.parts_read,
            max_length=self._length, prune=prune.of_search(method), method=method,
        )  # fmt: skip

    def _retrainings(self, method: str) -> Iterator[Cell]:
        draws = self.config.controls.retrained_draws
        for kind, draw in self.masks(method, draws) if draws else ():
            yield from self.retraining(method, kind, draw)
            if method == "imp" and kind == "good":
                # the ticket on random weights and shuffled layers: the effect of pretraining
                for other in ("reinit", "shuffled"):
                    yield from self.retraining(method, other, 0)

    def retraining(self, method: str, kind: str, draw: int) -> Iterator[Cell]:
        """A mask: retrained, scored, and probed if requested."""
        at = f"{method}/{kind}/{draw}"
        begun: dict[str, Any] = {}
        if method == "imp":
            begun = {"rewind": self.config.lottery.rewind}
        elif self.config.retrain.route != "masked":
            begun = {"route": self.config.retrain.route}
        trained = self.name(f"{at}/retrain")
        inputs = {"good": self.name(f"{method}/search"), "base": self.name("finetune")}
        options = self._mask(method, kind, draw)
        yield self._training(f"{at}/retrain", "retrain", inputs, **options, **begun)
        yield self.score(f"{at}/retrained", trained, method, kind, draw, "retrained")
        if "retrained" in self.config.probe.states:
            yield from self.each_probe(f"{at}/retrained", trained, "retrained", method, kind, draw)

    # -- probes -------------------------------------------------------------------------------

    def _reading(self) -> dict[str, Any]:
        """The options that determine the examples, and their words, for probes of the task."""
        names = of_task(self.config.probe)
        return {**self.probes[names[0]], "for": names} if names else {}

    def _probes(self) -> Iterator[Cell]:
        probe = self.config.probe
        if not probe.names:
            return
        model = self.name("finetune")
        yield from self.each_probe("full", model, "finetuned")
        yield from self.each_probe(
            "pretrained", model, "pretrained", only=tuple(comparing(probe.names))
        )
        yield from self._encoders()
        draws = min(probe.draws, self.config.controls.draws)
        for method in self.config.prune.methods:
            for kind, draw in self.masks(method, draws):
                at = f"{method}/{kind}/{draw}"
                if "pruned" in probe.states:
                    yield from self.each_probe(at, model, "pruned", method, kind, draw)
                for entry in sorted(entries_of(probe.names), key=lambda one: one.survivors):
                    if entry.survivors:
                        yield self._survivors(at, entry, method, kind, draw)

    def each_probe(
        self, at: str, model: str, state: str, method: str = "", kind: str = "", draw: int = 0,
        *, only: tuple[str, ...] | None = None,
    ) -> Iterator[Cell]:  # fmt: skip
        """Every probe of the run, or those in `only`, on a full or masked model."""
        probe = self.config.probe
        for name in probe.names if only is None else only:
            alone = narrowed(probe, [name])
            learns, reads_task = bool(learning(alone)), bool(of_task(alone))
            inputs = self._masked(model, method) if method else {"model": model}
            if method and find_probe(name).transfers:
                # each probe of the full model is repeated under the mask
                inputs = inputs | {"whole": self.name(f"full/probe/{name}")}
            yield self._cell(
                f"{at}/probe/{name}", "probe", inputs,
                parts=("report",) if reads_task else (),
                model=bool(comparing([name])),
                texts=("learning",) if learns else () if reads_task else ("corpus",),
                **(self._mask(method, kind, draw) if method else {}),
                state=state, probe=self.probes[name], max_length=self._length,
            )  # fmt: skip

    def _encoders(self) -> Iterator[Cell]:
        """The trained probes, on the pretrained encoder and on one with random weights.

        Probes of masked language models run only on random weights. Results do not depend on the
        task, nor for the pretrained encoder on the seed: they are copied under the other names.
        """
        probe = self.config.probe
        for name in of_language(probe.names):
            yield self._cell(
                f"untrained/probe/{name}", "probe", model=True, texts=("corpus",),
                state="untrained", probe=self.probes[name], max_length=self._length,
            )  # fmt: skip
        for state in ("pretrained", "untrained"):
            seed = self.seed if state == "untrained" else self.config.seeds[0]
            for name in headless(learning(probe)):
                last = f"{state}/probe/{name}"
                if name in comparing(probe.names) and state == "pretrained":
                    continue
                once = f"{self.first}/seed{seed}/{last}"
                yield self._cell(
                    last, "probe", {} if once == self.name(last) else {"same": once},
                    model=True, texts=("learning",), state=state, probe=self.probes[name],
                    max_length=self._length,
                )  # fmt: skip

    def _survivors(self, at: str, entry: ProbeEntry, method: str, kind: str, draw: int) -> Cell:
        last = entry.survivors if entry.name in PROBES else f"{entry.survivors}/{entry.name}"
        probe = self.config.probe
        return self._cell(
            f"{at}/survivors/{last}", "survivors",
            {**self._masked(self.name("finetune"), method),
             "full": self.name(f"full/probe/{entry.name}")},
            **self._mask(method, kind, draw), of=entry.survivors, subsets=probe.subsets,
            reported=probe.selection == "reported",
        )  # fmt: skip
