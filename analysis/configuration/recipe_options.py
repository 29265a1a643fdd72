"""The options of fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class RecipeOptions(BaseModel, extra="forbid", frozen=True):
    """The options of fine-tuning. 0 means the value recorded for the model and task."""

    learning_rate: float = Field(0.0, ge=0, lt=1, description="peak learning rate; 0 = recorded")
    epochs: float = Field(0.0, ge=0, le=1000, description="passes over train; 0 = recorded")
    batch_size: int = Field(0, ge=0, description="examples per step; 0 = recorded")
    max_length: int = Field(0, ge=0, description="maximum subwords per example; 0 = recorded")
    precision: Literal["", "auto", "float32", "bfloat16", "float16"] = Field(
        "",
        description="precision of forward and backward passes; auto = bfloat16 if the device "
        "supports it; float16 only on a GPU; empty = recorded",
    )
    head: Literal["", "random", "probed", "kept"] = Field(
        "", description="initial task head; kept = the model's own; empty = recorded"
    )
    micro_batch: int = Field(
        0,
        ge=0,
        description="examples of a step that are in memory at once; 0 = all, halved if memory "
        "runs out",
    )
    memory_gb: float = Field(
        0.0,
        ge=0,
        description="GB of memory that training may take; the micro-batch is halved until it "
        "fits; 0 = no limit",
    )
    patience: int = Field(
        0,
        ge=0,
        description="number of scores on the selection examples without a new best after which "
        "training stops; "
        "0 = never",
    )
    evaluate_every: int = Field(
        0,
        ge=0,
        description="steps between these scores, which are recorded; 0 = one epoch with patience, "
        "else none",
    )
    checkpoint_steps: int = Field(
        0,
        ge=0,
        description="steps between saved states, from which a stopped training continues; 0 = none",
    )
    checkpoint_minutes: float = Field(
        5.0, ge=0, description="minutes between saved states; 0 = none; neither changes results"
    )
