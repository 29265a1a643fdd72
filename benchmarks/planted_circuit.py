"""A tiny classifier whose true circuit is known by construction.

A random BERT in which only the planted heads write to the residual stream at full size; all other
heads and MLPs write next to nothing. Its labels are its own predictions, so that the full model
is always right, and a model without a planted head is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from subprobe.data.tasks.task import TaskSpec
from subprobe.models.masks.gates import gated
from subprobe.models.masks.subnetwork import Subnetwork
from subprobe.models.training.evaluate import Evaluation
from transformers import BertConfig, BertForSequenceClassification

SPEC = TaskSpec("planted", ("no", "yes"), "accuracy", ("accuracy",), False)
VOCABULARY, LENGTH = 60, 10


@dataclass
class Planted:
    """A model with a planted circuit, and the examples on which masks of it are scored.

    Attributes:
        layers: L.
        heads: H of a layer.
        planted: number of heads of the circuit.
        examples: N.
        noise: size of what other units write, relative to the planted heads; 0 = nothing.
        seed: of weights, of the circuit and of examples.
    """

    layers: int = 4
    heads: int = 12
    planted: int = 4
    examples: int = 200
    noise: float = 0.002
    seed: int = 0
    model: Any = field(init=False)
    ids: torch.Tensor = field(init=False)
    labels: Any = field(init=False)
    circuit: Any = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([77, self.seed])
        flat = np.zeros(self.layers * self.heads, dtype=bool)
        flat[rng.choice(flat.size, self.planted, replace=False)] = True
        self.circuit = flat.reshape(self.layers, self.heads)
        torch.manual_seed(self.seed)
        self.model = self._model()
        drawn = rng.integers(1, VOCABULARY, size=(self.examples, LENGTH))
        drawn[:, 0] = 0
        self.ids = torch.from_numpy(drawn)
        logits = self._logits(None)
        # classes of equal size
        with torch.no_grad():
            self.model.classifier.bias[1] -= float(np.median(logits[:, 1] - logits[:, 0]))
        self.labels = self._logits(None).argmax(axis=1)

    def mask(self, heads: Any = None, method: str = "structured-heads") -> Subnetwork:
        """The mask that keeps these heads [L, H], by default the circuit, and all MLPs."""
        kept = self.circuit if heads is None else np.asarray(heads, dtype=bool)
        return Subnetwork(kept, np.ones(self.layers, dtype=bool), method=method)

    def score(self, mask: Subnetwork | None = None) -> Evaluation:
        """The outputs under a mask: what `Scorer.score` gives."""
        logits = self._logits(mask)
        right = float((logits.argmax(axis=1) == self.labels).mean())
        return Evaluation(
            SPEC, tuple(map(str, range(len(logits)))), logits, self.labels, {"accuracy": right}, 0
        )

    def _model(self) -> Any:
        width = 4 * self.heads
        config = BertConfig(
            vocab_size=VOCABULARY, hidden_size=width, num_hidden_layers=self.layers,
            num_attention_heads=self.heads, intermediate_size=width, num_labels=2,
            max_position_embeddings=LENGTH, initializer_range=0.4,
        )  # fmt: skip
        model = BertForSequenceClassification(config).eval()
        with torch.no_grad():
            for number, layer in enumerate(model.bert.encoder.layer):
                written = layer.attention.output.dense.weight.view(width, self.heads, 4)
                for head in range(self.heads):
                    kept = self.circuit[number, head]
                    written[:, head] *= 2.0 if kept else 2.0 * self.noise
                layer.output.dense.weight *= self.noise
        return model

    def _logits(self, mask: Subnetwork | None) -> Any:
        def run() -> Any:
            with torch.inference_mode():
                return self.model(self.ids).logits.double().numpy()

        if mask is None:
            return run()
        with gated(self.model, mask):
            return run()
