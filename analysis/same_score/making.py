"""Several good masks of one model at one size.

A structured search is deterministic: the weights and the selection examples decide. Its randomness
is the sample of examples on which the units are ranked, so each mask is searched on a sample of its
own: a bootstrap sample of the selection examples, or a random half of them. Examples that share a
source are drawn together. Learned gates are random by themselves: each mask is learned with a seed
of its own, as in Bhaskar, Friedman & Chen (2024).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
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
from ..steps.progress import Advance, Progress, Silent
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
    size = None
    if not options.keep:
        size = size_of(find_mask(loaded, options, progress))
    found: dict[str, Subnetwork] = {}
    for number in range(1, count + 1):
        with progress.stage(f"searching for mask {number} of {count}") as advance:
            found[mask_name(number, count)] = make_mask(
                loaded, options, number, resampling=resampling, seed=seed, size=size,
                progress=advance, say=Silent().say if number > 1 else progress.say,
            )  # fmt: skip
    check_masks(found)
    return found


def size_of(mask: Subnetwork) -> Size:
    """The size of the masks that are as large as another one."""
    return Size(mask.n_heads, mask.n_mlps, mask.counts().get("neurons", (0, 0))[0])


def make_mask(
    loaded: LoadedModel,
    options: PruneOptions,
    number: int,
    *,
    resampling: str,
    seed: int,
    size: Size | None,
    progress: Advance,
    say: Callable[[str], None],
) -> Subnetwork:
    """One of several masks of one size: by a search on a sample, or by gates with their own seed.

    Args:
        loaded: a fine-tuned model and its task.
        options: the search; the first of its methods is used.
        number: of the mask, from 1.
        resampling: `bootstrap` or `half`.
        seed: of the samples; of learned gates, the seed of the first mask.
        size: the size, in place of `options.keep`.
        progress: receives the progress of the search.
        say: receives its messages.
    """
    method, name = options.methods[0], str(loaded.meta.get("model", loaded.name))
    if method in FORMS:
        gates = size_options(options, method, check_seed(seed + number - 1, "seed"))
        recipe = Recipe(
            learning_rate=gates.learning_rate, epochs=1, max_length=loaded.max_length
        )  # fmt: skip
        learned = learn_under(
            loaded.model, loaded.tokenizer, loaded.parts, gates, recipe, replaced_by(options),
            seeds=loaded.seeds, model_name=name, progress=progress, say=say,
        )  # fmt: skip
        return learned.subnetwork.with_meta(seed_draw=gates.seed, draw=number)
    drawn = sampled(loaded.parts.selection, resampling, seed, number)
    good = find_good(
        loaded.model, loaded.tokenizer, replace(loaded.parts, selection=drawn), options,
        max_length=loaded.max_length, seeds=loaded.seeds, method=method, model_name=name,
        progress=progress, say=say, size=size,
    )  # fmt: skip
    return good.with_meta(
        selection=f"{good.selection}, {resampling} sample", seed_draw=seed, draw=number
    )


def mask_name(number: int, count: int) -> str:
    """`mask-01`, `mask-02` and so on."""
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
