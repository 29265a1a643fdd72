"""A sample of maps of the model that a command names."""

from __future__ import annotations

from pathlib import Path

from ...data.plain_text import read_corpus
from ...data.sentence import Example
from ...probes.base import Context
from ...pruning.anatomy import anatomy_of
from ...pruning.checkpoint import load_encoder, load_tokenizer
from ..running.masks import load_mask
from ..running.progress import Progress
from .sample import OwnMap, sample_maps


def maps_of(
    model: str,
    mask: Path | None,
    corpus: str,
    sentences: int,
    n_maps: int,
    seed: int,
    progress: Progress,
) -> list[OwnMap]:
    """Read model, mask and corpus, and draw maps of living heads.

    Raises:
        InputError: for what cannot be read, or a corpus without a text that is long enough.
    """
    read = read_corpus(corpus)[:sentences]
    net = load_encoder(model)
    found = load_mask(mask, net, say=progress.say)
    context = Context(net, load_tokenizer(model), anatomy_of(net), found)
    with progress.stage("reading maps"):
        examples = [Example(id=one.id, first=one) for one in read]
        return sample_maps(context, examples, n_maps, seed=seed)
