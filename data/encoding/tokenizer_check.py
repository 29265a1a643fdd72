"""Check that a tokenizer fits its model when both are loaded."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from tokenizers import decoders

from ..errors import CheckpointError
from .literal import encode_literally, makes_token_types

NO_SPECIALS = "no-specials"
"""Flag of rows of a model whose tokenizer defines special tokens but does not add them."""

_REBUILD = "save the tokenizer that the model was trained with in the folder of the model"


def check_ids(tokenizer: Any, embedding_rows: int, *, where: str | None = None) -> None:
    """Raise unless every id of the tokenizer, added tokens included, has an embedding.

    Args:
        tokenizer: a fast tokenizer.
        embedding_rows: number of embeddings of the model; ids count from 0.
        where: the model's name.

    Raises:
        CheckpointError: naming one of the tokens.
    """
    beyond = {token: id for token, id in tokenizer.get_vocab().items() if id >= embedding_rows}
    if beyond:
        token, id = min(beyond.items(), key=lambda pair: pair[1])
        raise CheckpointError(
            f"{len(beyond)} token{'s' * (len(beyond) > 1)} of the tokenizer, such as {token!r} "
            f"with id {id}, {'have' if len(beyond) > 1 else 'has'} no embedding: the model has "
            f"{embedding_rows}",
            where=where,
            remedy=f"{_REBUILD}, or enlarge the model with resize_token_embeddings",
        )


def check_segments(tokenizer: Any, segments: int, *, pairs: bool, where: str | None = None) -> None:
    """Raise unless the segment ids of single texts, or of pairs, have embeddings.

    Args:
        tokenizer: a fast tokenizer.
        segments: segment embeddings of the model (`type_vocab_size`).
        pairs: whether pairs of texts are read.
        where: the model's name.

    Raises:
        CheckpointError: naming both numbers.
    """
    if not makes_token_types(tokenizer):
        return
    largest = max(max(one.type_ids, default=0) for one in _examples(tokenizer, pairs))
    if largest >= segments:
        raise CheckpointError(
            f"the tokenizer gives {'pairs' if pairs else 'texts'} the segment id {largest}, "
            f"but the model has {segments} segment embedding{'s' * (segments > 1)}",
            where=where,
            remedy=f"{_REBUILD}, or take token_type_ids out of model_input_names in "
            "tokenizer_config.json",
        )


def check_padding(tokenizer: Any, *, where: str | None = None) -> None:
    """Raise unless texts of different lengths can be padded to one length.

    Raises:
        CheckpointError: if there is no padding token.
    """
    if tokenizer.pad_token_id is None:
        raise CheckpointError(
            "the tokenizer has no padding token",
            where=where,
            remedy='set "pad_token" in tokenizer_config.json to the one that the model knows',
        )


def missing_specials(tokenizer: Any) -> tuple[str, ...]:
    """Special tokens for the start and end of a text that a tokenizer defines but never adds."""
    names = ("cls_token", "sep_token")
    known = [getattr(tokenizer, name, None) for name in names]
    if not any(known):
        known = [getattr(tokenizer, name, None) for name in ("bos_token", "eos_token")]
    added = {
        id
        for pairs in (False, True)
        for one in _examples(tokenizer, pairs)
        for id, segment in zip(one.ids, one.sequence_ids, strict=True)
        if segment is None
    }
    wanted = dict.fromkeys(token for token in known if token)
    return tuple(t for t in wanted if tokenizer.convert_tokens_to_ids(t) not in added)


def check_specials(tokenizer: Any, *, allowed: bool = False, where: str | None = None) -> str:
    """Raise unless a tokenizer adds the special tokens that it defines.

    Args:
        tokenizer: a fast tokenizer.
        allowed: warn instead of raising.
        where: the model's name.

    Returns:
        A warning if tokens are missing and this is allowed; otherwise an empty text.

    Raises:
        CheckpointError: naming the tokens.
    """
    missing = missing_specials(tokenizer)
    if not missing:
        return ""
    problem = f"the tokenizer has {' and '.join(missing)} but never adds them"
    if len(missing) == 1:
        problem = f"the tokenizer has {missing[0]} but never adds it"
    if not allowed:
        raise CheckpointError(
            problem,
            where=where,
            remedy="add the post_processor that the model was trained with to tokenizer.json, "
            "or continue without special tokens with `allow_no_specials`",
        )
    return f"{problem}; rows are flagged {NO_SPECIALS}"


def unreachable_entries(tokenizer: Any) -> tuple[str, ...]:
    """Vocabulary entries with upper-case or accented letters that no text can produce.

    The tokenizer lower-cases texts, or strips their accents, before it looks pieces up.
    """
    normalizer = tokenizer.backend_tokenizer.normalizer
    if normalizer is None or normalizer.normalize_str("AÉ é") == "AÉ é":
        return ()
    aside = set(tokenizer.all_special_tokens) | set(tokenizer.get_added_vocab())
    vocabulary = (token for token in tokenizer.get_vocab() if token not in aside)
    lost = []
    for token, text in _spelled(tokenizer, vocabulary):
        plain = _without_accents(text)
        if text in (text.lower(), "") and text == plain:
            continue
        read = normalizer.normalize_str(text).strip().removeprefix("▁").strip()
        if read != text and read in (text.lower(), plain, plain.lower()):
            lost.append(token)
    return tuple(lost)


def unreachable_said(tokenizer: Any) -> str:
    """A warning about vocabulary entries that no text can produce; empty if there are none."""
    lost = unreachable_entries(tokenizer)
    if not lost:
        return ""
    shown = ", ".join(repr(token) for token in sorted(lost)[:3])
    return (
        f"{len(lost):,} of {len(tokenizer):,} vocabulary entries, such as {shown}, "
        "can never occur: the tokenizer lower-cases texts or strips accents; if "
        "the model is cased, set "
        "lowercase and strip_accents to false in the normalizer of tokenizer.json"
    )


def _spelled(tokenizer: Any, tokens: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Tokens with the text that they stand for, without markers of a word's start or middle."""
    byte_level = isinstance(tokenizer.backend_tokenizer.decoder, decoders.ByteLevel)
    decode = decoders.ByteLevel().decode
    for token in tokens:
        if byte_level:
            text = decode([token]).strip()
        elif token.startswith("<0x") and token.endswith(">"):  # one byte, spelled in capitals
            continue
        else:
            text = token.removeprefix("##").replace("▁", " ").strip()
        if "\ufffd" not in text:
            yield token, text


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in parts if unicodedata.category(letter) != "Mn")


def _examples(tokenizer: Any, pairs: bool) -> list[Any]:
    """A short text, or a pair, as the tokenizer reads it."""
    texts: list[Any] = [("a", "b")] if pairs else ["a"]
    return [one.whole for one in encode_literally(tokenizer, texts, pre_split=False, max_length=99)]
