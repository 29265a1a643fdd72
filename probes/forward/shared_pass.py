"""One forward pass for all probes: each gets attention and hidden states layer by layer.

Attention maps exist under eager attention alone: under sdpa transformers 5 returns an empty tuple
without an error. The pass therefore switches the model to eager, reads the maps with forward hooks,
and checks that every layer delivered them once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch

from ...data.errors import SubprobeError
from ...data.sentences.sentence import Example
from ...models.encoder.evaluating import evaluating
from ...models.encoder.first_token import first_token_alone
from ...models.encoder.kept_units import kept_units_of
from ...models.encoder.layer_hooks import LayerHooks
from ...models.masks.gates import gated
from .attention_block import value_taps
from .base import Context, Probe, ProbeResult
from .batch import batch_view
from .eval_mode import eager_attention, forward
from .second_model import ReferencePass, batch_limit, padded_length, reference_pass
from .texts import read_texts

Progress = Callable[[int, int], None]

MAPS_BYTES = 2**25
"""What the attention maps of one layer may take, 32 MiB: batches of long texts are made smaller."""


def run_probes(
    context: Context,
    examples: Sequence[Example],
    probes: Sequence[Probe],
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
) -> list[ProbeResult]:
    """Run all probes on a corpus in one forward pass.

    Texts go in sorted by length; results are in the order of the corpus and do not depend on
    batch size, padding or order beyond 1e-5.

    Args:
        context: the model with its mask.
        examples: one or two sentences each; examples with a text without words are left out and
            counted.
        probes: accumulators, fresh ones.
        batch_size: examples per forward pass, fewer where their maps take more than `MAPS_BYTES`.
        progress: called with (examples done, N) after each batch.

    Returns:
        one result for each probe, in the order of `probes`.

    Raises:
        InputError: if there is no example with a word.
        SubprobeError: if a layer delivered no attention or no hidden states.
    """
    texts = read_texts(context, examples)
    encoded = texts.encoded
    # Longest first: the batch that needs most memory fails at once or never.
    order = sorted(range(len(encoded)), key=lambda i: -len(encoded[i].input_ids))
    maps, padded_to = _wants_maps(probes), padded_length(probes)
    with ExitStack() as stack:
        other = stack.enter_context(reference_pass(context, probes))
        stack.enter_context(evaluating(context.model))
        if maps:
            stack.enter_context(eager_attention(context.model))
        if not any(probe.needs_hidden or probe.needs_values for probe in probes):
            stack.enter_context(first_token_alone(context.model))
        stack.enter_context(gated(context.model, context.subnetwork))
        taps = stack.enter_context(_taps(context, probes, other))
        stack.enter_context(torch.inference_mode())
        done = 0
        while done < len(order):
            longest = max(padded_to, len(encoded[order[done]].input_ids))
            size = min(batch_size, batch_limit(context, longest)) if other else batch_size
            size = min(size, _maps_limit(context, longest)) if maps else size
            chosen = np.array(order[done : done + size])
            batch = batch_view(
                context, texts.examples, encoded, texts.words, chosen, padded_to=padded_to
            )
            for probe in probes:
                probe.begin(batch)
            if other:
                other.run(batch)
            taps.clear()
            forward(context.model, context.anatomy, batch, maps=maps)
            _check_deliveries(context, probes, taps)
            for probe in probes:
                probe.end()
            done += len(chosen)
            if progress is not None:
                progress(done, len(order))
    found = [probe.result() for probe in probes]
    # what only looks at one pass, such as a viewer, may give something of its own
    return [texts.counted(one) if isinstance(one, ProbeResult) else one for one in found]


def _maps_limit(context: Context, length: int) -> int:
    """Number of texts of this length whose maps of one layer fit into `MAPS_BYTES`, at least 1."""
    text = context.anatomy.num_heads * length**2 * context.model.dtype.itemsize
    return max(1, MAPS_BYTES // int(text))


def _wants_maps(probes: Sequence[Probe]) -> bool:
    """Whether attention maps are needed: values are shown with the map that weighs them."""
    return any(
        probe.needs_attention or probe.needs_values or probe.needs_reference for probe in probes
    )


@contextmanager
def _taps(
    context: Context, probes: Sequence[Probe], other: ReferencePass | None
) -> Iterator[list[tuple[str, int]]]:
    """Hooks that show each layer to the probes; yields the list of what was delivered."""
    delivered: list[tuple[str, int]] = []
    maps = _wants_maps(probes)
    attentive = [probe for probe in probes if probe.needs_attention]
    hidden = [probe for probe in probes if probe.needs_hidden]
    comparing = [probe for probe in probes if probe.needs_reference]

    def on_attention(layer: int) -> Callable[..., Any]:
        def hook(_module: Any, _args: Any, output: Any) -> Any:
            if not isinstance(output, tuple) or len(output) < 2 or output[1] is None:
                return None
            maps = _over_all_heads(context, layer, output[1])
            for probe in attentive:
                probe.layer(layer, maps)
            if other:
                theirs = other.take(layer)
                for one in comparing:
                    one.pair(layer, maps, theirs)
            delivered.append(("attention", layer))
            # The map ends here: a family that collects maps collects nothing.
            return (output[0], None, *output[2:])

        return hook

    def show_states(layer: int, states: Any) -> None:
        states = states[0] if isinstance(states, tuple) else states
        for probe in hidden:
            probe.hidden(layer, states)
        delivered.append(("hidden states", layer))

    def on_states(layer: int) -> Callable[..., None]:
        return lambda _module, _args, output: show_states(layer + 1, output)

    def on_first_block(_module: Any, args: Any, kwargs: Any) -> None:
        show_states(0, args if args else kwargs["hidden_states"])

    anatomy, model = context.anatomy, context.model
    with ExitStack() as stack:
        # before the hooks below, which take the maps away
        readers = [probe for probe in probes if probe.needs_values]
        if readers:
            stack.enter_context(value_taps(context, readers, delivered))
        hooks = LayerHooks(model, anatomy, stack)
        for layer in range(anatomy.num_layers):
            if maps:
                hooks.after(layer, anatomy.attention_module(model, layer), on_attention(layer))
            if hidden:
                hooks.after(layer, anatomy.states_module(model, layer), on_states(layer))
        if hidden:
            hooks.before_with_kwargs(0, anatomy.block(model, 0), on_first_block)
        yield delivered


def _over_all_heads(context: Context, layer: int, maps: torch.Tensor) -> torch.Tensor:
    """Maps [B, H, S, S], also of a compact model; heads that were removed attend to nothing."""
    kept_units = kept_units_of(context.model)
    if kept_units is None:
        return maps
    batch, _, length, _ = maps.shape
    spread = maps.new_zeros(batch, context.anatomy.num_heads, length, length)
    spread[:, torch.from_numpy(kept_units.heads[layer])] = maps
    return spread


def _check_deliveries(
    context: Context, probes: Sequence[Probe], delivered: list[tuple[str, int]]
) -> None:
    """Raise unless every layer was seen exactly once."""
    expected: list[tuple[str, int]] = []
    layers = context.anatomy.num_layers
    if _wants_maps(probes):
        expected += [("attention", layer) for layer in range(layers)]
    if any(probe.needs_values for probe in probes):
        expected += [("values", layer) for layer in range(layers)]
    if any(probe.needs_hidden for probe in probes):
        expected += [("hidden states", layer) for layer in range(layers + 1)]
    if sorted(delivered) == sorted(expected):
        return
    missing = sorted(set(expected) - set(delivered))
    kind, layer = missing[0] if missing else expected[0]
    raise SubprobeError(
        f"layer {layer} of the {context.anatomy.family} model delivered no {kind}"
        if missing
        else f"a layer of the {context.anatomy.family} model delivered more than once",
        remedy="probe a model of a supported family under eager attention",
    )
