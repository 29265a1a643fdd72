"""The probes of the information that attention moves between tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ..entry import Measure, Options, ProbeEntry, Units
from ..passes import Reading

_HEAD: Units = ("head",)
_LAYER: Units = ("layer",)
_FROM = "tokens of one kind, the previous or next token, or the token itself"


def _map(name: str, of: str, units: Units, side: str = "from") -> tuple[Measure, ...]:
    """The metrics that all probes of token-to-token maps share."""
    return (
        Measure(f"{name}_to_*", units, f"share of {of} {side} {_FROM}"),
        Measure(f"{name}_entropy", units, f"mean entropy of a row of {of.rstrip(',')}, in nats"),
    )


def _maps(of: str, side: str = "from") -> tuple[Measure, ...]:
    rolled = f"{of}, multiplied over layers,"
    return (*_map("map", of, _LAYER, side), *_map("rollout", rolled, _LAYER, side))


NORMS = ProbeEntry(
    name="norms",
    help="norms of attention-weighted vectors by kind of token, and context-mixing ratios",
    code=f"{__package__}.norms:Norms",
    rows=(
        Measure(
            "transformed_norm_*",
            _HEAD,
            "mean norm of the transformed vectors of tokens of one kind",
        ),
        Measure("weighted_norm", _HEAD, "norms of weighted vectors, summed over a row"),
        Measure("weighted_norm_to_*", _HEAD, "the same for tokens of one kind"),
        Measure("norm_share_to_*", _HEAD, "the share of that kind in the row's sum"),
        Measure("head_output_norm", _HEAD, "norm of the head's output at a token"),
        Measure("head_output_share", _HEAD, "the head's share of the sum over heads"),
        Measure("summed_norm", _LAYER, "norms of vectors summed over heads, summed over a row"),
        Measure("summed_norm_to_*", _LAYER, "the same for tokens of one kind"),
        Measure("summed_norm_share_to_*", _LAYER, "the share of that kind in the row's sum"),
        Measure(
            "mixing_weight_*",
            _LAYER,
            "share of the state that comes from other tokens, by attention weights",
        ),
        Measure(
            "mixing_norm_*", _LAYER, "share of the state that comes from other tokens, by norms"
        ),
    ),
    curve_metrics=(
        "mixing_norm_residual",
        "mixing_norm_layernorm",
        "mixing_weight_residual",
        "summed_norm_share_to_separator",
    ),
)


class EffectiveAttentionOptions(Options):
    """Options of `effective-attention`."""

    row_sums: Literal["free", "kept"] = Field(
        "free", description="free: as defined; kept: only components that sum to 0 are removed"
    )


EFFECTIVE_ATTENTION = ProbeEntry(
    name="effective-attention",
    help="attention without the component that cannot affect the output, and the size of that "
    "component",
    code=f"{__package__}.effective_attention:EffectiveAttention",
    options=EffectiveAttentionOptions,
    rows=(
        *_map("effective", "effective attention", _HEAD, "to"),
        Measure(
            "effective_norm_share_to_*", _HEAD, "share of the summed norms on tokens of one kind"
        ),
        Measure("effective_row_sum", _HEAD, "mean sum of a row"),
        Measure("rank", _HEAD, "mean numerical rank of a text's value vectors"),
        Measure("null_dimension", _HEAD, "number of tokens in a text minus that rank"),
        Measure("full_row_rank", _HEAD, "share of texts whose rank equals the number of tokens"),
        Measure("change", _HEAD, "norm of the removed component divided by the norm of the map"),
    ),
)


class HiddenAttributionOptions(Options):
    """Options of `hidden-token-attribution`."""

    projections: int = Field(8, ge=0, description="random directions per token; 0 = exact")
    seed: int = Field(0, ge=0, description="seed of the random directions")


def _jacobians(options: Mapping[str, Any], reading: Reading) -> float:
    """Forward passes per text: two for each direction or token, and one for the states."""
    return 1 + 2.0 * (float(options.get("projections", 0)) or reading.length)


HIDDEN_TOKEN_ATTRIBUTION = ProbeEntry(
    name="hidden-token-attribution",
    help="how much each input token influences each hidden state, from Jacobians",
    code=f"{__package__}.hidden_attribution:run_hidden_attribution",
    options=HiddenAttributionOptions,
    passes=_jacobians,
    rows=(
        *_map("contribution", "contributions to a hidden state", _LAYER),
        Measure(
            "contribution_is_largest",
            _LAYER,
            "share of states whose largest contribution comes from their own token",
        ),
    ),
    curves="hidden states",
)

ROLLOUT = ProbeEntry(
    name="rollout",
    help="contribution of each input token to the states of each layer, by attention rollout",
    code=f"{__package__}.rollout:Rollout",
    rows=_maps("attention (with the residual connection)", "to"),
)


class FlowOptions(Options):
    """Options of `flow`."""

    first_only: bool = Field(
        False, description="compute the flow into the first token only, as published"
    )


FLOW = ProbeEntry(
    name="flow",
    help="contribution of each input token to the states of the last layer, by maximum flow "
    "through attention",
    code=f"{__package__}.rollout:Flow",
    options=FlowOptions,
    rows=_map("flow", "the flow into the last layer", _LAYER),
)

ALTI = ProbeEntry(
    name="alti",
    help="contribution of each token to each block's output, by the distance of its vector from "
    "the sum",
    code=f"{__package__}.contributions:Alti",
    rows=_maps("contributions"),
)

VALUE_ZEROING = ProbeEntry(
    name="value-zeroing",
    help="contribution of each token to each block's output, by zeroing its value vector",
    code=f"{__package__}.contributions:ValueZeroing",
    passes=lambda _options, reading: 1 + reading.length,
    rows=_maps("contributions"),
)

ENTRIES = (
    NORMS,
    EFFECTIVE_ATTENTION,
    HIDDEN_TOKEN_ATTRIBUTION,
    ROLLOUT,
    FLOW,
    ALTI,
    VALUE_ZEROING,
)
