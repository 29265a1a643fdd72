"""Whether a token can be identified from its hidden state (Brunner et al. 2020, section 4).

A map g is learnt from the hidden state of a layer to the token's own input embedding; a token is
identified if, among the embeddings of all tokens of its text, its own is nearest to g's answer by
cosine. Maps are learnt on one half of the texts and scored on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from ...data.errors import ConfigError, InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import BatchView, Context, Probe, ProbeResult
from ..forward.held_out import halves, text_digest, unit_digest
from ..forward.shared_pass import Progress, run_probes
from ..forward.text_ratios import TextSums, sums_result
from ..forward.texts import Texts, read_texts

NAME = "token-identifiability"
METRICS = ("identified_naive", "identified_linear", "identified_mlp")
"""Share of tokens that are identified without a map, by a linear one, by an MLP."""

Map = Callable[[torch.Tensor], torch.Tensor]


def run_token_identifiability(
    context: Context,
    examples: Sequence[Example],
    *,
    max_tokens: int = 10_000,
    steps: int = 300,
    seed: int = 0,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> ProbeResult:
    """Share of tokens identified from each layer's states: directly, by a linear map and by an MLP.

    Two passes: the first gathers the hidden states of some `max_tokens` training tokens, whole
    texts in the order of their hashes, so that what is held does not grow with the corpus:
    (L + 1) max_tokens D numbers; the second scores the other half of the texts. Equal texts are in
    the same half. The input embedding is hidden state 0, positions included, so that a repeated
    word is told apart by its place.

    Args:
        context: the model with its mask.
        examples: at least two different texts.
        max_tokens: training tokens.
        steps: steps of 256 tokens that the MLP is trained for.
        seed: of the MLP's weights and order.
        batch_size: texts per forward pass.
        progress: called with (texts done, N) of each pass.

    Returns:
        one row for each hidden state (0 = embeddings to L) and map, with the chance level (mean of
        1 / tokens of the text) as the baseline; an item for each scored text.

    Raises:
        ConfigError: if `max_tokens` or `steps` is not positive.
        InputError: if all texts are equal, or none has a word.
    """
    if max_tokens < 1 or steps < 1:
        raise ConfigError("max_tokens and steps must be >= 1")
    texts = read_texts(context, examples)
    train, test = _halves(texts, max_tokens)
    states = _TrainingStates(context)
    run_probes(context, train, [states], batch_size=batch_size, progress=progress)
    gathered = states.tensors()
    maps = [
        {
            "identified_naive": _same,
            "identified_linear": fit_linear(source, gathered[0]),
            "identified_mlp": fit_mlp(source, gathered[0], steps=steps, seed=seed),
        }
        for source in gathered
    ]
    scores = _Scores(context, maps, f"max_tokens={max_tokens};steps={steps}", len(gathered[0]))
    (found,) = run_probes(context, test, [scores], batch_size=batch_size, progress=progress)
    # what the second pass counted is part of what both have left out
    return texts.counted(replace(found, rows=found.rows.assign(n_dropped=pd.NA)))


def _digest(example: Example) -> str:
    if example.cluster:
        return unit_digest(example, example.first)
    second = example.second
    return text_digest(example.first) + (text_digest(second) if second is not None else "")


def _halves(texts: Texts, max_tokens: int) -> tuple[list[Example], list[Example]]:
    """Texts to learn from, by hash until there are tokens enough, and texts to score."""
    examples = texts.examples
    digests = [_digest(example) for example in examples]
    side = halves(digests)
    if not side.any():
        raise InputError(
            "token identifiability trains on one half of the texts and scores on the other",
            remedy="read at least two different texts",
        )
    learning = sorted(np.flatnonzero(side == 0).tolist(), key=lambda i: (digests[i], i))
    lengths = [len(texts.encoded[i].input_ids) for i in learning]
    enough = int(np.searchsorted(np.cumsum(lengths), max_tokens)) + 1
    return [examples[i] for i in learning[:enough]], [
        examples[i] for i in np.flatnonzero(side).tolist()
    ]


def _same(states: torch.Tensor) -> torch.Tensor:
    return states


def fit_linear(source: torch.Tensor, target: torch.Tensor) -> Map:
    """Least squares with a bias, from source to target, both [T, D].

    The ridge is 1e-4 of the mean variance: too little to matter where there are more tokens than
    dimensions, and enough to have one solution where there are not.
    """
    X, Y = source.double(), target.double()
    centre, goal = X.mean(0), Y.mean(0)
    X, Y = X - centre, Y - goal
    products = X.T @ X
    ridge = 1e-4 * products.diagonal().mean() + torch.finfo(torch.float64).tiny
    weights = torch.linalg.solve(products + ridge * torch.eye(len(products)).to(X), X.T @ Y)
    return lambda states: ((states.double() - centre) @ weights + goal).to(states.dtype)


def fit_mlp(source: torch.Tensor, target: torch.Tensor, *, steps: int, seed: int) -> Map:
    """One hidden layer of 2 D units beside the linear map, trained on the cosine distance.

    Inputs and targets are standardised. The linear map is where training starts: the hidden layer
    adds to it, from zero.
    """
    linear = fit_linear(source, target)
    D = source.shape[1]
    mean, deviation = source.mean(0), source.std(0, unbiased=False).clamp_min(1e-6)
    spread = (target - target.mean(0)).pow(2).mean().sqrt()
    with torch.inference_mode(False), torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        last = nn.Linear(2 * D, D)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        net = nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), last).to(source)

        base, scaled = linear(source), (source - mean) / deviation
        optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
        for _ in range(steps):
            chosen = torch.randint(len(source), (min(256, len(source)),)).to(source.device)
            answer = base[chosen] + spread * net(scaled[chosen])
            near = nn.functional.cosine_similarity(answer, target[chosen], dim=-1)
            optimiser.zero_grad()
            (1 - near).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    def run(states: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = linear(states) + spread * net((states - mean) / deviation)
        return result

    return run


class _TrainingStates(Probe):
    """Hidden states of all layers at the real tokens."""

    name = NAME
    needs_hidden = True

    def __init__(self, context: Context):
        self._layers: list[list[torch.Tensor]] = [[] for _ in range(context.anatomy.num_layers + 1)]

    def begin(self, batch: BatchView) -> None:
        """Note which tokens are real."""
        self._real = batch.real

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Keep the states of real tokens."""
        self._layers[layer].append(states[self._real])

    def end(self) -> None:
        """End the batch; the texts are few enough to keep."""
        del self._real

    def result(self) -> ProbeResult:
        """An empty result: the states are read with `tensors`."""
        return ProbeResult(NAME, rows_frame([]), lambda: items_frame([]))

    def tensors(self) -> list[torch.Tensor]:
        """States [T, D] of each layer."""
        return [torch.cat(parts) for parts in self._layers]


class _Scores(Probe):
    """The number of tokens of each text that the maps of each layer identify."""

    name = NAME
    needs_hidden = True

    def __init__(
        self, context: Context, maps: Sequence[dict[str, Map]], variant: str, n_tokens: int
    ):
        self._maps, self._variant, self._n_tokens = maps, variant, n_tokens
        dead = np.zeros(context.anatomy.num_layers + 1, dtype=np.bool_)
        self._sums = TextSums("layer", METRICS, dead, dict.fromkeys(METRICS, "chance"))

    def begin(self, batch: BatchView) -> None:
        """Count the tokens."""
        self._real = batch.real
        self._sums.begin(batch, dict.fromkeys(METRICS, batch.real.sum(1)))

    def hidden(self, layer: int, states: torch.Tensor) -> None:
        """Look for each token's embedding among those of its text."""
        # in double: float32 cannot tell cosines of embeddings that are 1e-4 apart
        if layer == 0:
            self._embeddings = nn.functional.normalize(states.double(), dim=-1)
        found = {}
        for metric, answer in self._maps[layer].items():
            near = nn.functional.normalize(answer(states).double(), dim=-1) @ self._embeddings.mT
            near = near.masked_fill(~self._real[:, None, :], -torch.inf)
            itself = torch.arange(near.shape[-1], device=near.device)
            found[metric] = ((near.argmax(-1) == itself) & self._real).sum(1)
        # a guess is right once in n tokens: once a text
        once = self._real.any(1)
        self._sums.put(layer, found, dict.fromkeys(METRICS, once))

    def end(self) -> None:
        """Drop the batch; only its sums are kept."""
        del self._real, self._embeddings

    def result(self) -> ProbeResult:
        """A row for each hidden state and map; an item for each text."""
        notes = {"n_training_tokens": self._n_tokens}
        return sums_result(self.name, self._variant, [self._sums], notes)
