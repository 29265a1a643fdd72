"""How a model runs while it is probed: eager attention, without its task head."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...models.encoder.anatomy import Anatomy
from .base import BatchView


@contextmanager
def eager_attention(model: Any) -> Iterator[None]:
    """Run the model on eager attention, and on its own implementation again afterwards."""
    before = model.config._attn_implementation
    if before == "eager":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@contextmanager
def differentiable_attention(model: Any) -> Iterator[None]:
    """Run the model on attention that has gradients where texts are padded.

    Eager attention has none where a local window holds padding alone: such a family runs on fused
    attention meanwhile, which gives the same.
    """
    config = model.config
    if config._attn_implementation != "eager" or not hasattr(config, "local_attention"):
        yield
        return
    model.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        model.set_attn_implementation("eager")


def forward(model: Any, anatomy: Anatomy, batch: BatchView, *, maps: bool) -> None:
    """Run the encoder without its task head, whose output no probe of the shared pass reads."""
    # Families without sdpa still build their maps only on request; the others always do so under
    # eager, and asking them would make transformers keep all L maps.
    request = {"output_attentions": True} if maps and not anatomy.sdpa else {}
    model.base_model(**batch.inputs, **request)
