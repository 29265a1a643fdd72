"""A plain probe of spans, and small tables and states of spans, for the tests of `edges`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from probe_cases import random_examples, tiny_context
from subprobe.probes.edges.span_batches import SpanBatch, span_batches
from subprobe.probes.edges.span_probes import SpanForm
from subprobe.probes.edges.span_table import SpanTable
from subprobe.probes.learning.learning import Learning
from subprobe.probes.states.cache import StateCache
from torch import nn


class PlainProbe(nn.Module):
    """One probe, of modules of torch, span by span: as in the paper, without a stack or a trick."""

    project: Any
    score: Any
    network: Any
    mix: Any
    gamma: Any

    def __init__(self, form: SpanForm, depth: int):
        super().__init__()
        wide = form.projection
        self.form, self.depth = form, depth
        self.mix = nn.Parameter(torch.zeros(form.states))
        self.gamma = nn.Parameter(torch.ones(()))
        self.project = nn.ModuleList(nn.Linear(form.width, wide) for _ in range(form.sides))
        self.score = nn.ModuleList(nn.Linear(wide, 1) for _ in range(form.sides))
        self.network = nn.Sequential(
            nn.Linear((2 if form.pairs else 1) * wide, wide), nn.Tanh(), nn.LayerNorm(wide),
            nn.Linear(wide, form.labels),
        )  # fmt: skip

    def load(self, parameters: list[torch.Tensor]) -> PlainProbe:
        """The same with the weights of one probe of a stack."""
        (mix, gamma, project, bias, score, inner, inner_bias, scale, shift, out, out_bias) = (
            one.detach().clone() for one in parameters
        )
        wide = self.form.projection
        with torch.no_grad():
            self.mix.copy_(10 * mix)
            self.gamma.copy_(gamma[0])
            for side, (module, scorer) in enumerate(zip(self.project, self.score, strict=True)):
                own = slice(side * wide, (side + 1) * wide)
                module.weight.copy_(project[:, own].T)
                module.bias.copy_(bias[own])
                scorer.weight.copy_(score[side : side + 1])
            first, _, norm, last = self.network
            first.weight.copy_(inner.T)
            first.bias.copy_(inner_bias)
            norm.weight.copy_(scale)
            norm.bias.copy_(shift)
            last.weight.copy_(out.T)
            last.bias.copy_(out_bias)
        return self

    def forward(self, states: torch.Tensor, spans: np.ndarray) -> torch.Tensor:
        """Scores [S, K] of spans [S, sides, 2] of the words of states [L + 1, R, D]."""
        weights = torch.softmax(self.mix[: self.depth + 1], dim=0)
        words = self.gamma * sum(weight * state for weight, state in zip(weights, states))  # noqa: B905
        rows = []
        for span in spans:
            pooled = []
            for side, (start, end) in enumerate(span):
                place = min(side, self.form.sides - 1)
                projected = self.project[place](words[start:end])
                attention = torch.softmax(self.score[place](projected)[:, 0], dim=0)
                pooled.append(attention @ projected)
            rows.append(self.network(torch.cat(pooled)))
        return torch.stack(rows)


def made_states(texts: int, width: int, states: int, *, seed: int = 0, words: int = 9) -> Any:
    """Random states of some texts of `words` words each, in memory."""
    drawn = torch.randn(states, texts * words, width, generator=torch.Generator().manual_seed(seed))
    return SimpleNamespace(
        drawn=drawn,
        num_states=states,
        width=width,
        examples=tuple(range(texts)),
        stacked=lambda rows, layers: torch.stack([drawn[layer][rows] for layer in layers]),
    )


def made_table(
    texts: int, *, pairs: bool, labels: int, longest: int = 4, seed: int = 0, words: int = 9
) -> SpanTable:
    """Random spans of `made_states`, up to five a text, with none, one or two labels each."""
    draw = np.random.default_rng(seed)
    text = np.repeat(np.arange(texts), draw.integers(0, 6, texts))
    sides = 2 if pairs else 1
    start = draw.integers(0, words - longest + 1, (len(text), sides))
    end = start + draw.integers(1, longest + 1, (len(text), sides))
    spans = np.stack([start, end], axis=2) + (text * words)[:, None, None]
    chosen = [draw.choice(labels, draw.integers(0, 3), replace=False) for _ in text]
    return SpanTable(
        text=text,
        spans=spans,
        labels=np.concatenate(chosen).astype(np.int64),
        starts=np.cumsum([0, *map(len, chosen)]),
        unseen=draw.integers(0, 2, len(text)),
        n_lost=0,
    )


def one_batch(states: Any, table: SpanTable, labels: int, **more: Any) -> SpanBatch:
    """All spans in one batch."""
    [batch] = span_batches(states, table, labels, texts=10**6, **more)
    return batch


def tiny_learning(folder: Path, *, train: int = 24, seed: int = 0) -> Learning:
    """Random parsed sentences to learn from, with states in a folder."""
    drawn = random_examples(train + 6, seed=seed + 7)
    named = [
        replace(one, id=f"l{one.id}", first=replace(one.first, id=f"l{one.first.id}"))
        for one in drawn
    ]
    return Learning(
        tuple(named[:train]), tuple(named[train:]), "by sentence", StateCache(folder / "states")
    )


def word_file(path: Path, *, lines: int = 60, seed: int = 0) -> Path:
    """Spans of one word that is labelled by whether it is `the`: layer 0 knows it."""
    draw = np.random.default_rng(seed)
    words = ["the", "cat", "dog", "judge", "letter"]
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(lines):
            text = [words[one] for one in draw.integers(0, len(words), 6)]
            targets = [
                {"span1": [place, place + 1], "label": "THE" if word == "the" else "OTHER"}
                for place, word in enumerate(text)
            ]
            stream.write(json.dumps({"text": " ".join(text), "targets": targets}) + "\n")
    return path


__all__ = [
    "PlainProbe", "made_states", "made_table", "one_batch", "random_examples", "tiny_context",
    "tiny_learning", "word_file",
]  # fmt: skip
