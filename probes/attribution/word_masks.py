"""Methods that remove whole words, through Captum: one value per word.

Each feature is a word: all of its pieces get the reference embeddings at once. Pieces of truncated
words form one more feature, so that complete methods stay complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from ...models.training.randomness import own_randomness
from .classified import ClassifiedBatch
from .seeded import seed_example
from .settings import AttributionSettings


def feature_ablation(
    words: WordSwitches, settings: AttributionSettings, _draws: int
) -> torch.Tensor:
    """The decrease of the logit without each word (leave-one-out), [1, F]."""
    from captum.attr import FeatureAblation

    found: torch.Tensor = FeatureAblation(words.logits_of).attribute(
        words.present,
        baselines=0,
        target=words.batch.target,
        perturbations_per_eval=settings.internal_batch_size,
    )
    return found


def shapley_sampling(
    words: WordSwitches, settings: AttributionSettings, n_samples: int
) -> torch.Tensor:
    """Shapley values from random orders of the words (Strumbelj & Kononenko 2010), [1, F]."""
    from captum.attr import ShapleyValueSampling

    found: torch.Tensor = ShapleyValueSampling(words.logits_of).attribute(
        words.present,
        baselines=0,
        target=words.batch.target,
        n_samples=n_samples,
        perturbations_per_eval=settings.internal_batch_size,
    )
    return found


def kernel_shap(words: WordSwitches, settings: AttributionSettings, n_samples: int) -> torch.Tensor:
    """Shapley values by a weighted regression on random sets of words (Lundberg & Lee 2017).

    Args:
        words: one text.
        settings: how it is attributed.
        n_samples: sets; at least as many as `kernel_samples` says.

    Returns:
        values [1, F].
    """
    from captum.attr import KernelShap

    if words.present.shape[1] == 1:  # one player alone: Captum has no set to draw
        return words.batch.difference[None]
    found: torch.Tensor = KernelShap(words.logits_of).attribute(
        words.present,
        baselines=0,
        target=words.batch.target,
        n_samples=n_samples,
        perturbations_per_eval=settings.internal_batch_size,
    )
    return found


class WordSwitches:
    """One text whose words can be switched off: the function that Captum is given.

    Args:
        batch: a batch of one text.

    Attributes:
        batch: the same.
        present: ones, one for each of the F features: the kept words, and all cut pieces [1, F].
    """

    def __init__(self, batch: ClassifiedBatch):
        view = batch.view
        W = len(view.kept[0])
        own = (view.real & ~view.special)[0]
        loose = own & (view.word[0] < 0)
        self._feature = torch.where(loose, W, view.word[0]).clamp_min(0)  # [S]
        self._fixed = ~own
        self.batch = batch
        self.present = batch.embedded.new_ones(1, W + int(loose.any()))

    def logits_of(self, present: torch.Tensor) -> torch.Tensor:
        """Logits [N, K] with the features that are not 0, [N, F]."""
        batch, N = self.batch, len(present)
        if N == 1 and bool((present == 1).all()):  # Captum asks first for what is known
            return batch.logits
        kept = (present != 0)[:, self._feature] | self._fixed
        mixed = torch.where(kept[:, :, None], batch.embedded, batch.blank)
        return batch.logits_of(mixed, *(one.expand(N, -1) for one in batch.others))


WORD_METHODS: Mapping[str, Callable[[WordSwitches, AttributionSettings, int], torch.Tensor]] = {
    "feature-ablation": feature_ablation,
    "shapley-sampling": shapley_sampling,
    "kernel-shap": kernel_shap,
}


def kernel_samples(n_samples: int, features: int) -> int:
    """Sets that kernel SHAP draws: never fewer than twice the unknowns of its regression."""
    return max(n_samples, 2 * features + 2)


def feature_values(
    batch: ClassifiedBatch, settings: AttributionSettings
) -> list[tuple[torch.Tensor, int]]:
    """Values [F] of the words of each text, that of its cut pieces last, and the draws they took.

    Each text is run alone and unpadded, with draws seeded by its id.
    """
    method, found = WORD_METHODS[settings.method], []
    for row, example in enumerate(batch.view.examples):
        words = WordSwitches(batch.rows([row]))
        draws = settings.n_samples
        if settings.method == "kernel-shap":
            draws = kernel_samples(draws, words.present.shape[1])
        with own_randomness():
            seed_example(settings.seed, example.id)
            values = method(words, settings, draws)
        found.append((values.detach().double()[0], draws))
    return found
