"""Importance against training, and a gated forward pass against a plain one."""

from __future__ import annotations

import numpy as np
import torch
from subprobe.data.encoding.collate import to_inputs
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.masks.gates import Gates
from subprobe.pruning.importance.scoring import importance_pass

from .models import ground
from .timing import REPEATS, Measure, ratio


def importance(count: int = 256, repeats: int = REPEATS) -> Measure:
    """One importance pass over one plain training pass on the same batches.

    A training step is forward, backward and a fused AdamW step on every parameter, as in
    transformers.Trainer.
    """
    here = ground(count)
    anatomy = anatomy_of(here.model)
    heads, mlps = np.ones((anatomy.num_layers, anatomy.num_heads)), np.ones(anatomy.num_layers)
    trained = ground(count)
    optimiser = torch.optim.AdamW(trained.model.parameters(), lr=1e-9, fused=True)

    def score() -> None:
        importance_pass(here.model, here.batches, heads, mlps)

    def train() -> None:
        trained.model.train()
        for batch in trained.batches:
            loss = trained.model(**to_inputs(batch), labels=batch.labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained.model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()

    return ratio("importance pass / training step", score, train, limit=0.70, repeats=repeats)


def ablation(count: int = 32, repeats: int = REPEATS) -> Measure:
    """Ablation of every head and MLP in turn, relative to as many full passes."""
    here = ground(count)
    anatomy = anatomy_of(here.model)
    heads = np.ones((anatomy.num_layers, anatomy.num_heads))
    everything = torch.ones(heads.shape)

    def ours() -> None:
        importance_pass(here.model, here.batches, heads, np.ones(len(heads)), method="ablation")

    def passes() -> None:
        with torch.inference_mode(), Gates(here.model, head=everything):
            for _ in range(heads.size + len(heads)):
                for batch in here.batches:
                    here.model(**to_inputs(batch))

    name = "ablation of every head and MLP / as many full passes"
    return ratio(name, ours, passes, limit=0.60, repeats=repeats)


def gates(count: int = 256, repeats: int = REPEATS) -> Measure:
    """A forward pass with a gate on every head and MLP over one without."""
    here = ground(count)
    anatomy = anatomy_of(here.model)
    head = torch.ones(anatomy.num_layers, anatomy.num_heads)
    mlp = torch.ones(anatomy.num_layers)
    head[:, ::2], mlp[::2] = 0, 0

    def plain() -> None:
        with torch.inference_mode():
            for batch in here.batches:
                here.model(**to_inputs(batch))

    def gated() -> None:
        with Gates(here.model, head=head, mlp=mlp):
            plain()

    return ratio("gated forward / plain forward", gated, plain, limit=1.05, repeats=repeats)
