"""Tiny random encoders of every supported family, and tokenizers made in the process.

Fresh transformers weights are useless for tests of gates and probes: with an initializer range of
.02 and zero biases a head changes the output by less than any tolerance. These models have weights
of standard deviation .2, random biases and random LayerNorms.
"""

from __future__ import annotations

import json
import re
import string
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
)

FAMILIES = (
    "bert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "electra",
    "distilbert",
    "mpnet",
    "deberta",
    "deberta-v2",
    "albert",
    "modernbert",
)
"""Every family that subprobe supports, spelled out here so that a dropped row is noticed."""

SDPA = tuple(family for family in FAMILIES if family not in ("mpnet", "deberta", "deberta-v2"))

POST_NORM = FAMILIES[:7]
"""Families whose attention block can be taken apart: output plus residual, then a LayerNorm."""

SEPARABLE = tuple(family for family in FAMILIES if family != "albert")
"""Families whose layers can lose heads and neurons one by one."""

RELATIVE = ("deberta", "deberta-v2", "modernbert")
"""Families with relative positions: longer texts run, though the model was not made for them."""

TOKENIZER_OF = {
    "bert": "wordpiece",
    "electra": "wordpiece",
    "distilbert": "wordpiece",
    "roberta": "bpe",
    "mpnet": "bpe",
    "xlm-roberta": "unigram",
    "camembert": "unigram",
    "deberta": "bpe",
    "deberta-v2": "unigram",
    "albert": "unigram",
    "modernbert": "bpe",
}
"""The kind of `tiny_tokenizer` whose padding id fits the family."""

VOCABULARY = 600

CORPUS = (
    "The quick brown fox jumps over the lazy dog.",
    "The cats that the dog near the houses chased were sleeping.",
    "Nobody has ever seen the author's unbelievable manuscript.",
    "She gave him an envelope, and he opened it carefully.",
    "The senators who admired the judge do not trust themselves.",
    "What did the students say that the teacher was reading?",
    "It's raining; the children weren't playing outside yesterday.",
    "A naïve café owner paid 1,250 euros for the façade.",
    "Unhappiness, antidisestablishmentarianism and other long words.",
    "The keys to the cabinet are on the table, aren't they?",
    "If the actor slept, the lawyer knew the doctor.",
    "Three of the paintings by the artist were stolen last night.",
)

_OFFSETS = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}

_DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "position_biased_input": False,
}
_PUBLISHED: dict[str, dict[str, Any]] = {
    "deberta": _DEBERTA,
    "deberta-v2": {
        **_DEBERTA,
        "position_buckets": 6,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
    },
    "albert": {"num_hidden_groups": 1, "embedding_size": 24},
    # two tokens on each side in local layers, so that short texts have far ones
    "modernbert": {
        "local_attention": 4,
        "bos_token_id": 0,
        "cls_token_id": 0,
        "eos_token_id": 2,
        "sep_token_id": 2,
    },
}
"""What published models of the family set, and sizes that make it matter in short texts."""


def tiny_config(
    family: str,
    *,
    num_labels: int = 2,
    layers: int = 2,
    heads: int = 4,
    hidden: int = 32,
    positions: int = 128,
    attention: str | None = None,
    **options: Any,
) -> Any:
    """Configuration of a tiny encoder; `positions` tokens are usable in every family."""
    sizes = {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "hidden_size": hidden,
        "intermediate_size": hidden + hidden // 2,
    }
    if family == "distilbert":
        sizes = {
            "n_layers": layers,
            "n_heads": heads,
            "dim": hidden,
            "hidden_dim": hidden + hidden // 2,
        }
    if family == "electra":
        sizes["embedding_size"] = hidden - hidden // 4
    padding = 0 if TOKENIZER_OF[family] == "wordpiece" else 1
    config = AutoConfig.for_model(
        family,
        vocab_size=VOCABULARY,
        max_position_embeddings=positions + _OFFSETS.get(family, 0),
        initializer_range=0.2,
        pad_token_id=padding,
        num_labels=num_labels,
        **{**sizes, **_PUBLISHED.get(family, {}), **options},
    )
    config._attn_implementation = attention or ("sdpa" if family in SDPA else "eager")
    return config


def tiny_model(
    family: str,
    head: str | None = None,
    num_labels: int = 2,
    layers: int = 2,
    heads: int = 4,
    hidden: int = 32,
    seed: int = 0,
    *,
    attention: str | None = None,
    **options: Any,
) -> Any:
    """A random encoder in eval mode whose heads and MLPs matter.

    Args:
        family: one of FAMILIES.
        head: None for the bare encoder, "classification" for a sequence classifier, "language"
            for a masked language model, "choice" for a multiple-choice model.
        num_labels: K of the classifier; 1 = regression.
        layers: L.
        heads: H.
        hidden: D.
        seed: of the weights; the global random state is left as it was.
        attention: "eager" or "sdpa"; sdpa where the family has it.
        options: further fields of the configuration.
    """
    config = tiny_config(
        family,
        num_labels=num_labels,
        layers=layers,
        heads=heads,
        hidden=hidden,
        attention=attention,
        **options,
    )
    make = {
        None: AutoModel,
        "classification": AutoModelForSequenceClassification,
        "language": AutoModelForMaskedLM,
        "choice": AutoModelForMultipleChoice,
    }[head]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = make.from_config(config, attn_implementation=config._attn_implementation)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0.0, 0.2)
            elif "norm" in name.lower():
                parameter.uniform_(0.5, 1.5)
    return model.eval()


def tiny_tokenizer(kind: str, *, token_types: bool | None = None) -> PreTrainedTokenizerFast:
    """A fast tokenizer learnt from `CORPUS`, the same in every process.

    Its ids fit every tiny model of its kind (`TOKENIZER_OF`).

    Args:
        kind: "wordpiece", "bpe" (byte level) or "unigram".
        token_types: whether it makes token type ids; by default WordPiece does, others do not.
    """
    tokenizer, names = {"wordpiece": _wordpiece, "bpe": _bpe, "unigram": _unigram}[kind]()
    inputs = ["input_ids", "attention_mask"]
    if token_types if token_types is not None else kind == "wordpiece":
        inputs.insert(1, "token_type_ids")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_input_names=inputs, model_max_length=128, **names
    )


_WORD = re.compile(r"\w+|[^\w\s]")
_ASCII = string.ascii_lowercase + string.digits + string.punctuation

_BERT_NAMES = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_ROBERTA_NAMES = {
    "cls_token": "<s>",
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
    "bos_token": "<s>",
    "eos_token": "</s>",
}
_ROBERTA_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def _wordpiece() -> tuple[Tokenizer, dict[str, str]]:
    # The library's trainer breaks ties by hash order, so it makes another vocabulary in each
    # process. Every second word whole, common endings and single characters do as well.
    words = sorted({word for line in CORPUS for word in _WORD.findall(line.lower())})
    letters = sorted({letter for word in words for letter in word} | set(_ASCII))
    endings = ["##" + ending for ending in ("ed", "er", "ing", "ly", "ment", "ness", "s")]
    pieces = [*_BERT_NAMES.values(), *letters, *("##" + one for one in letters), *endings]
    vocabulary = dict.fromkeys([*pieces, *words[::2]])
    tokenizer = Tokenizer(
        models.WordPiece({piece: i for i, piece in enumerate(vocabulary)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer, _BERT_NAMES


def _bpe() -> tuple[Tokenizer, dict[str, str]]:
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=_ROBERTA_SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True
    )
    return tokenizer, _ROBERTA_NAMES


def _unigram() -> tuple[Tokenizer, dict[str, str]]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace("  ", " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300,
        special_tokens=_ROBERTA_SPECIALS,
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # the trainer sums and numbers pieces in hash order: keep them to the digits that are stable
    learnt = json.loads(tokenizer.to_str())["model"]["vocab"]
    specials = [(name, 0.0) for name in _ROBERTA_SPECIALS]
    pieces = sorted((piece, round(score, 1)) for piece, score in learnt[len(specials) :])
    tokenizer.model = models.Unigram(
        [*specials, *pieces], unk_id=_ROBERTA_SPECIALS.index("<unk>"), byte_fallback=False
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer, _ROBERTA_NAMES
