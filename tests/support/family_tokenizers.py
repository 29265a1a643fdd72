"""Tokenizers of the kind that published models of a family come with, on tiny vocabularies.

Made by transformers' own classes where a family has one, so that normaliser, pre-tokeniser and
template are the real ones.
"""

from __future__ import annotations

import json
from typing import Any

from tiny import tiny_tokenizer
from tokenizers import AddedToken, Tokenizer, models, normalizers, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    AlbertTokenizer,
    DebertaTokenizer,
    DebertaV2Tokenizer,
    PreTrainedTokenizerFast,
)

_NAMES = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")


def _learnt(kind: str) -> dict[str, Any]:
    """Vocabulary of a tiny tokenizer, its five special tokens left out."""
    model: dict[str, Any] = json.loads(tiny_tokenizer(kind).backend_tokenizer.to_str())["model"]
    if kind == "unigram":
        return {"vocab": [(piece, score) for piece, score in model["vocab"][5:]]}
    pieces = [piece for piece, place in model["vocab"].items() if place >= 5]
    return {"vocab": pieces, "merges": [tuple(pair) for pair in model["merges"]]}


def _albert() -> Any:
    names = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
    # it lowers and decomposes: pieces as they are after that
    pieces = {piece.lower(): score for piece, score in _learnt("unigram")["vocab"]}
    return AlbertTokenizer(vocab=[(name, 0.0) for name in names] + list(pieces.items()))


def _deberta_v2() -> Any:
    return DebertaV2Tokenizer(vocab=[(name, 0.0) for name in _NAMES] + _learnt("unigram")["vocab"])


def _deberta() -> Any:
    learnt = _learnt("bpe")
    vocabulary = {piece: place for place, piece in enumerate([*_NAMES, *learnt["vocab"]])}
    return DebertaTokenizer(vocab=vocabulary, merges=learnt["merges"])


def _modernbert() -> Any:
    learnt = _learnt("bpe")
    vocabulary = {piece: place for place, piece in enumerate([*_NAMES, *learnt["vocab"]])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=learnt["merges"]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    # pieces of source code that are whole, but not special
    tokenizer.add_tokens([AddedToken("|||IP_ADDRESS|||", normalized=False), AddedToken("  ")])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=128,
    )


FAMILY_TOKENIZERS = {
    "albert": _albert,
    "deberta": _deberta,
    "deberta-v2": _deberta_v2,
    "modernbert": _modernbert,
}
"""Family -> what makes its tokenizer."""
