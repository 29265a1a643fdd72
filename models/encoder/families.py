"""Table of the supported encoder families, with their exceptions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Family:
    """Module paths of one family, relative to a layer unless stated otherwise.

    Attributes:
        layers: the list of blocks, relative to the base model.
        inner_layers: list of blocks inside each entry of `layers`, if the entries are groups that
            are used for several layers, which then share their weights.
        query: query projection.
        key: key projection.
        value: value projection.
        fused: order of the rows of a joint projection: `parts` = all queries, all keys, all values;
            `heads` = query, key, value of each head; empty if there are three projections.
        head_biases: parameters [H*d] outside the dense layers.
        position_projections: projections D -> H*d of relative positions; some configurations lack
            some of them.
        attention: module whose forward returns (output, weights [B, H, S, S]) with eager attention.
        attention_output: projection that mixes the H heads' outputs.
        mlp_up: D -> F, or D -> 2F where `gated_mlp`.
        mlp_down: F -> D; its output, bias included, is the MLP's output.
        gated_mlp: whether neuron f is the activation of row f of `mlp_up` times its row F + f
            (GLU).
        embeddings: the complete embedding block, relative to the base model.
        first_states: module that changes the states after the first layer, relative to the base
            model; some configurations lack it.
        last_states: module that changes the states after the last layer, such as a final LayerNorm.
        sdpa: whether the family supports torch's fused attention; False = eager only.
        position_offset: number of positions that tokens cannot take.
        attention_norm: LayerNorm of the sum of attention output and residual; empty if the family
            normalises elsewhere or is not supported in this respect.
        activation: activation between `mlp_up` and `mlp_down`; empty as above.
        block_norm: LayerNorm of the sum of MLP output and its residual; empty as above.
        head_reads_first: whether the family's classifier reads only the last state of the first
            token.
        language_head: the modules of the masked-LM head, in order, relative to the full model.
        attention_bias: option of the configuration that gives the dense layers of attention a bias;
            empty if they always have one.
        mlp_bias: the same for the MLP.
    """

    layers: str = "encoder.layer"
    inner_layers: str = ""
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    fused: Literal["", "parts", "heads"] = ""
    head_biases: tuple[str, ...] = ()
    position_projections: tuple[str, ...] = ()
    attention: str = "attention.self"
    attention_output: str = "attention.output.dense"
    mlp_up: str = "intermediate.dense"
    mlp_down: str = "output.dense"
    gated_mlp: bool = False
    embeddings: str = "embeddings"
    first_states: str = ""
    last_states: str = ""
    sdpa: bool = True
    position_offset: int = 0
    attention_norm: str = ""
    activation: str = ""
    block_norm: str = ""
    head_reads_first: bool = False
    language_head: tuple[str, ...] = ("cls",)
    attention_bias: str = ""
    mlp_bias: str = ""


_BERT = Family(
    attention_norm="attention.output.LayerNorm",
    activation="intermediate.intermediate_act_fn",
    block_norm="output.LayerNorm",
    head_reads_first=True,
)
# positions start after the padding id (1), so tokens never have the positions 0 and 1
_ROBERTA = replace(_BERT, position_offset=2, language_head=("lm_head",))

FAMILIES: dict[str, Family] = {
    "bert": _BERT,
    "electra": replace(_BERT, language_head=("generator_predictions", "generator_lm_head")),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "distilbert": Family(
        layers="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention="attention",
        attention_output="attention.out_lin",
        mlp_up="ffn.lin1",
        mlp_down="ffn.lin2",
        attention_norm="sa_layer_norm",
        activation="ffn.activation",
        block_norm="output_layer_norm",
        head_reads_first=True,
        language_head=("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),
    ),
    "mpnet": Family(
        query="attention.attn.q",
        key="attention.attn.k",
        value="attention.attn.v",
        attention="attention.attn",
        attention_output="attention.attn.o",
        sdpa=False,
        position_offset=2,
        attention_norm="attention.LayerNorm",
        activation="intermediate.intermediate_act_fn",
        block_norm="output.LayerNorm",
        head_reads_first=True,
        language_head=("lm_head",),
    ),
    "deberta": Family(
        query="attention.self.in_proj",
        key="attention.self.in_proj",
        value="attention.self.in_proj",
        fused="heads",
        head_biases=("attention.self.q_bias", "attention.self.v_bias"),
        position_projections=("attention.self.pos_proj", "attention.self.pos_q_proj"),
        sdpa=False,
    ),
    "deberta-v2": Family(
        query="attention.self.query_proj",
        key="attention.self.key_proj",
        value="attention.self.value_proj",
        position_projections=("attention.self.pos_key_proj", "attention.self.pos_query_proj"),
        first_states="encoder.conv",
        sdpa=False,
    ),
    "albert": Family(
        layers="encoder.albert_layer_groups",
        inner_layers="albert_layers",
        query="attention.query",
        key="attention.key",
        value="attention.value",
        attention="attention",
        attention_output="attention.dense",
        mlp_up="ffn",
        mlp_down="ffn_output",
        language_head=("predictions",),
    ),
    "modernbert": Family(
        layers="layers",
        query="attn.Wqkv",
        key="attn.Wqkv",
        value="attn.Wqkv",
        fused="parts",
        attention="attn",
        attention_output="attn.Wo",
        mlp_up="mlp.Wi",
        mlp_down="mlp.Wo",
        gated_mlp=True,
        last_states="final_norm",
        language_head=("head", "decoder"),
        attention_bias="attention_bias",
        mlp_bias="mlp_bias",
    ),
}
"""`model_type` of transformers -> module paths."""
