"""Attention blocks one text at a time, in float64, from transformers' own outputs and weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from probe_cases import random_examples
from subprobe.data.encoding.alignment import encode_words
from subprobe.data.sentences.sentence import Example, Sentence
from subprobe.models.masks.gates import gated
from subprobe.probes.forward.base import Context

Floats = npt.NDArray[np.float64]


@dataclass
class PlainText:
    """One text without padding.

    Attributes:
        kinds: first, separator, punctuation or other, for each token.
        attention: maps of each layer [L, H, S, S].
        states: hidden states [L + 1, S, D].
        parts: of each layer f_h(x_j) [H, S, D], output bias and LayerNorm (gain, bias, eps).
    """

    kinds: list[str]
    attention: list[Floats]
    states: list[Floats]
    parts: list[dict[str, Any]]

    @property
    def n(self) -> int:
        return len(self.kinds)


def punctuated_examples(n: int, *, pairs: bool = False) -> list[Example]:
    """Random examples whose every third word is a punctuation mark."""
    return [
        example.with_sentences(
            _punctuated(example.first), example.second and _punctuated(example.second)
        )
        for example in random_examples(n, pairs=pairs)
    ]


def _punctuated(sentence: Sentence) -> Sentence:
    marks = (",", ".", "'")
    words = [marks[i % 3] if i % 3 == 1 else word for i, word in enumerate(sentence.words)]
    return replace(sentence, words=tuple(words))


def plain_text(context: Context, example: Example) -> PlainText:
    """Run one text and transform its layer inputs by hand."""
    seconds = None if example.second is None else [example.second]
    encoded = encode_words(
        context.tokenizer, [example.first], seconds, max_length=context.max_length
    )[0]
    inputs = {"input_ids": torch.tensor([encoded.input_ids])}
    if encoded.token_type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([encoded.token_type_ids])
    model, anatomy = context.model, context.anatomy
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad(), gated(model, context.subnetwork):
        output = model.base_model(**inputs, output_attentions=True, output_hidden_states=True)
    model.set_attn_implementation(before)
    states = [one[0].numpy() for one in output.hidden_states]
    parts = []
    for layer in range(anatomy.num_layers):
        value = anatomy.value_projection(model, layer)
        out = anatomy.attention_projection(model, layer)
        norm = anatomy.attention_norm(model, layer)
        values = states[layer] @ value.weight.detach().numpy().T + value.bias.detach().numpy()
        d = anatomy.head_size
        heads = []
        for head in range(anatomy.num_heads):
            columns = slice(head * d, (head + 1) * d)
            moved = values[:, columns] @ out.weight.detach().numpy()[:, columns].T
            heads.append(moved * float(context.alive[layer, head]))
        parts.append(
            {
                "f": np.array(heads),
                "bias": out.bias.detach().numpy(),
                "gain": norm.weight.detach().numpy(),
                "shift": norm.bias.detach().numpy(),
                "eps": norm.eps,
                "value": values.reshape(len(values), anatomy.num_heads, d).transpose(1, 0, 2),
            }
        )
    sentences = (example.first, example.second)
    kinds = []
    for place, special in enumerate(encoded.special):
        if special:
            kinds.append("separator" if place else "first")
            continue
        sentence = sentences[encoded.segment_of_piece[place]]
        assert sentence is not None
        word = encoded.word_of_piece[place]
        text = sentence.words[word] if word >= 0 else "cut"
        kinds.append("other" if any(letter.isalnum() for letter in text) else "punctuation")
    return PlainText(kinds, [one[0].numpy() for one in output.attentions], states, parts)


def item_sums(result: Any, metric: str, unit: str) -> pd.DataFrame:
    """Numerators and denominators of one metric, by text and unit."""
    items = result.items
    places = ["layer", "head"] if unit == "head" else ["layer"]
    chosen = items[(items["metric"] == metric) & (items["head"].notna() == (unit == "head"))]
    return chosen.set_index(["item_id", *places])[["numerator", "denominator"]].astype(float)


def plain_mass(grid: Floats, kinds: list[str]) -> dict[str, float]:
    """Sums over rows of where one map points, by loops."""
    n = len(kinds)
    sums = {f"to_{kind}": 0.0 for kind in ("first", "separator", "punctuation", "other")}
    for i, j in np.ndindex(n, n):
        sums[f"to_{kinds[j]}"] += float(grid[i][j])
    sums["to_previous"] = sum(grid[i][i - 1] for i in range(1, n))
    sums["to_next"] = sum(grid[i][i + 1] for i in range(n - 1))
    sums["to_self"] = sum(grid[i][i] for i in range(n))
    sums["entropy"] = -sum(a * np.log(a) for row in grid for a in row if a > 0)
    return {name: float(value) for name, value in sums.items()}
