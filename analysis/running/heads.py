"""Every head's map of one sentence: as it is, norm-weighted, and its effective part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...data.alignment import Encoded, encode_words
from ...data.errors import InputError
from ...data.literal import encode_literally
from ...data.sentence import Example, Sentence, plain_sentence
from ...probes.base import BatchView, Context
from ...probes.effective_attention import effective_attention
from ...probes.stream import run_probes
from ...probes.values import LayerValues
from ...pruning.anatomy import anatomy_of
from ...pruning.checkpoint import load_saved, load_tokenizer
from ...pruning.living import living_of
from .masks import load_mask

Maps = npt.NDArray[np.float64]

KINDS = ("attention", "norm", "effective")
"""`attention`: alpha, rows sum to 1. `norm`: ||alpha f(x)|| (Kobayashi et al. 2020). `effective`:
alpha without what its values cannot show (Brunner et al. 2020); may be negative."""


@dataclass(frozen=True)
class Heads:
    """One sentence, or pair, through every head of a model.

    Attributes:
        model: the model's name.
        sentence: the text that was read, pairs joined by a bar.
        tokens: the n subwords as they are in the text; special tokens by name. WordPiece's mark
            `##` is kept.
        alive: living heads [L, H].
        masked: whether there is a mask.
        maps: kind -> maps of living heads [L, H, n, n], NaN for dead ones; rows look, columns are
            looked at. `attention` alone where the family cannot be taken apart, or has been made
            smaller.
        before: the same of dead heads in the whole model, NaN for living ones; empty where no head
            is dead, or the model has lost them.
    """

    model: str
    sentence: str
    tokens: tuple[str, ...]
    alive: npt.NDArray[np.bool_]
    masked: bool
    maps: dict[str, Maps]
    before: dict[str, Maps]


def heads_of(model: str, mask: Path | None, text: str, second: str | None = None) -> Heads:
    """Load a model and look at one sentence, or a pair.

    Args:
        model: a model's name; a smaller model brings its own mask.
        mask: a mask file, or None for the whole model.
        text: the sentence; words are what white space parts.
        second: the second sentence of a pair.

    Raises:
        InputError: if a sentence is empty, or longer than the model's positions.
        MaskError: if the mask belongs to another model.
    """
    net, tokenizer = load_saved(model), load_tokenizer(model)
    subnetwork = load_mask(mask, net)
    anatomy = anatomy_of(net)
    first, other = plain_sentence("first", text), None
    if second is not None:
        other = plain_sentence("second", second)
    _check_text(tokenizer, first, other, anatomy.max_tokens)
    context = Context(net, tokenizer, anatomy, subnetwork, max_length=anatomy.max_tokens)
    example = Example("view", first, other)
    maps = _maps(context, example)
    alive, before = context.alive, {}
    if not alive.all() and living_of(net) is None:
        whole = _maps(replace(context, subnetwork=None), example)
        before = {kind: _only(grid, ~alive) for kind, grid in whole.items()}
    encoded = encode_words(
        tokenizer, [first], [other] if other else None, max_length=anatomy.max_tokens
    )[0]
    return Heads(
        model=model,
        sentence=" | ".join(text for text in (text, second) if text is not None),
        tokens=_tokens(tokenizer, encoded, first, other),
        alive=alive,
        masked=subnetwork is not None,
        maps={kind: _only(grid, alive) for kind, grid in maps.items()},
        before=before,
    )


class _Keeper:
    """Keeps the maps of the one text that it is shown: what a probe of a corpus must not do."""

    name = "view"
    needs_attention = True
    needs_hidden = False

    def __init__(self, context: Context):
        anatomy = context.anatomy
        self.needs_values = bool(anatomy.row.attention_norm) and living_of(context.model) is None
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

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Not asked for."""

    def end(self) -> None:
        """Nothing to end."""

    def result(self) -> Any:
        return {kind: np.stack(layers) for kind, layers in self._layers.items() if layers}

    def _keep(self, kind: str, maps: torch.Tensor) -> None:
        self._layers[kind].append(maps[0].to("cpu", torch.float64).numpy())


def _maps(context: Context, example: Example) -> dict[str, Maps]:
    found: Any = run_probes(context, [example], [_Keeper(context)])[0]
    return dict(found)


def _only(maps: Maps, wanted: npt.NDArray[np.bool_]) -> Maps:
    return np.where(wanted[:, :, None, None], maps, np.nan)


def _check_text(tokenizer: Any, first: Sentence, second: Sentence | None, limit: int) -> None:
    """Raise unless every sentence has subwords, and all together have positions.

    Raises:
        InputError: saying which sentence, or both numbers.
    """
    sentences = [first] if second is None else [first, second]
    for sentence, where in zip(sentences, ("SENTENCE", "--second"), strict=False):
        pieces = encode_words(tokenizer, [sentence], max_length=limit)[0].word_of_piece
        if all(word < 0 for word in pieces):
            raise InputError("is empty", where=where, remedy="give a sentence to look at")
    words = [list(sentence.words) for sentence in sentences]
    one: Any = words[0] if second is None else tuple(words)
    fitted = encode_literally(tokenizer, [one], pre_split=True, max_length=limit)[0]
    if fitted.truncated:
        raise InputError(
            f"has {len(fitted.whole)} subwords, the model {limit} positions",
            where="SENTENCE",
            remedy="look at a shorter one",
        )


def _tokens(
    tokenizer: Any, encoded: Encoded, first: Sentence, second: Sentence | None
) -> tuple[str, ...]:
    """The text of each subword; special tokens by their name."""
    sentences = (first, second)
    tokens = []
    for place, special in enumerate(encoded.special):
        piece = str(tokenizer.convert_ids_to_tokens(encoded.input_ids[place]))
        if special:
            tokens.append(piece)
            continue
        word, segment = encoded.word_of_piece[place], encoded.segment_of_piece[place]
        sentence = sentences[segment]
        assert sentence is not None
        start, end = encoded.offsets[place]
        text = sentence.words[word][start:end]
        # byte-level pieces are unreadable outside ASCII: the text that they stand for is shown
        tokens.append(f"##{text}" if piece.startswith("##") and start else text)
    return tuple(tokens)
