"""Whether attributions are faithful: the change of the prediction without the top words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..attribution.classified import classifier
from ..attribution.word_scores import WordAttributions, word_scores
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.texts import Texts
from .chosen_words import PERCENTS
from .faithfulness_rows import EQUALLY_LONG, Column, column_items, column_rows
from .left_out import TextLosses, Words, text_losses
from .packed_reading import PackedReader, Removal
from .perturbed_words import text_infidelities, text_sensitivities
from .readable_texts import settings_and_texts

NAME = "faithfulness"

_AT_ONCE = 64
"""Texts whose reduced forms are in memory together."""

Floats = npt.NDArray[np.float64]


def run_faithfulness(
    context: Context,
    examples: Sequence[Example],
    *,
    method: Sequence[str] = ("integrated-gradients",),
    target: str = "predicted",
    baseline: str = "pad",
    n_steps: int = 16,
    tolerance: float = 0,
    n_samples: int = 25,
    layer: int = 0,
    removal: Removal = "delete",
    random_draws: int = 3,
    infidelity_draws: int = 10,
    infidelity_radius: float = 1.0,
    sensitivity_draws: int = 4,
    sensitivity_radius: float = 0.02,
    sensitivity_examples: int = 40,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Comprehensiveness, sufficiency, agreement with leave-one-out, infidelity, max-sensitivity.

    Args:
        context: a model with a task head over classes, and its mask.
        examples: examples of the model's task; one with an empty text is left out and counted.
        method: methods of attribution.
        target: whose logit is attributed: `predicted` or `gold`.
        baseline: what replaces the embeddings of words.
        n_steps: steps of methods that integrate.
        tolerance: convergence delta, in logits, above which steps are doubled; 0 = never.
        n_samples: samples of methods that draw at random.
        layer: block of layer conductance, from 0.
        removal: whether removed words are deleted or replaced by a token.
        random_draws: number of random attributions, and of word sets of equal length, per text.
        infidelity_draws: number of random perturbations of the words of each text; 0 = skip
            infidelity.
        infidelity_radius: their maximum size, as a fraction of the distance to the reference input.
        sensitivity_draws: number of noise samples per text; 0 = skip max-sensitivity.
        sensitivity_radius: maximum noise, in units of the embeddings.
        sensitivity_examples: maximum number of texts for max-sensitivity, evenly spaced.
        batch_size: examples attributed together.
        internal_batch_size: texts per forward pass.
        seed: seed of all random draws.
        progress: called with (examples done, N), from 0 again for each method and each kind of
            number.

    Returns:
        rows by method; an item for each of them and each text.

    Raises:
        InputError: without examples or task head, for a regression head, when a pair model gets
            single sentences, or a text has no whole word after truncation.
        CheckpointError: if there is no padding token, or a requested token is missing.
        UnknownNameError: for an unknown method.
    """
    settings, texts = settings_and_texts(
        context, examples, method, target=target, baseline=baseline, n_steps=n_steps,
        tolerance=tolerance or None, n_samples=n_samples, layer=layer, batch_size=batch_size,
        internal_batch_size=internal_batch_size, seed=seed,
    )  # fmt: skip
    found = [word_scores(context, texts, one, progress) for one in settings]
    losses = read_losses(
        context, texts, found, removal=removal, draws=random_draws, seed=seed,
        batch_size=internal_batch_size, progress=progress,
    )  # fmt: skip
    columns: list[Column] = []
    for number, one in enumerate(settings):
        columns += loss_columns(f"{one.variant};removal={removal}", losses, number)
    if infidelity_draws:
        scores = [[one.words for one in given] for given in zip(*found, strict=True)]
        fits = text_infidelities(
            context, texts, settings[0], scores, radius=infidelity_radius, draws=infidelity_draws,
            progress=progress,
        )  # fmt: skip
        said = f"infidelity_radius={infidelity_radius:g};infidelity_draws={infidelity_draws}"
        columns += [
            Column("infidelity", f"{one.variant};{said}", fits[:, number], fits[:, -1])
            for number, one in enumerate(settings)
        ]
    if sensitivity_draws:
        said = f"sensitivity_radius={sensitivity_radius:g};sensitivity_draws={sensitivity_draws}"
        for one in settings:
            changes = text_sensitivities(
                context, texts, one, radius=sensitivity_radius, draws=sensitivity_draws,
                most=sensitivity_examples, progress=progress,
            )  # fmt: skip
            columns.append(Column("max_sensitivity", f"{one.variant};{said}", changes))
    rows = column_rows(columns, texts.n_dropped).assign(probe=NAME)
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: column_items(NAME, texts.examples, columns),
        notes={"n_examples": len(texts.examples), "random_draws": random_draws},
    )
    return texts.counted(result)


def words_of(texts: Texts) -> list[Words]:
    """The words of each text, as pieces."""
    found = []
    for number, (example, words) in enumerate(zip(texts.examples, texts.words, strict=True)):
        pieces = words.word[None, :] == np.arange(len(words.kept))[:, None]
        found.append(Words(number, example.cluster or example.id, pieces))
    return found


def read_losses(
    context: Context,
    texts: Texts,
    found: Sequence[Sequence[WordAttributions]],
    *,
    removal: Removal,
    draws: int,
    seed: int,
    batch_size: int,
    progress: Progress | None = None,
) -> list[TextLosses]:
    """The effect of removing words from each text, in the order of the texts; few are in memory at
    once.

    Args:
        context: a model with a task head, and its mask.
        texts: the texts [N].
        found: for each method the attributions of the N texts.
        removal: how words are removed.
        draws: random attributions of each text.
        seed: of these.
        batch_size: texts per forward pass.
        progress: called with (examples done, N).
    """
    order = sorted(range(len(texts.encoded)), key=lambda i: -len(texts.encoded[i].input_ids))
    words, losses = words_of(texts), dict[int, TextLosses]()
    with classifier(context) as own:
        reader = PackedReader(
            own.model, own.anatomy.embeddings(own.model), own.tokenizer, texts.encoded,
            removal=removal, batch_size=batch_size,
        )  # fmt: skip
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            some = text_losses(
                reader,
                [words[i] for i in chosen],
                [[one[i].words for one in found] for i in chosen],
                [found[0][i].target for i in chosen],
                draws=draws,
                seed=seed,
            )
            losses.update(zip(chosen, some, strict=True))
            if progress is not None:
                progress(len(losses), len(order))
    return [losses[i] for i in range(len(order))]


def loss_columns(variant: str, losses: Sequence[TextLosses], method: int) -> list[Column]:
    """The columns of one method."""
    columns = []
    for metric, part in (("comprehensiveness", "without"), ("sufficiency", "alone")):
        values = np.array([getattr(one.of_scores, part)[method] for one in losses])  # [N, Q]
        null = np.array([getattr(one.of_random, part).mean(axis=0) for one in losses])
        long = np.array([getattr(one.of_length, part)[method].mean() for one in losses])
        columns += [
            Column(metric, variant, values[:, place], null[:, place], relation=f"{percent}%")
            for place, percent in enumerate(PERCENTS)
        ]
        mean = values.mean(axis=1)
        columns += [
            Column(f"{metric}_aopc", variant, mean, null.mean(axis=1)),
            Column(
                f"{metric}_length_controlled",
                variant,
                mean - long,
                np.zeros(len(mean)),
                baseline=EQUALLY_LONG,
            ),
        ]
    for metric, ours, random in (
        ("loo_tau", "tau", "tau_random"),
        ("loo_tau_absolute", "tau_absolute", "tau_random_absolute"),
    ):
        values = np.array([getattr(one, ours)[method] for one in losses])
        columns.append(
            Column(metric, variant, values, np.array([getattr(one, random) for one in losses]))
        )
    return columns
