"""Sentences with a label a word, and encoders in which one unit alone carries it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from subprobe.data.sentences.sentence import Sentence
from subprobe.models.encoder.anatomy import anatomy_of
from tiny import tiny_model
from toy_parts import WORDS


def first_word_sentences(count: int, seed: int = 0) -> list[Sentence]:
    """Sentences whose words are all tagged by the first of them: no other word tells the tag."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        first = place % 2
        words = (WORDS[first], *("houses",) * int(rng.integers(2, 5)))
        found.append(Sentence(f"s{place}", words, upos=(("NOUN", "VERB")[first],) * len(words)))
    return found


def tagged_sentences(count: int, seed: int = 0, documents: int = 0) -> list[Sentence]:
    """Sentences whose words have the tag of their own form."""
    rng = np.random.default_rng(seed)
    tags = dict(zip(WORDS, ("NOUN", "VERB", "ADJ", "ADV") * 2, strict=True))
    found = []
    for place in range(count):
        words = tuple(rng.choice(WORDS, size=rng.integers(4, 7)).tolist())
        document = f"d{place % documents}" if documents else ""
        found.append(
            Sentence(
                f"s{place}", words, upos=tuple(tags[w] for w in words), annotation="gold",
                document=document,
            )
        )  # fmt: skip
    return found


def write_tagged(path: Any, sentences: list[Sentence]) -> Any:
    """Write sentences as CoNLL-U; the first word is the root of the others."""
    blocks = []
    for one in sentences:
        lines = [f"# sent_id = {one.id}", f"# text = {' '.join(one.words)}"]
        for place, (word, tag) in enumerate(zip(one.words, one.upos, strict=True), start=1):
            head, relation = (0, "root") if place == 1 else (1, "dep")
            lines.append(f"{place}\t{word}\t{word}\t{tag}\t_\t_\t{head}\t{relation}\t_\t_")
        blocks.append("\n".join(lines) + "\n")
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")
    return path


def one_head_reads(head: tuple[int, int]) -> Any:
    """An encoder in which one head alone moves anything between words: the mean of them all."""
    model = tiny_model("bert")
    anatomy = anatomy_of(model)
    size = anatomy.head_size
    with torch.no_grad():
        for layer in range(anatomy.num_layers):
            weight = anatomy.attention_projection(model, layer).weight
            for other in range(anatomy.num_heads):
                weight[:, other * size : (other + 1) * size] *= 8.0 * ((layer, other) == head)
        model.embeddings.position_embeddings.weight.zero_()
        rows = anatomy.rows("query")[head[1]]
        query = anatomy.query(model, head[0])
        query.weight[rows] = 0.0
        query.bias[rows] = 0.0
    return model


def one_neuron_writes(neuron: tuple[int, int]) -> Any:
    """An encoder whose last states vary in their first place alone, which one neuron writes."""
    model = tiny_model("bert")
    anatomy = anatomy_of(model)
    layer, number = neuron
    assert layer == anatomy.num_layers - 1
    with torch.no_grad():
        anatomy.attention_norm(model, layer).weight[0] = 0.0
        down = anatomy.mlp_output(model, layer)
        down.weight[0] = 0.0
        down.weight[0, number] = 4.0
        norm = model.encoder.layer[layer].output.LayerNorm
        norm.weight[:] = 0.0
        norm.weight[0] = 1.0
    return model
