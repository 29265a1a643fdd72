"""The inputs from outside the run, loaded once per process: tasks, sentences, models."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ...data.sentences.sentence import Example
from ...data.tasks.task import TaskParts
from ...data.tasks.task_parts import spread
from ...models.checkpoint.checkpoint import (
    load_encoder,
    load_tokenizer,
    load_untrained,
)
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.device import device_of
from ...models.language.loading import untrained_language_model
from ...models.language.task_models import load_task_model
from ...probes.registry import find_probe
from ...probes.states.cache import StateCache
from ..configuration.asked_probes import narrowed, of_task
from ..configuration.config import ProbeOptions, RunConfig
from ..learning.parts import Parts, read_parts
from ..learning.state_folder import run_states
from ..plan.preparing import Prepared, TaskSetting
from ..steps.probing import Corpus, annotated_examples, read_probe_corpus
from ..steps.selection import parts_for

_MODELS = 2
"""Maximum number of models that a process keeps in memory."""


@dataclass
class Materials:
    """The inputs that one process has read for a run, each on first use.

    Attributes:
        prepared: encoder, tasks and options, checked.
        folder: the run folder.
    """

    prepared: Prepared
    folder: Path
    _parts: dict[tuple[str, int], TaskParts] = field(default_factory=dict)
    _corpora: dict[str, Corpus] = field(default_factory=dict)
    _learning: dict[bool, Parts] = field(default_factory=dict)
    _examples: dict[tuple[str, int], tuple[Example, ...]] = field(default_factory=dict)
    _models: OrderedDict[str, tuple[Any, Any]] = field(default_factory=OrderedDict)

    @property
    def config(self) -> RunConfig:
        """The options of the run."""
        return self.prepared.config

    def task(self, name: str) -> TaskSetting:
        """A task of the run."""
        return self.prepared.tasks[name]

    def parts(self, task: str, seed: int) -> TaskParts:
        """The roles of a task's examples for a seed."""
        if (task, seed) not in self._parts:
            split = self.config.split_seed(seed)
            self._parts[task, seed] = parts_for(self.task(task).data, self.config.prune, seed=split)
        return self._parts[task, seed]

    def probe_options(self, task: str) -> ProbeOptions:
        """The options of probes, with the maximum length of sentences."""
        length = self.task(task).probe_length
        return self.config.probe.model_copy(update={"max_length": length})

    def corpus(self, probe: str) -> Corpus:
        """The sentences for a probe, with the annotation that it needs."""
        if probe not in self._corpora:
            self._corpora[probe] = read_probe_corpus(narrowed(self.config.probe, [probe]))
        return self._corpora[probe]

    def texts_to_learn(self, probe: str) -> Parts:
        """The training and test data of a trained probe, with the annotation that it needs."""
        parsed = bool(find_probe(probe).needs)
        if parsed not in self._learning:
            self._learning[parsed] = read_parts(narrowed(self.config.probe, [probe]))
        return self._learning[parsed]

    @property
    def states(self) -> StateCache:
        """The store of hidden states, shared by all processes of the run."""
        named = self.config.probe.cache
        return run_states(self.folder, named, self.config.probe.cache_limit)

    def examples(self, task: str, seed: int) -> tuple[Example, ...]:
        """The annotated reported examples, for probes that read examples of the task."""
        if (task, seed) not in self._examples:
            options = self.config.probe
            chosen = spread(self.parts(task, seed).report, options.examples)
            own = narrowed(options, of_task(options))
            self._examples[task, seed] = annotated_examples(chosen, own)
        return self._examples[task, seed]

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of that encoder."""
        return load_tokenizer(self.prepared.source.name)

    def untrained(self, seed: int) -> Any:
        """The same architecture with random weights of a seed."""
        model = load_untrained(self.prepared.source.name, None, seed=seed)
        return model.to(device_of(self.config.device))

    def untrained_language_model(self, seed: int) -> Any:
        """The same with a masked-LM head."""
        model = untrained_language_model(self.prepared.source.name, seed=seed)
        return model.to(device_of(self.config.device))

    @cached_property
    def pretrained(self) -> Any:
        """The pretrained encoder."""
        return load_encoder(self.prepared.source.name).to(device_of(self.config.device))

    def holds(self, digest: str) -> bool:
        """Whether the model whose files have this digest is loaded."""
        return digest in self._models

    def model(self, folder: Path, digest: str, task: str) -> tuple[Any, Any]:
        """A trained model and its tokenizer.

        Args:
            folder: the folder that it was saved in.
            digest: digest of its files, which distinguishes models of the same name.
            task: the task of its head.
        """
        if digest in self._models:
            self._models.move_to_end(digest)
            return self._models[digest]
        where, spec = str(folder.resolve()), self.task(task).data.spec
        model, tokenizer = load_task_model(where, spec), load_tokenizer(where)
        check_inputs(
            model,
            tokenizer,
            where=where,
            pairs=spec.pair,
            allow_no_specials=self.config.allow_no_specials,
        )
        self._models[digest] = (model.to(device_of(self.config.device)), tokenizer)
        while len(self._models) > _MODELS:
            self._models.popitem(last=False)
        return self._models[digest]
