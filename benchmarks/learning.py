"""Learning one mask towards a size, relative to a plain fine-tuning of as many steps."""

from __future__ import annotations

from dataclasses import replace

import torch
from subprobe.data.encoding.collate import to_inputs
from subprobe.data.masking.masked_batches import task_batches
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.task_parts import split_parts
from subprobe.models.training.recipes import Recipe
from subprobe.pruning.learned.gate_training import shuffled
from subprobe.pruning.sized.size_gates import learn_to_size
from subprobe.pruning.sized.size_options import SizeOptions

from .models import examples, ground
from .timing import REPEATS, Measure, ratio

EPOCHS = 3


def learned_mask(
    count: int = 64, repeats: int = REPEATS, units: str = "heads-mlps", block: str = "1x1"
) -> Measure:
    """One mask that is learned by faithfulness over a plain fine-tuning of as many steps.

    Both read the same batches. A step of the fine-tuning is forward, backward and a fused AdamW
    step on every parameter. Learning computes the outputs of the full model in its first epoch.

    Args:
        count: number of training examples.
        repeats: number of interleaved pairs.
        units: units with gates.
        block: weights that share a gate.
    """
    here, trained = ground(count), ground(count)
    task = load_task("acceptability", sizes={"train": 4, "validation": 4, "test": 4})
    parts = replace(split_parts(task, selection="reported", seed=0), train=examples(count))
    options = SizeOptions(0.5, units=units, block=block, epochs=EPOCHS, batch_size=8)
    recipe = Recipe(learning_rate=1e-5, epochs=EPOCHS, max_length=64)
    optimiser = torch.optim.AdamW(trained.model.parameters(), lr=1e-9, fused=True)

    def learn() -> None:
        learn_to_size(here.model, here.tokenizer, parts, options, recipe)

    def train() -> None:
        encoded = task_batches(
            trained.tokenizer, parts.train, parts.spec, batch_size=8, max_length=64
        )
        generator = torch.Generator().manual_seed(0)
        trained.model.train()
        for epoch in range(1, EPOCHS + 1):
            for batch in shuffled(encoded, epoch, generator):
                loss = trained.model(**to_inputs(batch), labels=batch.labels).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trained.model.parameters(), 1.0)
                optimiser.step()
                optimiser.zero_grad()

    what = units if block == "1x1" else f"weights in blocks of {block}"
    name = f"learning a mask ({what}) / fine-tuning of as many steps"
    return ratio(name, learn, train, limit=1.30, repeats=repeats)
