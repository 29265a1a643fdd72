"""Infidelity and max-sensitivity of attributions (Yeh et al. 2019), through Captum.

Both look at the word embeddings of one text. Every draw is seeded by the text's id, so that no
number depends on batches or on other texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..attribution.classified import ClassifiedBatch, classifier, classify
from ..attribution.settings import AttributionSettings
from ..attribution.word_scores import batch_scores
from ..forward.base import Context
from ..forward.shared_pass import Progress
from ..forward.texts import Texts
from .chosen_words import generator_of

Floats = npt.NDArray[np.float64]


def text_infidelities(
    context: Context,
    texts: Texts,
    settings: AttributionSettings,
    scores: Sequence[Sequence[Floats]],
    *,
    radius: float,
    draws: int,
    progress: Progress | None = None,
) -> Floats:
    """Infidelity of each attribution of each text, and of a random one last [N, M + 1].

    Args:
        context: a model with a task head, and its mask.
        texts: the texts [N].
        settings: the class that is looked at, the baseline and the seed.
        scores: for each text the attributions of its words, M times [W].
        radius: see `infidelities`.
        draws: see `infidelities`.
        progress: called with (examples done, N).
    """
    found = []
    with classifier(context) as own:
        for number, (example, given) in enumerate(zip(texts.examples, scores, strict=True)):
            batch = _one(own, texts, number, settings)
            rng = generator_of(settings.seed, example.cluster or example.id, "scores", 0)
            random = rng.standard_normal(len(given[0]))
            found.append(
                infidelities(
                    batch,
                    [*given, random],
                    radius=radius,
                    draws=draws,
                    seed=settings.seed,
                    at_once=settings.internal_batch_size,
                )
            )
            if progress is not None:
                progress(len(found), len(texts.examples))
    return np.array(found)


def text_sensitivities(
    context: Context,
    texts: Texts,
    settings: AttributionSettings,
    *,
    radius: float,
    draws: int,
    most: int,
    progress: Progress | None = None,
) -> Floats:
    """Max-sensitivity of an attribution on at most `most` of the texts, NaN on the others [N]."""
    found = np.full(len(texts.examples), np.nan)
    chosen = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    with classifier(context, every_token=settings.method == "layer-conductance") as own:
        for done, number in enumerate(chosen.tolist(), start=1):
            batch = _one(own, texts, number, settings)
            found[number] = max_sensitivity(batch, settings, radius=radius, draws=draws)
            if progress is not None:
                progress(done, len(chosen))
    return found


def _one(
    context: Context, texts: Texts, number: int, settings: AttributionSettings
) -> ClassifiedBatch:
    chosen = np.array([number])
    return classify(context, texts, chosen, target=settings.target, baseline=settings.baseline)


def infidelities(
    batch: ClassifiedBatch,
    scores: Sequence[Floats],
    *,
    radius: float,
    draws: int,
    seed: int,
    at_once: int,
) -> Floats:
    """Mean squared error of each attribution in predicting the effect of random perturbations [M].

    Each draw moves every word towards the baseline, by its own random share of the way of at most
    `radius`. The attribution predicts the decrease of the class's logit as the sum of its scores
    times these shares; infidelity is the mean squared error of this prediction, in squared logits.
    As in the authors' code, the attribution is first scaled to fit best, since not every method is
    in logits.

    Args:
        batch: of one text.
        scores: M attributions of its words, [W] each.
        radius: share of the way to the baseline, above 0 and at most 1.
        draws: random moves.
        seed: of the moves, which all attributions share.
        at_once: texts per forward pass.
    """
    from captum.metrics import infidelity

    words = batch.view.target[0].T  # [W, S]
    W, example = len(batch.view.kept[0]), batch.view.examples[0]
    drawn = generator_of(seed, example.id, "infidelity").uniform(0, radius, (draws, W))
    shares = torch.from_numpy(drawn).to(batch.embedded)

    def logits_of(present: torch.Tensor) -> torch.Tensor:
        """Logits [N, K] with so much of each word, the rest being baseline, [N, W]."""
        missing = ((1 - present) @ words[:W])[:, :, None]
        mixed = batch.embedded + missing * (batch.blank - batch.embedded)
        return batch.logits_of(mixed, *(one.expand(len(present), -1) for one in batch.others))

    at_once = min(max(1, at_once), draws)
    found = []
    for one in scores:
        parts = iter(torch.split(shares, at_once))

        def moved(
            present: torch.Tensor, parts: Iterator[torch.Tensor] = parts
        ) -> tuple[torch.Tensor, torch.Tensor]:
            share = next(parts)
            return share, present - share

        value = infidelity(
            logits_of,
            moved,
            torch.ones_like(shares[:1]),
            torch.from_numpy(one[None]).to(shares),
            target=batch.target,
            n_perturb_samples=draws,
            max_examples_per_batch=at_once,
            normalize=True,
        )
        found.append(float(value[0]))
    return np.array(found)


def max_sensitivity(
    batch: ClassifiedBatch, settings: AttributionSettings, *, radius: float, draws: int
) -> float:
    """The maximum change of a text's attribution under noise, relative to its norm.

    The noise is uniform within `radius`, on each dimension of the embeddings of pieces of words.
    Explanations are the words' scores; change and size are their Euclidean norms.

    Args:
        batch: of one text.
        settings: how it is attributed.
        radius: in units of the embeddings.
        draws: noises, of which the one that changes most counts; seeded by `settings`.
    """
    from captum.metrics import sensitivity_max

    example = batch.view.examples[0]
    inside = (batch.view.real & ~batch.view.special)[0]
    drawn = generator_of(settings.seed, example.id, "noise").uniform(
        -radius, radius, (draws, int(inside.sum()), batch.embedded.shape[-1])
    )
    noise = torch.zeros_like(batch.embedded).repeat(draws, 1, 1)
    noise[:, inside] = torch.from_numpy(drawn).to(noise)

    def explained(inputs: torch.Tensor | tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        embedded = inputs[0] if isinstance(inputs, tuple) else inputs
        with torch.enable_grad():
            found = batch_scores(batch.at(embedded), settings)
        return (torch.from_numpy(np.stack([one.words for one in found])),)

    value = sensitivity_max(
        explained,
        batch.embedded,
        perturb_func=lambda inputs: inputs + noise,
        n_perturb_samples=draws,
    )
    return float(value[0])
