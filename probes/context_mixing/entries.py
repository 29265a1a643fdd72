"""The probes of what attention carries from token to token."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Measure, Options, ProbeEntry, Units

_HEAD: Units = ("head",)
_LAYER: Units = ("layer",)
_FROM = "tokens of a kind, the token before or after, or the token itself"


def _map(name: str, of: str, units: Units) -> tuple[Measure, ...]:
    """The figures that probes of maps over tokens share."""
    return (
        Measure(f"{name}_to_*", units, f"share of {of} from {_FROM}"),
        Measure(f"{name}_entropy", units, f"mean entropy of a row of {of}, in nats"),
    )


def _maps(of: str) -> tuple[Measure, ...]:
    return (*_map("map", of, _LAYER), *_map("rollout", f"{of} multiplied over layers", _LAYER))


NORMS = ProbeEntry(
    name="norms",
    help="norms of attention-weighted vectors by kind of token, and mixing ratios",
    code=f"{__package__}.norms:Norms",
    rows=(
        Measure("transformed_norm_*", _HEAD, "mean norm of the transformed vectors of a kind"),
        Measure("weighted_norm", _HEAD, "norms of weighted vectors, summed over a row"),
        Measure("weighted_norm_to_*", _HEAD, "the same of the tokens of a kind"),
        Measure("norm_share_to_*", _HEAD, "its share of the row's sum"),
        Measure("head_output_norm", _HEAD, "norm of what the head gives a token"),
        Measure("head_output_share", _HEAD, "its share of the sum over heads"),
        Measure("summed_norm", _LAYER, "norms of vectors summed over heads, summed over a row"),
        Measure("summed_norm_to_*", _LAYER, "the same of the tokens of a kind"),
        Measure("summed_norm_share_to_*", _LAYER, "its share of the row's sum"),
        Measure("mixing_weight_*", _LAYER, "share that comes from other tokens, by weights"),
        Measure("mixing_norm_*", _LAYER, "share that comes from other tokens, by norms"),
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
        "free", description="free as in the definition; kept: only what sums to 0 is removed"
    )


EFFECTIVE_ATTENTION = ProbeEntry(
    name="effective-attention",
    help="attention without the part that its values cannot show, and how much that is",
    code=f"{__package__}.effective_attention:EffectiveAttention",
    options=EffectiveAttentionOptions,
    rows=(
        *_map("effective", "effective attention", _HEAD),
        Measure("effective_norm_share_to_*", _HEAD, "share of norms on the tokens of a kind"),
        Measure("effective_row_sum", _HEAD, "mean sum of a row"),
        Measure("rank", _HEAD, "mean numerical rank of a text's value vectors"),
        Measure("null_dimension", _HEAD, "tokens of a text minus that rank"),
        Measure("full_row_rank", _HEAD, "share of texts with as many ranks as tokens"),
        Measure("change", _HEAD, "norm of what is removed over that of the map"),
    ),
)


class HiddenAttributionOptions(Options):
    """Options of `hidden-token-attribution`."""

    projections: int = Field(8, ge=0, description="random directions a token; 0 = exact")
    seed: int = Field(0, ge=0, description="of the directions")


HIDDEN_TOKEN_ATTRIBUTION = ProbeEntry(
    name="hidden-token-attribution",
    help="how much each input token moves each hidden state, from Jacobians",
    code=f"{__package__}.hidden_attribution:run_hidden_attribution",
    options=HiddenAttributionOptions,
    rows=(
        *_map("contribution", "contributions to a hidden state", _LAYER),
        Measure(
            "contribution_is_largest", _LAYER, "share of states that their own token moves most"
        ),
    ),
    curves="hidden states",
)

ROLLOUT = ProbeEntry(
    name="rollout",
    help="where each layer's states come from, multiplying attention through the layers",
    code=f"{__package__}.rollout:Rollout",
    rows=_maps("attention with the residual"),
)


class FlowOptions(Options):
    """Options of `flow`."""

    first_only: bool = Field(
        False, description="read the flow of the first token alone, as published"
    )


FLOW = ProbeEntry(
    name="flow",
    help="where the last layer's states come from, as the largest flow through attention",
    code=f"{__package__}.rollout:Flow",
    options=FlowOptions,
    rows=_map("flow", "the flow into the last layer", _LAYER),
)

ALTI = ProbeEntry(
    name="alti",
    help="what each token contributes to each block, by its vector's nearness to the sum",
    code=f"{__package__}.contributions:Alti",
    rows=_maps("contributions"),
)

VALUE_ZEROING = ProbeEntry(
    name="value-zeroing",
    help="what each token contributes to each block, by zeroing its values",
    code=f"{__package__}.contributions:ValueZeroing",
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
