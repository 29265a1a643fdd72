"""Probes of a loaded model that were checked and whose texts were read, to be run under masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...data.errors import ConfigError
from ...data.files.atomic import digest
from ...data.sentences.plain_text import NATURAL
from ...data.sentences.sentence import Example, Sentence
from ...data.tasks.task_parts import examples_digest, spread
from ...models.checkpoint.inputs import check_inputs
from ...models.language.head import has_head
from ...models.language.loading import load_language_model
from ...models.masks.subnetwork import Subnetwork
from ...probes.forward.needs import sentences_of
from ...probes.registry import list_probes
from ..configuration.asked_probes import (
    check_fitting,
    comparing,
    learning,
    of_corpus,
    of_language,
    of_task,
    options_of,
    probes_reading,
)
from ..configuration.config import ProbeOptions
from ..configuration.learning_files import learning_files, scored_corpus
from ..learning.parts import Parts, read_parts
from ..single.loaded import LoadedModel
from ..single.loaded_probe import probe_loaded
from ..steps.annotations import as_read, check_readable, say_left_out
from ..steps.probing import Corpus, annotated_examples, clusters_of, read_probe_corpus
from ..steps.progress import Progress
from ..steps.reference_model import load_reference
from .measurement import Measurement
from .named_texts import Texts


@dataclass(frozen=True, eq=False)
class ReadyProbes:
    """Probes of one model whose options were checked and whose texts were read.

    Attributes:
        model: the model.
        options: the probes and their options.
        corpus: the sentences of probes that read any.
        examples: the examples of probes of a task.
        split: the split that these are from.
        parts: the parts of trained probes.
        reference: the model that a probe compares with.
        cache: folder for hidden states.
        read: hash of all that is read.
        progress: receives messages.
    """

    model: LoadedModel
    options: ProbeOptions
    corpus: Corpus | None
    examples: tuple[Example, ...]
    split: str
    parts: Parts | None
    reference: Any
    cache: Path | None
    read: str
    progress: Progress

    def under(self, mask: Subnetwork | None) -> Measurement:
        """Run them on the full model, or under a mask that was checked against it."""
        output = probe_loaded(
            self.model,
            mask,
            self.options,
            corpus=self.corpus,
            examples=self.examples,
            split=self.split,
            progress=self.progress,
            reference=self.reference,
            parts=self.parts,
            cache=self.cache,
        )
        return Measurement(output, self.read)


def ready_probes(
    model: LoadedModel,
    chosen: ProbeOptions,
    corpus: Texts | None = NATURAL,
    *,
    test: Texts | None = None,
    texts: Mapping[str, Sequence[Sentence]] | None = None,
    reference: str | None = None,
    cache: Path | None = None,
    progress: Progress,
) -> ReadyProbes:
    """Check the options of probes and read their texts, once for any number of masks.

    Args:
        model: the model, loaded with its task if a probe reads its examples.
        chosen: the probes and their options.
        corpus: as in `probe`.
        test: as in `probe`.
        texts: sentences that were given in place of files, by the name they have in `chosen`.
        reference: as in `probe`.
        cache: as in `probe`.
        progress: receives messages.

    Raises:
        InputError: as `probe` does.
    """
    texts = {} if texts is None else dict(texts)
    own = options_of(chosen)
    check_fitting(chosen, model.spec, model.classes_by)
    learning_files(chosen)
    model = with_head(model, chosen)
    other = _reference(model, chosen.names, reference)
    from_task: tuple[Example, ...] = ()
    split, read = "", None
    if of_task(chosen) or corpus is None:
        split = model.parts.report_name
        from_task = annotated_examples(spread(model.parts.report, chosen.examples), chosen)
    if of_task(chosen):
        check_readable(from_task, of_task(chosen))
        say_left_out(progress, model.parts.spec.name, from_task, of_task(chosen))
    if of_corpus(chosen):
        scored = corpus if test is None else test
        read = _corpus(
            scored, chosen, from_task, f"{model.spec and model.spec.name}/{split}", texts, progress
        )
    parts = read_parts(chosen, progress, texts) if learning(chosen) else None
    digests = [read.digest] if read else []
    digests += [examples_digest(from_task)] if of_task(chosen) else []
    digests += [parts.digest] if parts else []
    digests += [
        digest([own[name].model_dump(mode="json"), dict(own[name].inputs())])
        for name in probes_reading(chosen, "suite")
    ]
    return ReadyProbes(
        model, chosen, read, from_task if of_task(chosen) else (), split, parts, other, cache,
        " ".join(digests), progress,
    )  # fmt: skip


def with_head(model: LoadedModel, chosen: ProbeOptions) -> LoadedModel:
    """The model with its masked-LM head, if a probe needs it and it is not loaded."""
    if of_language(chosen.names) and not has_head(model.model):
        return replace(model, model=load_language_model(model.name).to(model.model.device))
    return model


def _reference(model: LoadedModel, names: Sequence[str], named: str | None) -> Any | None:
    if comparing(names):
        found = load_reference(named, model.meta, model.tokenizer)
        check_inputs(found, model.tokenizer, where=named or "reference", allow_no_specials=True)
        return found.to(model.model.device)
    if named is not None:
        raise ConfigError(
            "none of the chosen probes compares models",
            where="reference",
            remedy=f"omit it, or add {', '.join(comparing(e.name for e in list_probes()))}",
        )
    return None


def _corpus(
    given: Texts | None,
    options: ProbeOptions,
    from_task: tuple[Example, ...],
    name: str,
    texts: Mapping[str, Sequence[Sentence]],
    progress: Progress,
) -> Corpus:
    """The sentences for probes that read any sentences, annotated as needed."""
    if isinstance(given, str | Path):
        return read_probe_corpus(options, progress)
    if given is None:
        # an empty text has no tree and no word to look at
        read = [one for example in from_task for one in sentences_of(example) if one.words]
        corpus = Corpus(name, tuple(read), clusters_of(from_task))
    else:
        named = scored_corpus(options)
        read = as_read(
            list(texts[named])[: options.sentences],
            of_corpus(options),
            pipeline=options.pipeline,
            reparse=options.reparse,
        )
        corpus = Corpus(named, tuple(read))
    check_readable(corpus.examples, of_corpus(options))
    say_left_out(progress, corpus.name, corpus.examples, of_corpus(options))
    return corpus
