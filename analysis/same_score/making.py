"""Several good masks of one model at one size.

A structured search is deterministic: the weights and the selection examples decide. Its randomness
is the sample of examples on which the units are ranked, so each mask is searched on a sample of its
own: a bootstrap sample of the selection examples, or a random half of them. Examples that share a
source are drawn together. Learned gates are random by themselves: each mask is learned with a seed
of its own, as in Bhaskar, Friedman & Chen (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...data.errors import ConfigError, UnknownNameError
from ...data.seeds import check_seed
from ...data.sentences.sentence import Example
from ...models.masks.subnetwork import Subnetwork
from ...models.training.recipes import Recipe
from ...pruning.search.plan import Size
from ...pruning.sized.names import FORMS
from ..configuration.mask_options import PruneOptions
from ..gates.search import learn_under, replaced_by, size_options
from ..single.loaded import LoadedModel
from ..single.training import find_mask
from ..steps.progress import Progress, Silent
from ..steps.selection import find_good
from .masks import FEWEST, Masks, check_masks

SAMPLES = ("bootstrap", "half")


def check_making(options: PruneOptions, count: int, resampling: str) -> None:
    """Raise for masks that cannot be made, before anything is loaded.

    Raises:
        ConfigError: for fewer than two masks, or a search that ranks units without examples.
        UnknownNameError: for another kind of sample.
    """
    method = options.methods[0]
    if resampling not in SAMPLES:
        raise UnknownNameError("sample of the selection examples", resampling, SAMPLES)
    if count < FEWEST:
        raise ConfigError(f"masks must be >= {FEWEST}, got {count}", where="`masks`")
    if method not in FORMS and not method.startswith("structured"):
        raise ConfigError(
            f"{method} ranks weights without examples: all of its masks would be equal",
            where="`method`",
            remedy="choose structured, structured-heads, structured-mlps, structured-neurons, "
            f"{' or '.join(FORMS)}",
        )


def make_masks(
    loaded: LoadedModel,
    options: PruneOptions,
    count: int,
    progress: Progress,
    *,
    resampling: str = "bootstrap",
    seed: int = 0,
) -> Masks:
    """Search for masks of one size, each on its own sample of the selection examples.

    The size is `options.keep`, or without it that of one search on all selection examples by the
    rule of the options.

    Args:
        loaded: a fine-tuned model and its task.
        options: the search; the first of its methods is used.
        count: the number M of masks.
        progress: receives the progress of the searches.
        resampling: `bootstrap` or `half`.
        seed: of the samples; of learned gates, the seed of the first mask.

    Raises:
        ConfigError, UnknownNameError: as `check_making`.
    """
    check_making(options, count, resampling)
    method = options.methods[0]
    if method in FORMS:
        return _learned(loaded, options, count, progress, seed)
    size = None
    if not options.keep:
        whole = find_mask(loaded, options, progress)
        size = Size(whole.n_heads, whole.n_mlps, whole.counts().get("neurons", (0, 0))[0])
    found: dict[str, Subnetwork] = {}
    with progress.stage(f"searching for {count} masks of one size") as advance:
        for number in range(1, count + 1):
            drawn = sampled(loaded.parts.selection, resampling, seed, number)
            good = find_good(
                loaded.model,
                loaded.tokenizer,
                replace(loaded.parts, selection=drawn),
                options,
                max_length=loaded.max_length,
                seeds=loaded.seeds,
                method=method,
                model_name=str(loaded.meta.get("model", loaded.name)),
                say=Silent().say if number > 1 else progress.say,
                size=size,
            )
            found[_name(number, count)] = good.with_meta(
                selection=f"{good.selection}, {resampling} sample", seed_draw=seed, draw=number
            )
            advance(number, count)
    check_masks(found)
    return found


def _learned(
    loaded: LoadedModel, options: PruneOptions, count: int, progress: Progress, seed: int
) -> Masks:
    """Masks of learned gates; training seeds are consecutive."""
    found: dict[str, Subnetwork] = {}
    for number in range(1, count + 1):
        gates = size_options(options, options.methods[0], check_seed(seed + number - 1, "seed"))
        recipe = Recipe(
            learning_rate=gates.learning_rate, epochs=1, max_length=loaded.max_length
        )  # fmt: skip
        with progress.stage(f"learning mask {number} of {count}") as advance:
            learned = learn_under(
                loaded.model, loaded.tokenizer, loaded.parts, gates, recipe, replaced_by(options),
                seeds=loaded.seeds, model_name=str(loaded.meta.get("model", loaded.name)),
                progress=advance, say=progress.say,
            )  # fmt: skip
        found[_name(number, count)] = learned.subnetwork.with_meta(
            seed_draw=gates.seed, draw=number
        )
    check_masks(found)
    return found


def _name(number: int, count: int) -> str:
    return f"mask-{number:0{max(2, len(str(count)))}d}"


def sampled(
    examples: Sequence[Example], sample: str, seed: int, number: int
) -> tuple[Example, ...]:
    """A bootstrap sample or a random half of the examples; sources are drawn whole.

    Args:
        examples: the selection examples.
        sample: `bootstrap` or `half`.
        seed: not negative.
        number: which sample.
    """
    sources: dict[str, list[Example]] = {}
    for example in examples:
        sources.setdefault(example.cluster or f"\0{example.id}", []).append(example)
    groups = list(sources.values())
    rng = np.random.default_rng((4, seed, number))
    if sample == "half":
        chosen = np.sort(rng.permutation(len(groups))[: max(1, len(groups) // 2)])
    else:
        chosen = np.sort(rng.integers(0, len(groups), size=len(groups)))
    seen: Counter[str] = Counter()
    found = []
    for example in (example for place in chosen for example in groups[place]):
        seen[example.id] += 1
        copy = seen[example.id]
        # ids stay unique
        found.append(example if copy == 1 else replace(example, id=f"{example.id}/{copy}"))
    return tuple(found)
