"""What of a recipe can be asked for: the options of fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class RecipeOptions(BaseModel, extra="forbid", frozen=True):
    """Fine-tuning. 0 takes the value recorded for the model and task."""

    learning_rate: float = Field(0.0, ge=0, lt=1, description="peak learning rate; 0 = recorded")
    epochs: float = Field(0.0, ge=0, le=1000, description="passes over train; 0 = recorded")
    batch_size: int = Field(0, ge=0, description="examples per step; 0 = recorded")
    max_length: int = Field(0, ge=0, description="subwords an example keeps; 0 = recorded")
    precision: Literal["", "auto", "float32", "bfloat16", "float16"] = Field(
        "",
        description="of forward and backward; auto = bfloat16 where the device has it; float16 on "
        "a GPU alone; empty = recorded",
    )
    head: Literal["", "random", "probed", "kept"] = Field(
        "", description="how the task head starts; kept = as the model has it; empty = recorded"
    )
    micro_batch: int = Field(
        0,
        ge=0,
        description="examples of a step in memory at once; 0 = all, or half if memory runs out",
    )
    memory_gb: float = Field(
        0.0, ge=0, description="halve the micro-batch until training fits so many GB; 0 = no limit"
    )
    patience: int = Field(
        0,
        ge=0,
        description="number of scores on the selection examples without a new best after which "
        "training stops; "
        "0 = never",
    )
    evaluate_every: int = Field(
        0, ge=0, description="steps between these scores; 0 = an epoch; with patience"
    )
    checkpoint_steps: int = Field(
        0, ge=0, description="steps between states that a stopped training goes on from; 0 = none"
    )
    checkpoint_minutes: float = Field(
        5.0, ge=0, description="minutes between such states; 0 = none; neither changes results"
    )
