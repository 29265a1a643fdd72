"""How much each input token influences each hidden state (Brunner et al. 2020, section 5).

The contribution of token i to hidden state j of layer l is the Frobenius norm of the Jacobian
d h_j^l / d h_i^0, normalised to sum to 1 over i; h^0 is the output of the embedding block.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from ...data.errors import ConfigError
from ...data.sentences.sentence import Example
from ...models.encoder.evaluating import evaluating
from ...models.encoder.layer_hooks import LayerHooks
from ...models.masks.gates import gated
from ..forward.base import BatchView, Context, ProbeResult
from ..forward.batch import batch_view
from ..forward.eval_mode import eager_attention
from ..forward.map_statistics import MASS, MapMass
from ..forward.shared_pass import Progress
from ..forward.text_ratios import TextSums, sums_result
from ..forward.texts import read_texts

NAME = "hidden-token-attribution"
METRICS = (*(f"contribution_{name}" for name in MASS), "contribution_is_largest")
"""Statistics of contribution maps, rows = hidden states, and the share of hidden states that their
own token moves most."""

_TEXTS_A_PASS = 256


def run_hidden_attribution(
    context: Context,
    examples: Sequence[Example],
    *,
    projections: int = 8,
    seed: int = 0,
    progress: Progress | None = None,
) -> ProbeResult:
    """Contribution of input tokens to the hidden states of every layer.

    Forward derivatives: one pass with a tangent at one token gives the change of all hidden states
    of all layers. The squared norm of a Jacobian block is the mean of |J v|^2 over random signs v,
    whose variance is 2 (||J^T J||_F^2 - its diagonal's) / projections (Hutchinson); with
    `projections=0` all D unit vectors are used and the result is exact. Every text costs its number
    of tokens times `projections` (or D) texts of forward pass.

    Args:
        context: the model with its mask.
        examples: the corpus.
        projections: random directions a token; 0 = exact.
        seed: of the directions.
        progress: called with (texts done, N).

    Returns:
        a row for each hidden state (0 = embeddings to L) and metric, with a uniform map as the
        baseline; an item for each text. Hidden state 0 depends only on its own token.

    Raises:
        ConfigError: if `projections` is negative.
        InputError: if single sentences and pairs are mixed, or no text has a word.
    """
    if projections < 0:
        raise ConfigError(
            f"projections must be >= 0, got {projections}", remedy="use 0 for exact contributions"
        )
    dead = np.zeros(context.anatomy.num_layers + 1, dtype=np.bool_)
    held = {f"contribution_{name}": "uniform" for name in MASS}
    sums = TextSums("layer", METRICS, dead, held)
    texts = read_texts(context, examples)
    generator = torch.Generator().manual_seed(seed)
    with ExitStack() as stack:
        stack.enter_context(evaluating(context.model))
        stack.enter_context(eager_attention(context.model))
        stack.enter_context(gated(context.model, context.subnetwork))
        stack.enter_context(torch.no_grad())
        for number in range(len(texts.examples)):
            chosen = np.array([number])
            batch = batch_view(context, texts.examples, texts.encoded, texts.words, chosen)
            maps = contributions(context, batch, projections, generator)
            _note(sums, batch, maps)
            if progress is not None:
                progress(number + 1, len(texts.examples))
    return texts.counted(sums_result(NAME, f"projections={projections or 'exact'}", [sums], {}))


def _note(sums: TextSums, batch: BatchView, maps: torch.Tensor) -> None:
    """Add up the contributions of one text [L + 1, S, S]."""
    mass, maps = MapMass(batch), maps.to(batch.source)
    sums.begin(batch, dict.fromkeys(METRICS, mass.counts))
    uniform = {f"contribution_{name}": one for name, one in mass.uniform.items()}
    for layer, grid in enumerate(maps):
        found = {f"contribution_{name}": one for name, one in mass.sums(grid[None]).items()}
        largest = grid.argmax(-1) == torch.arange(len(grid), device=grid.device)
        found["contribution_is_largest"] = largest.sum()[None]
        sums.put(layer, found, uniform)


def contributions(
    context: Context, batch: BatchView, projections: int, generator: torch.Generator
) -> torch.Tensor:
    """Contribution maps [L + 1, S, S] of one text: rows are hidden states and sum to 1.

    Call it under `eager_attention`: fused kernels have no forward derivative.
    """
    S, D = batch.real.shape[1], int(context.model.config.hidden_size)
    dtype, device = batch.source.dtype, batch.source.device
    squared = torch.zeros(context.anatomy.num_layers + 1, S, S, dtype=torch.float64)
    tangents = [
        (token, direction)
        for token in range(S)
        for direction in (
            torch.eye(D) if not projections else _signs(projections, D, generator)
        )
    ]  # fmt: skip
    for start in range(0, len(tangents), _TEXTS_A_PASS):
        chosen = tangents[start : start + _TEXTS_A_PASS]
        token = torch.tensor([place for place, _ in chosen])
        tangent = torch.zeros(len(chosen), S, D, dtype=dtype)
        tangent[torch.arange(len(chosen)), token] = torch.stack([v for _, v in chosen]).to(dtype)
        moved = _moved(context, batch, tangent.to(device))  # [L + 1, T, S]
        squared.index_add_(2, token, moved.transpose(1, 2).cpu().double())
    size = squared.sqrt()
    return size / size.sum(-1, keepdim=True)


def _signs(n: int, D: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(0, 2, (n, D), generator=generator).float() * 2 - 1


def _moved(context: Context, batch: BatchView, tangent: torch.Tensor) -> torch.Tensor:
    """Squared norm of the change of each state [L + 1, T, S] along the tangents [T, S, D]."""
    found: list[torch.Tensor] = []
    inputs = {name: one.expand(len(tangent), -1) for name, one in batch.inputs.items()}
    with forward_ad.dual_level(), _dual_states(context, tangent, found):
        context.model.base_model(**inputs)
    return torch.stack(found)


@contextmanager
def _dual_states(
    context: Context, tangent: torch.Tensor, found: list[torch.Tensor]
) -> Iterator[None]:
    """Hooks that start the tangent at the first block and record the change of each state."""

    def note(states: Any) -> None:
        states = states[0] if isinstance(states, tuple) else states
        moved = forward_ad.unpack_dual(states).tangent  # type: ignore[no-untyped-call]
        found.append(moved.pow(2).sum(-1))

    def start(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        states = args[0] if args else kwargs["hidden_states"]
        dual = forward_ad.make_dual(states, tangent)  # type: ignore[no-untyped-call]
        note(dual)
        if args:
            return (dual, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": dual}

    anatomy, model = context.anatomy, context.model
    with ExitStack() as stack:
        hooks = LayerHooks(model, anatomy, stack)
        hooks.before_with_kwargs(0, anatomy.block(model, 0), start)
        for layer in range(anatomy.num_layers):
            states = anatomy.states_module(model, layer)
            hooks.after(layer, states, lambda _module, _args, output: note(output))
        yield
