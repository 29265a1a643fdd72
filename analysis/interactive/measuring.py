"""Score and probe a loaded model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...data.sentences.plain_text import NATURAL
from ...data.sentences.sentence import Sentence
from ...data.tasks.task_parts import examples_digest
from ...models.masks.subnetwork import Subnetwork
from ..configuration.asked_probes import check_fitting
from ..configuration.config import parse_config
from ..single.ablated import check_draws, under_ablation
from ..single.loaded import LoadedModel
from ..single.training import evaluate_loaded
from ..steps.masks import fitted
from ..steps.progress import Progress, Warned
from .measurement import Measurement
from .named_texts import Texts, named_texts
from .ready_probes import ready_probes, with_head


def evaluate(
    model: LoadedModel,
    mask: Subnetwork | None = None,
    *,
    other_weights: bool = False,
    ablation: str = "",
    match_donors: str = "",
    donor_seed: int | None = None,
    progress: Progress | None = None,
) -> Measurement:
    """Score a model that was loaded with its task, full or under a mask.

    Args:
        model: the fine-tuned model; it is scored on `model.parts.report`.
        mask: the subnetwork; None = the full model, or the mask of a compact model.
        other_weights: accept a mask of this shape that was found on other weights.
        ablation: what replaces the output of a pruned unit, computed anew on this model; empty =
            what the mask says.
        match_donors: the examples from which `resample` draws; empty = any.
        donor_seed: seed of these draws; None = 0.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Returns:
        One row per metric of the task, with its interval and the majority baseline.

    Raises:
        InputError: if the model was loaded without a task.
        MaskError: if the mask belongs to another model.
    """
    progress = progress or Warned()
    parts = model.parts
    check_draws(ablation, match_donors, donor_seed)
    chosen = _fitted(model, mask, other_weights, progress, refreshed=bool(ablation))
    if ablation:
        chosen = under_ablation(
            chosen, ablation, model.model, model.tokenizer, model.meta, parts, progress,
            max_length=model.max_length, match=match_donors, seed=donor_seed,
        )  # fmt: skip
    return Measurement(evaluate_loaded(model, chosen, progress), examples_digest(parts.report))


def probe(
    model: LoadedModel,
    names: str | Sequence[str],
    corpus: Texts | None = NATURAL,
    *,
    train: Texts | None = None,
    dev: Texts | None = None,
    test: Texts | None = None,
    mask: Subnetwork | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    sentences: int = 1_000_000,
    examples: int = 64,
    selection: str = "held-out",
    correction: str = "holm",
    reference: str | None = None,
    pipeline: str = "",
    reparse: bool = False,
    surface: bool = False,
    pre_split: bool = False,
    max_length: int = 0,
    cache: Path | str | None = None,
    cache_limit: float = 20.0,
    other_weights: bool = False,
    progress: Progress | None = None,
) -> Measurement:
    """Run one or several probes on a model, full or under a mask.

    Args:
        model: the model. Probes of a task model read its own examples, `model.parts.report`.
        names: name or names of probes, see `list_probes`.
        corpus: the corpus of the other probes: `natural` (the sentences that come with the
            package), a `.conllu` file with gold trees, a `.txt` file with one sentence per line,
            texts or `Sentence`s; None = the sentences of the task's reported examples. For trained
            probes, your own corpus is split into parts, by documents if it has enough; otherwise
            they are trained on a generated treebank.
        train: training corpus of trained probes, in the same forms as `corpus`, which is then the
            test part.
        dev: corpus for early stopping; None = a tenth of the training corpus.
        test: test corpus; `corpus` is then the training corpus.
        mask: the subnetwork; None = the full model, or the mask of a compact model.
        options: probe -> option -> value.
        sentences: maximum number of sentences of the corpus, or of each part of it.
        examples: maximum number of examples of the task.
        selection: `held-out` chooses heads on one half of the corpus and scores them on the other;
            `reported` does both on all of it.
        correction: of p-values: `holm` or `fdr_bh`.
        reference: the model that `attention-change` compares with; by default the encoder that the
            model was fine-tuned from.
        pipeline: spaCy pipeline for sentences without trees.
        reparse: also parse sentences that have gold trees.
        surface: use the surface tokens of a treebank as words (don't), not its syntactic words.
        pre_split: tokenise each word separately, as published, instead of the raw text.
        max_length: maximum length of a text in subwords; 0 = 128, and for task examples as in
            fine-tuning.
        cache: folder where hidden states are kept for the next call; None = removed after use.
        cache_limit: maximum size of hidden states on disk, in GiB.
        other_weights: accept a mask of this shape that was found on other weights.
        progress: receives messages; by default each is issued as a `SubprobeWarning`.

    Returns:
        The rows of all probes, with intervals and tests if a probe has them.

    Raises:
        UnknownNameError: if there is no such probe or option.
        InputError: if a probe reads examples of a task and the model was loaded without one.
        AnnotationError: if a probe can read none of the sentences.
        DataFileError: if a corpus file is missing or malformed.
        MaskError: if the mask belongs to another model.
    """
    progress = progress or Warned()
    texts: dict[str, list[Sentence]] = {}
    named = {
        role: named_texts(role, one, texts)
        for role, one in (("corpus", corpus), ("train", train), ("dev", dev), ("test", test))
    }
    given = {
        **named,
        "train_sentences": sentences,
        "cache_limit": cache_limit,
        "names": [names] if isinstance(names, str) else list(names),
        "options": {name: dict(values) for name, values in (options or {}).items()},
        "sentences": sentences,
        "examples": examples,
        "selection": selection,
        "correction": correction,
        "pipeline": pipeline,
        "reparse": reparse,
        "tokens": "surface" if surface else "syntactic",
        "pre_split": pre_split,
        "max_length": max_length,
    }
    chosen = parse_config({"probe": given}, where="probe").probe
    check_fitting(chosen, model.spec, model.classes_by)
    model = with_head(model, chosen)
    fitting = _fitted(model, mask, other_weights, progress)
    ready = ready_probes(
        model, chosen, corpus, test=test, texts=texts, reference=reference,
        cache=None if cache is None else Path(cache), progress=progress,
    )  # fmt: skip
    return ready.under(fitting)


def _fitted(
    model: LoadedModel,
    mask: Subnetwork | None,
    other_weights: bool,
    progress: Progress,
    *,
    refreshed: bool = False,
) -> Subnetwork | None:
    """The mask, checked against this model; without one, that of a compact model."""
    return fitted(
        mask, model.model, model.meta, model.name, other_weights=other_weights,
        refreshed=refreshed, say=progress.say,
    )  # fmt: skip
