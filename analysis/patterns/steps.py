"""A sample of maps of the model that a command names."""

from __future__ import annotations

from pathlib import Path

from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Example
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer
from ...models.checkpoint.inputs import check_inputs, fitting_length
from ...models.encoder.anatomy import anatomy_of
from ...probes.forward.base import Context
from ..steps.masks import load_mask
from ..steps.progress import Progress
from .sample import OwnMap, sample_maps


def maps_of(
    model: str,
    mask: Path | None,
    corpus: str,
    sentences: int,
    n_maps: int,
    seed: int,
    progress: Progress,
    *,
    allow_no_specials: bool = False,
) -> tuple[list[OwnMap], str]:
    """Read model, mask and corpus, and draw maps of living heads.

    Returns:
        the maps, and what rows about them are flagged with for the tokenizer's sake.

    Raises:
        CheckpointError: if the model cannot read what its tokenizer gives, see `check_inputs`.
        InputError: for what cannot be read, or a corpus without a text that is long enough.
    """
    read = read_corpus(corpus)[:sentences]
    net, tokenizer = load_encoder(model), load_tokenizer(model)
    checked = check_inputs(net, tokenizer, where=model, allow_no_specials=allow_no_specials)
    anatomy = anatomy_of(net)
    length, said = fitting_length(anatomy.max_tokens, 0)
    for line in (*checked.said, said):
        if line:
            progress.say(line)
    found = load_mask(mask, net, say=progress.say)
    context = Context(net, tokenizer, anatomy, found, max_length=length)
    with progress.stage("reading maps"):
        examples = [Example(id=one.id, first=one) for one in read]
        return sample_maps(context, examples, n_maps, seed=seed), checked.flag
