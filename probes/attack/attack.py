"""Adversarial attacks on a classifier, full or under a mask (TextFooler, Jin et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...data.encoding.tokenizer_check import check_padding
from ...data.errors import ConfigError, InputError
from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ...data.tasks.task_parts import spread
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer
from ...models.language.head import has_head
from ...models.language.loading import load_language_model
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.texts import read_texts
from .answers import Classifier, Encoder, Floats, SentenceEncoder, Tagger, classifying, tagging
from .attack_rows import Attacked, Exchange, attack_items, attack_rows
from .attacked_text import AttackedText
from .entries import NAME, PUBLISHED_COSINE, PUBLISHED_COUNT, THRESHOLDS, Threshold
from .masked_words import from_language_model
from .once import attacked_once, state_of
from .procedure import Outcome, Procedure, Rule
from .side_by_side import attack_all
from .sources import Name, Source, from_glove, from_vectors, from_wordnet

NOT_PUBLISHED = "not the published setting"


def run_attack(
    context: Context,
    examples: Sequence[Example],
    *,
    candidates: Name = "wordnet",
    vectors: str = "",
    language_model: str = "",
    count: int = PUBLISHED_COUNT,
    min_cosine: float = PUBLISHED_COSINE,
    procedure: Procedure = "authors",
    threshold: Threshold = "experiments",
    encoder: str = "embedded",
    pipeline: str = "",
    transfer: bool = True,
    max_examples: int = 100,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> ProbeResult:
    """Accuracy before and after TextFooler, words changed, queries, and transfer under a mask.

    Only examples that are classified correctly are attacked. Of a pair, the second text is changed.
    The sentence encoder stands for the Universal Sentence Encoder of the paper.

    Args:
        context: a model with a task head over classes, and its mask.
        examples: labelled examples of the model's task; one with an empty text is left out and
            counted.
        candidates: where candidates come from.
        vectors: the file of word vectors.
        language_model: the masked language model; empty = the model itself.
        count: maximum number of candidates for a word.
        min_cosine: minimum cosine similarity of word vectors.
        procedure: `authors` or `textattack` (`procedure.py`).
        threshold: name of the threshold of sentence similarity.
        encoder: name of the sentence encoder.
        pipeline: spaCy pipeline that tags words; empty = the default one.
        transfer: under a mask, also attack the full model, and let each model read the adversarial
            texts of the other. The full model of several masks is attacked once in a process.
        max_examples: maximum number of examples, evenly spaced.
        batch_size: texts per forward pass.
        progress: called with (examples done, N), from 0 again for the full model.

    Returns:
        rows; for each example items, with its text after the attack.

    Raises:
        InputError: without examples or task head, for a head that predicts a number, when a pair
            model gets single sentences, or for an example without a class.
        ConfigError: if a package or option for the candidates is missing.
        DataFileError: if the vectors cannot be read.
        CheckpointError: if an encoder cannot be loaded, or there is no padding token.
        AnnotationError: if no spaCy pipeline is found.
    """
    check_attackable(context, examples)
    texts = read_texts(context, spread(tuple(examples), max_examples))
    source = _source(context, candidates, vectors, language_model, count, min_cosine)
    similar = SentenceEncoder(load_encoder(encoder), load_tokenizer(encoder), batch_size)
    rule = Rule(procedure, THRESHOLDS[threshold])
    tagger, attacked = tagging(pipeline), [AttackedText.of(one) for one in texts.examples]
    labels = [int(one.label) for one in texts.examples if one.label is not None]

    def outcomes(classifier: Classifier) -> list[Outcome]:
        return attack_with(
            classifier, attacked, labels, source, rule, tagger=tagger, encoder=similar,
            progress=progress,
        )  # fmt: skip

    asked = (
        candidates, vectors, state_of(vectors), language_model, count, min_cosine, procedure,
        threshold, encoder, pipeline, batch_size,
    )  # fmt: skip

    def of_full(classifier: Classifier) -> list[Outcome]:
        return attacked_once(context, attacked, labels, asked, lambda: outcomes(classifier))

    exchanges: list[Exchange] = []
    masked = context.subnetwork is not None
    with classifying(context, batch_size) as own:
        found = outcomes(own) if masked else of_full(own)
        if transfer and masked:
            with classifying(replace(context, subnetwork=None), batch_size) as full:
                whole = of_full(full)
                exchanges = [
                    exchanged("accuracy_on_full_attacks", own, whole, found, labels),
                    exchanged("full_accuracy_on_attacks", full, found, whole, labels),
                ]
    published = candidates == "vectors" and (count, min_cosine) == (
        PUBLISHED_COUNT,
        PUBLISHED_COSINE,
    )
    settings = [
        f"candidates={source_name(candidates, vectors, language_model)}",
        f"count={count}",
        *([f"min_cosine={min_cosine:g}"] if candidates in ("vectors", "glove") else []),
        f"procedure={procedure}",
        f"threshold={threshold}",
        f"encoder={_last(encoder)}",
        *([] if published else [NOT_PUBLISHED]),
    ]
    result = Attacked(";".join(settings), texts.examples, found, exchanges)
    rows = attack_rows(result)
    rows = rows.assign(n_dropped=rows["n_dropped"] + texts.n_dropped)
    return texts.counted(
        ProbeResult(
            probe=NAME,
            rows=rows_frame(rows),
            make_items=lambda: attack_items(result),
            notes={"n_examples": len(texts.examples), "n_attacked": int(result.attacked.sum())},
        )
    )


def source_name(candidates: Name, vectors: str = "", language_model: str = "") -> str:
    """What rows call a source: with the name of its file or language model, without folders.

    `mlm:probed` is the probed model's own masked-LM head.
    """
    if candidates == "vectors":
        return f"vectors:{_last(vectors)}"
    if candidates == "mlm":
        return f"mlm:{_last(language_model) or 'probed'}"
    return candidates


def _last(path: str) -> str:
    """The last part of a path or hub id, without the characters that separate settings."""
    name = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name.replace(";", "_").replace("=", "_")


def attack_with(
    classifier: Classifier,
    texts: Sequence[AttackedText],
    labels: Sequence[int],
    source: Source,
    rule: Rule,
    *,
    tagger: Tagger,
    encoder: Encoder,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Attack the texts that a classifier gets right, with candidates for their words.

    Args:
        classifier: gives class probabilities.
        texts: N texts.
        labels: their correct classes.
        source: finds candidates.
        rule: the variant of the procedure.
        tagger: finds parts of speech.
        encoder: represents texts by vectors.
        progress: called with (texts done, N).
    """
    before: list[Floats] = list(classifier([text.read for text in texts]))
    right = [n for n, one in enumerate(before) if one.argmax() == labels[n]]
    asked = [(texts[n].spelled(), place) for n in right for place in texts[n].places]
    tags = iter(tagger(asked))
    own = [[next(tags) for _ in texts[n].places] for n in right]
    candidates: list[dict[int, tuple[str, ...]]] = [{} for _ in texts]
    for n, one in zip(right, source([texts[n] for n in right], own), strict=True):
        candidates[n] = one
    return attack_all(
        texts, labels, candidates, rule, classifier=classifier, tagger=tagger, encoder=encoder,
        before=before, progress=progress,
    )  # fmt: skip


def exchanged(
    metric: str,
    reader: Classifier,
    theirs: Sequence[Outcome],
    own: Sequence[Outcome],
    labels: Sequence[int],
) -> Exchange:
    """What a model says of the texts that fooled another one.

    Args:
        metric: its name.
        reader: the model.
        theirs: attacks on the other model [N].
        own: attacks on this model, which know what it says of the original texts [N].
        labels: the correct classes [N].
    """
    places = [n for n, one in enumerate(theirs) if one.attacked and one.after.argmax() != labels[n]]
    said = reader([theirs[n].text.read for n in places]).argmax(axis=1) if places else []
    return Exchange(
        metric,
        np.array(places, dtype=np.int64),
        np.array(said, dtype=np.int64),
        np.array([own[n].attacked for n in places], dtype=np.bool_),
    )


def check_attackable(context: Context, examples: Sequence[Example]) -> None:
    """Raise unless the model predicts classes and every example has one.

    Raises:
        InputError: naming what is missing.
    """
    if not examples:
        raise InputError("no examples to attack", remedy="name a task with labels")
    if context.model.base_model is context.model:
        raise InputError(
            "an attack needs a model with a task head",
            remedy="fine-tune the model first (`subprobe finetune`)",
        )
    classes = int(context.model.config.num_labels)
    if classes == 1:
        raise InputError(
            "an attack needs a classification head, but this head predicts a number",
            remedy="use a model fine-tuned on a classification task",
        )
    if context.spec is not None and context.spec.pair and examples[0].second is None:
        raise InputError(
            "an attack on a pair model needs `task`",
            remedy=f"this model reads pairs of sentences: `task` {context.spec.name}",
        )
    check_padding(context.tokenizer)
    for example in examples:
        label = example.label
        if label is None or label != int(label) or not 0 <= label < classes:
            raise InputError(
                "no label" if label is None else f"label {label} is not a class of the model",
                where=f"example {example.id!r}",
                remedy="an attack needs the correct class of each example: choose a labelled split",
            )


def _source(
    context: Context, name: Name, vectors: str, language_model: str, count: int, min_cosine: float
) -> Source:
    if name == "wordnet":
        return from_wordnet(count)
    if name == "vectors":
        return from_vectors(vectors, count, min_cosine)
    if name == "glove":
        return from_glove(count, min_cosine)
    if language_model:
        model, tokenizer = load_language_model(language_model), load_tokenizer(language_model)
    elif has_head(context.model):
        model, tokenizer = context.language_model(), context.tokenizer
    else:
        raise ConfigError(
            "the probed model has no masked-LM head",
            where="option attack.candidates",
            remedy="name a masked language model: language_model=MODEL",
        )
    return from_language_model(model, tokenizer, count)
