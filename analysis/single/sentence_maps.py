"""Every head's map of one sentence: raw, norm-weighted and effective attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.encoding.alignment import Encoded
from ...data.encoding.literal import encode_literally
from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example, plain_sentence
from ...models.checkpoint.checkpoint import load_saved, load_tokenizer
from ...models.checkpoint.inputs import check_inputs
from ...models.encoder.anatomy import anatomy_of
from ...models.encoder.device import device_of
from ...models.encoder.kept_units import kept_units_of
from ...models.folder.text_lengths import fitting_length
from ...probes.attribution.settings import check_methods
from ...probes.context_mixing.effective_attention import effective_attention
from ...probes.forward.attention_block import LayerValues
from ...probes.forward.base import BatchView, Context, Probe, ProbeResult
from ...probes.forward.needs import sentences_of
from ...probes.forward.shared_pass import run_probes
from ...probes.forward.texts import encode_examples
from ..steps.masks import load_mask
from ..steps.progress import unheard
from .sentence_words import SentenceWords, words_by_method

Maps = npt.NDArray[np.float64]

KINDS = ("attention", "norm", "effective")
"""`attention`: alpha, rows sum to 1. `norm`: ||alpha f(x)|| (Kobayashi et al. 2020). `effective`:
alpha without what its values cannot show (Brunner et al. 2020); may be negative."""


@dataclass(frozen=True)
class Heads:
    """The maps of all heads of a model for one sentence or pair.

    Attributes:
        model: the model's name.
        sentence: the text that was read, pairs joined by a bar.
        tokens: the n subwords as they are in the text; special tokens by name. The prefix `##` of
            WordPiece is kept.
        alive: kept heads [L, H].
        masked: whether there is a mask.
        maps: kind -> maps of kept heads [L, H, n, n], NaN for pruned ones; rows attend to columns.
            Only `attention` if the family's blocks cannot be decomposed, or the model is compact.
        before: the same of pruned heads in the full model, NaN for kept ones; empty if no head is
            pruned, or pruned heads were removed.
        words: attribution of the predicted class to each word, by method; empty if it was not
            requested.
    """

    model: str
    sentence: str
    tokens: tuple[str, ...]
    alive: npt.NDArray[np.bool_]
    masked: bool
    maps: dict[str, Maps]
    before: dict[str, Maps]
    words: tuple[SentenceWords, ...] = ()


def heads_of(
    model: str,
    mask: Path | None,
    text: str,
    second: str | None = None,
    *,
    methods: Sequence[str] = (),
    max_length: int = 0,
    allow_no_specials: bool = False,
    device: str = "auto",
    say: Callable[[str], None] = unheard,
) -> Heads:
    """Load a model and compute the maps of one sentence or pair.

    Args:
        model: a model's name; a compact model has its own mask.
        mask: a mask file, or None for the full model.
        text: the sentence; words are separated by white space.
        second: the second sentence of a pair.
        methods: of attribution to words, see the probe `attributions`; they need a task head.
        max_length: maximum length in subwords, at which longer texts are truncated; 0 = refuse
            texts longer than the model's positions.
        allow_no_specials: go on where the tokenizer never adds the special tokens that it knows.
        device: where the model runs, see `device_of`.
        say: receives messages about the mask, the tokenizer or the text.

    Raises:
        CheckpointError: if the tokenizer does not fit the model, see `check_inputs`.
        ConfigError: if `max_length` exceeds the model's positions, or the device does not exist.
        InputError: if a sentence is empty, or longer than the model's positions, or words are to be
            attributed and the model has no task head.
        MaskError: if the mask belongs to another model.
        UnknownNameError: if there is no such method.
    """
    if methods:
        check_methods(methods)
    place = device_of(device)
    net, tokenizer = load_saved(model).to(place), load_tokenizer(model)
    subnetwork = load_mask(mask, net, say=say)
    anatomy = anatomy_of(net)
    first, other = plain_sentence("first", text), None
    if second is not None:
        other = plain_sentence("second", second)
    example = Example("view", first, other)
    checked = check_inputs(
        net,
        tokenizer,
        where=model,
        pairs=second is not None,
        padding=False,
        allow_no_specials=allow_no_specials,
    )
    length, _ = fitting_length(anatomy.max_tokens, max_length, anatomy.max_tokens)
    context = Context(net, tokenizer, anatomy, subnetwork, max_length=length)
    said = _check_text(context, example, cut=bool(max_length))
    for line in (*checked.said, said):
        if line:
            say(line)
    maps = _maps(context, example)
    alive, before = context.alive, {}
    if not alive.all() and kept_units_of(net) is None:
        whole = _maps(replace(context, subnetwork=None), example)
        before = {kind: _only(grid, ~alive) for kind, grid in whole.items()}
    (encoded,) = encode_examples(context, [example])
    return Heads(
        model=model,
        sentence=" | ".join(text for text in (text, second) if text is not None),
        tokens=_tokens(tokenizer, encoded, example.texts()),
        alive=alive,
        masked=subnetwork is not None,
        maps={kind: _only(grid, alive) for kind, grid in maps.items()},
        before=before,
        words=words_by_method(context, example, methods) if methods else (),
    )


class _Keeper(Probe):
    """Keeps the maps of a single text, which a probe of a corpus must not do."""

    name = "view"
    needs_attention = True

    def __init__(self, context: Context):
        anatomy = context.anatomy
        self.needs_values = (
            bool(anatomy.row.attention_norm) and kept_units_of(context.model) is None
        )
        self._layers: dict[str, list[Maps]] = {kind: [] for kind in KINDS}

    def begin(self, batch: BatchView) -> None:
        self._real = batch.real.to(batch.source.dtype)

    def layer(self, layer: int, attention: torch.Tensor) -> None:
        self._keep("attention", attention)

    def values(self, layer: int, block: LayerValues) -> None:
        self._keep("norm", block.attention * block.transformed_norms()[:, :, None])
        effective, *_ = effective_attention(
            block.attention, block.value.transpose(1, 2), self._real
        )
        self._keep("effective", effective)

    def result(self) -> ProbeResult:
        return ProbeResult(self.name, rows_frame([]), lambda: items_frame([]))

    def maps(self) -> dict[str, Maps]:
        return {kind: np.stack(layers) for kind, layers in self._layers.items() if layers}

    def _keep(self, kind: str, maps: torch.Tensor) -> None:
        self._layers[kind].append(maps[0].to("cpu", torch.float64).numpy())


def _maps(context: Context, example: Example) -> dict[str, Maps]:
    keeper = _Keeper(context)
    run_probes(context, [example], [keeper])
    return keeper.maps()


def _only(maps: Maps, wanted: npt.NDArray[np.bool_]) -> Maps:
    return np.where(wanted[:, :, None, None], maps, np.nan)


def _check_text(context: Context, example: Example, *, cut: bool) -> str:
    """Raise unless every sentence has subwords, and all together have positions.

    Returns:
        a message if the text is truncated.

    Raises:
        InputError: saying which sentence, or both numbers.
    """
    sentences = sentences_of(example)
    for sentence, where in zip(sentences, ("`text`", "`second`"), strict=False):
        (alone,) = encode_examples(context, [Example("view", sentence)])
        if not alone.readable:
            raise InputError("is empty", where=where, remedy="enter a sentence")
    limit, texts = context.max_length, example.texts()
    one: Any = texts[0] if len(texts) == 1 else texts
    (fitted,) = encode_literally(context.tokenizer, [one], pre_split=False, max_length=limit)
    if fitted.truncated and not cut:
        raise InputError(
            f"has {len(fitted.whole)} subwords, the model {limit} positions",
            where="`text`",
            remedy=f"use a shorter sentence, or cut it with `max_length` {limit}",
        )
    whole = len(fitted.whole)
    return f"the text was cut at {limit} of {whole} subwords" if fitted.truncated else ""


def _tokens(tokenizer: Any, encoded: Encoded, texts: Sequence[str]) -> tuple[str, ...]:
    """The text of each subword; special tokens by their name."""
    tokens = []
    for place, special in enumerate(encoded.special):
        piece = str(tokenizer.convert_ids_to_tokens(encoded.input_ids[place]))
        start, end = encoded.offsets[place]
        # byte-level pieces are unreadable outside ASCII: the text that they stand for is shown
        text = "" if special else texts[encoded.segment_of_piece[place]][start:end]
        inside = piece.startswith("##") and text
        tokens.append(f"##{text}" if inside else text or piece)
    return tuple(tokens)
