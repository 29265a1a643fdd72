"""The probes of hidden states."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Units

_STATES: Units = ("layer",)


class TokenIdentifiabilityOptions(Options):
    """Options of `token-identifiability`."""

    max_tokens: int = Field(
        10_000, ge=1, description="number of tokens that the maps are trained on"
    )
    steps: int = Field(
        300, ge=1, description="number of training steps of the MLP, with 256 tokens each"
    )
    seed: int = Field(0, ge=0, description="seed of the MLP's weights and of the order of tokens")
    batch_size: int = Field(32, ge=1, description="texts per forward pass")


TOKEN_IDENTIFIABILITY = ProbeEntry(
    name="token-identifiability",
    help="share of tokens identified from each hidden state: directly, or through a linear map "
    "or an MLP",
    code=f"{__package__}.identifiability:run_token_identifiability",
    options=TokenIdentifiabilityOptions,
    rows=(
        Measure(
            "identified_naive",
            _STATES,
            "share of tokens whose state is nearest to their own embedding",
            better="higher",
        ),
        Measure("identified_linear", _STATES, "the same through a linear map", better="higher"),
        Measure("identified_mlp", _STATES, "the same through an MLP", better="higher"),
    ),
    curves="hidden states",
)


class StateSimilarityOptions(Options):
    """Options of `state-similarity`."""

    dissimilarity: Literal["correlation", "cosine", "euclidean"] = Field(
        "correlation", description="dissimilarity of two words in RSA"
    )
    words: int = Field(500, ge=3, description="number of words that RSA compares, a random sample")
    blocks: int = Field(
        20, ge=2, description="number of blocks of sentences, left out in turn for the intervals"
    )
    seed: int = Field(0, ge=0, description="seed of the sample and of the blocks")
    batch_size: int = Field(32, ge=1, description="texts per forward pass")


STATE_SIMILARITY = ProbeEntry(
    name="state-similarity",
    help="similarity of the hidden states of a subnetwork to those of the full model: CKA and RSA",
    code=f"{__package__}.state_similarity:run_state_similarity",
    options=StateSimilarityOptions,
    rows=(
        Measure("linear_cka", _STATES, "linear centred kernel alignment over all words"),
        Measure(
            "rsa", _STATES, "Spearman correlation between the dissimilarities of sampled words"
        ),
    ),
    headline=Headline("*", "layer"),
    finish="similarity-intervals",
    curves="hidden states",
)

ENTRIES = (TOKEN_IDENTIFIABILITY, STATE_SIMILARITY)
