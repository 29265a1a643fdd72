"""Encoding that treats text which spells a special token as text.

Tokenizers look for `[SEP]` or `<s>` in the text itself, so that a sentence about markup gets a
separator in its middle. `split_special_tokens=True` of transformers prevents that for WordPiece and
byte-level BPE, but a Unigram model still finds `<s>` among its pieces. Here the special tokens are
removed from a copy of the backend, which works for all three.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from tokenizers import Encoding, Tokenizer

from ..errors import CheckpointError, ConfigError

_UNREACHABLE = "\U0010ffff"
"""A Unicode noncharacter: text cannot contain a piece that starts with it."""

KEPT_BACKENDS = 4
"""Backends cached by tokenizer content, since every load creates a new tokenizer."""

_copies: WeakKeyDictionary[Any, dict[tuple[bool, int], Tokenizer]] = WeakKeyDictionary()
_contents: WeakKeyDictionary[Any, tuple[tuple[str, ...], int, str]] = WeakKeyDictionary()
_backends: OrderedDict[tuple[bool, str], Tokenizer] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Fitted:
    """One input, complete and truncated to the maximum length."""

    whole: Encoding
    kept: Encoding

    @property
    def truncated(self) -> bool:
        """Whether the input was truncated."""
        return self.kept is not self.whole


def encode_literally(
    tokenizer: Any, inputs: Sequence[Any], *, pre_split: bool, max_length: int
) -> list[Fitted]:
    """Encode texts or pairs of texts with the model's special tokens around them.

    Args:
        tokenizer: a fast tokenizer of transformers.
        inputs: strings, or lists of words where `pre_split`; tuples of two for pairs.
        pre_split: whether inputs are words. Byte-level BPE then marks each word's start.
        max_length: maximum number of subwords per input, special tokens included; the longer text
            of a pair is truncated first.

    Raises:
        CheckpointError: if the tokenizer is not a fast one; slow ones give no character offsets.
        ConfigError: if `max_length` leaves no room for text.
    """
    if not inputs:
        return []
    backend = _literal_backend(tokenizer, pre_split)
    added = backend.num_special_tokens_to_add(is_pair=isinstance(inputs[0], tuple))
    if max_length <= added:
        raise ConfigError(
            f"a maximum length of {max_length} leaves no room for text next to {added} "
            "special tokens",
            remedy=f"set it to at least {added + 1}",
        )
    backend.no_truncation()
    whole = backend.encode_batch(list(inputs), is_pretokenized=pre_split)
    long = [place for place, encoding in enumerate(whole) if len(encoding) > max_length]
    kept = list(whole)
    if long:
        backend.enable_truncation(
            max_length, strategy="longest_first", direction=tokenizer.truncation_side
        )
        cut = backend.encode_batch([inputs[place] for place in long], is_pretokenized=pre_split)
        for place, encoding in zip(long, cut, strict=True):
            kept[place] = encoding
    return [Fitted(*pair) for pair in zip(whole, kept, strict=True)]


def makes_token_types(tokenizer: Any) -> bool:
    """Whether the tokenizer's model family reads token type ids."""
    return "token_type_ids" in tokenizer.model_input_names


def _literal_backend(tokenizer: Any, pre_split: bool) -> Tokenizer:
    if not getattr(tokenizer, "is_fast", False):
        raise CheckpointError(
            f"the tokenizer {type(tokenizer).__name__} is not a fast one and gives no "
            "character offsets",
            remedy="use a model that has a tokenizer.json",
        )
    copies = _copies.setdefault(tokenizer, {})
    key = (pre_split, len(tokenizer))
    if key not in copies:
        content = (pre_split, content_of(tokenizer))
        if content not in _backends:
            _backends[content] = _build(tokenizer, pre_split)
        _backends.move_to_end(content)
        copies[key] = _backends[content]
        while len(_backends) > KEPT_BACKENDS:
            _backends.popitem(last=False)
    return copies[key]


def content_of(tokenizer: Any) -> str:
    """A hash of what determines the encoding of a fast tokenizer: its file and special tokens."""
    specials, size = tuple(tokenizer.all_special_tokens), len(tokenizer)
    known = _contents.get(tokenizer)
    if known is None or known[:2] != (specials, size):
        stored = json.dumps(specials) + tokenizer.backend_tokenizer.to_str()
        found = hashlib.sha256(stored.encode()).hexdigest()
        known = _contents[tokenizer] = (specials, size, found)
    return known[2]


def _build(tokenizer: Any, pre_split: bool) -> Tokenizer:
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    added = state["added_tokens"]
    specials = {token["content"] for token in added if token["special"]}
    specials |= set(tokenizer.all_special_tokens)
    # The post-processor puts special tokens around the text by id and does not need these entries.
    state["added_tokens"] = [token for token in added if token["content"] not in specials]
    if state["model"]["type"] == "Unigram":
        for entry in state["model"]["vocab"]:
            if entry[0] in specials:
                entry[0] = _UNREACHABLE + entry[0]
    if pre_split:
        for part in ("pre_tokenizer", "post_processor"):
            _mark_word_starts(state[part])
    backend = Tokenizer.from_str(json.dumps(state))
    # A tokenizer.json may ask for padding to a fixed length, whatever the caller wants.
    backend.no_padding()
    return backend


def _mark_word_starts(state: Any) -> None:
    """Set `add_prefix_space` to true at each level of a nested state."""
    if isinstance(state, dict):
        if "add_prefix_space" in state:
            state["add_prefix_space"] = True
        for value in state.values():
            _mark_word_starts(value)
    elif isinstance(state, list):
        for value in state:
            _mark_word_starts(value)
