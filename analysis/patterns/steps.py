"""Draw a sample of maps of a named model."""

from __future__ import annotations

from pathlib import Path

from ...data.sentences.plain_text import read_corpus
from ...data.sentences.sentence import Example
from ...models.checkpoint.checkpoint import load_encoder, load_tokenizer
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.device import device_of
from ...models.folder.text_lengths import fitting_length
from ...probes.forward.base import Context
from ..steps.masks import load_mask
from ..steps.progress import Progress
from .sample import OwnMap, sample_maps


def maps_of(
    model: str,
    mask: Path | None,
    corpus: str,
    limit: int,
    n_maps: int,
    seed: int,
    progress: Progress,
    *,
    batch_size: int = 32,
    max_length: int = 0,
    device: str = "auto",
    allow_no_specials: bool = False,
) -> tuple[list[OwnMap], str]:
    """Read model, mask and corpus, and draw maps of kept heads.

    Args:
        model: a model's name.
        mask: a mask file, or None for the full model.
        corpus: `natural`, or a file.
        limit: maximum number of sentences; 0 = all.
        n_maps: of each kind.
        seed: same seed, same maps.
        progress: receives the progress and warnings.
        batch_size: sentences per forward pass.
        max_length: maximum length of a sentence in subwords; 0 = 128, or the model's number of
            positions.
        device: where the model runs, see `device_of`.
        allow_no_specials: see `check_inputs`.

    Returns:
        the maps, and the flag of their rows that is due to the tokenizer.

    Raises:
        CheckpointError: if the tokenizer does not fit the model, see `check_inputs`.
        InputError: for input that cannot be read, or a corpus without a text that is long enough.
    """
    place = device_of(device)
    read = read_corpus(corpus)[: limit or None]
    net, tokenizer = load_encoder(model).to(place), load_tokenizer(model)
    checked = check_inputs(net, tokenizer, where=model, allow_no_specials=allow_no_specials)
    anatomy = anatomy_of(net)
    length, said = fitting_length(anatomy.max_tokens, max_length)
    for line in (*checked.said, said):
        if line:
            progress.say(line)
    found = load_mask(mask, net, say=progress.say)
    context = Context(net, tokenizer, anatomy, found, max_length=length)
    with progress.stage("reading maps"):
        examples = [Example(id=one.id, first=one) for one in read]
        return sample_maps(
            context, examples, n_maps, seed=seed, batch_size=batch_size
        ), checked.flag
