"""The probes of hidden states."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..entry import Headline, Measure, Options, ProbeEntry, Units

_STATES: Units = ("layer",)


class TokenIdentifiabilityOptions(Options):
    """Options of `token-identifiability`."""

    max_tokens: int = Field(10_000, ge=1, description="tokens that the maps are learnt from")
    steps: int = Field(300, ge=1, description="training steps of the MLP, of 256 tokens each")
    seed: int = Field(0, ge=0, description="of the MLP's weights and order")
    batch_size: int = Field(32, ge=1, description="texts a forward pass")


TOKEN_IDENTIFIABILITY = ProbeEntry(
    name="token-identifiability",
    help="share of tokens that can be found from each hidden state, by no map, linear, MLP",
    code=f"{__package__}.identifiability:run_token_identifiability",
    options=TokenIdentifiabilityOptions,
    rows=(
        Measure(
            "identified_naive",
            _STATES,
            "share of tokens nearest to their own embedding",
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
        "correlation", description="of two words in RSA"
    )
    words: int = Field(500, ge=3, description="words that RSA compares, a random sample")
    blocks: int = Field(20, ge=2, description="of sentences, which intervals leave out in turn")
    seed: int = Field(0, ge=0, description="of the sample and of the blocks")
    batch_size: int = Field(32, ge=1, description="texts a forward pass")


STATE_SIMILARITY = ProbeEntry(
    name="state-similarity",
    help="how alike the states of a subnetwork are to those of the whole model: CKA and RSA",
    code=f"{__package__}.state_similarity:run_state_similarity",
    options=StateSimilarityOptions,
    rows=(
        Measure("linear_cka", _STATES, "centred kernel alignment, linear, of all words"),
        Measure("rsa", _STATES, "Spearman's correlation of dissimilarities of sampled words"),
    ),
    headline=Headline("*", "layer"),
    finish="similarity-intervals",
    curves="hidden states",
)

ENTRIES = (TOKEN_IDENTIFIABILITY, STATE_SIMILARITY)
