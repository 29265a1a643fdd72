"""New word embeddings with a tied output layer, learnt around an encoder that is not trained.

Papadimitriou and Jurafsky (2020) train the word embeddings of a new language and freeze all else of
an LSTM. Here the encoder is one of masked language modelling, so the loss is that of masked tokens;
positions, segments and their LayerNorm belong to the encoder and stay as they are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F
from transformers import PrinterCallback, TrainerCallback, set_seed

from ...data.encoding.collate import to_inputs
from ...data.masking.choice import IGNORED
from ...data.masking.masked_batches import MaskedBatches
from ...models.encoder.evaluating import evaluating, frozen
from ...models.masks.gates import gated
from ...models.masks.subnetwork import Subnetwork
from ...models.smaller.candidate import shrunk_to
from ...models.training.randomness import own_randomness
from ...models.training.recipes import Recipe
from ...models.training.trainer import Collator, FineTuner, Places, arguments
from .new_language import NewLanguage

Floats = npt.NDArray[np.float64]
Step = Callable[[int, int], None]
"""Called with the steps done and all steps."""


@dataclass(frozen=True)
class Training:
    """How new words are learnt.

    Attributes:
        steps: of the optimiser.
        batch_size: texts per step.
        learning_rate: peak rate; it rises over the first tenth of the steps and falls to 0.
        seed: of the new embeddings, of the order of the texts and of the masks.
    """

    steps: int
    batch_size: int
    learning_rate: float
    seed: int


class NewWords(nn.Module):
    """Word embeddings of V new tokens and a tied output layer around a frozen encoder.

    The embeddings begin as normal numbers with the standard deviation of the encoder's own. Where
    these are narrower than the hidden states, a linear layer maps states to their width.

    Args:
        encoder: a transformers encoder without a head; it is no part of the module, so that it is
            neither trained nor switched to training mode.
        vocabulary: V.
        seed: of the new weights; the global random state is left as it was.
    """

    def __init__(self, encoder: Any, vocabulary: int, seed: int):
        super().__init__()
        self._encoder = (encoder,)
        own = encoder.get_input_embeddings().weight
        width, hidden = own.shape[1], encoder.config.hidden_size
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.words = nn.Embedding(vocabulary, width)
            nn.init.normal_(self.words.weight, std=float(own.detach().float().std()))
            same = width == hidden
            self.project = nn.Identity() if same else nn.Linear(hidden, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocabulary))
        self.to(dtype=own.dtype, device=own.device)

    def logits(self, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Logits [P, V] at the P masked places of a batch.

        Args:
            inputs: `input_ids` and `attention_mask`, each [B, S].
            labels: [B, S], `IGNORED` where nothing is asked.
        """
        states = self._encoder[0](
            inputs_embeds=self.words(inputs["input_ids"]),
            attention_mask=inputs["attention_mask"],
        ).last_hidden_state
        asked = self.project(states[labels != IGNORED])
        found: torch.Tensor = asked @ self.words.weight.T + self.bias
        return found

    def forward(self, labels: torch.Tensor, **inputs: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of the masked tokens, in nats; 0 where none is masked."""
        gold = labels[labels != IGNORED]
        logits = self.logits(inputs, labels).float()
        return F.cross_entropy(logits, gold, reduction="sum") / max(len(gold), 1)


class _Trainer(FineTuner):
    """The project's Trainer with the loss of new words."""

    def _loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        return model(**inputs)


class _Told(TrainerCallback):  # type: ignore[misc]
    """Tells how far the training is."""

    def __init__(self, step: Step | None):
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by Trainer after each step."""
        if self._step is not None:
            self._step(state.global_step, state.max_steps)


def learn_new_words(
    model: Any,
    language: NewLanguage,
    training: Training,
    *,
    subnetwork: Subnetwork | None = None,
    step: Step | None = None,
) -> Floats:
    """Learn the words of a new language around a frozen encoder, then read the held-out texts.

    No weight of the model is changed: gradients pass through it to the new embeddings alone.

    Args:
        model: a transformers encoder, with or without a head, which is not read.
        language: the texts.
        training: how.
        subnetwork: the mask under which the encoder runs, in training and afterwards.
        step: called after each step.

    Returns:
        For each held-out text the sum of the losses of its masked tokens in bits, their number, and
        the sum of their bits under the unigram model of the training texts [N, 3].

    Raises:
        InputError: if no token is masked.
        MaskError: if the mask does not fit the model.
    """
    encoded = language.batches(held=False, seed=training.seed, batch_size=training.batch_size)
    held = language.batches(held=True, seed=training.seed, batch_size=training.batch_size)
    smaller = shrunk_to(model, subnetwork)
    recipe = Recipe(training.learning_rate, epochs=1, batch_size=training.batch_size, warmup=0.1)
    with (
        evaluating(smaller),
        frozen(smaller),
        gated(smaller, subnetwork if smaller is model else None),
        own_randomness(),
        tempfile.TemporaryDirectory() as scratch,
    ):
        words = NewWords(smaller.base_model, language.size, training.seed)
        options = arguments(recipe, training.seed, scratch, model.device.type)
        trainer = _Trainer(
            micro_batch=training.batch_size,
            model=words,
            args=replace(options, max_steps=training.steps),
            train_dataset=Places(encoded.n_examples),
            data_collator=Collator(encoded),
            callbacks=[_Told(step)],
        )
        trainer.remove_callback(PrinterCallback)
        set_seed(training.seed)
        trainer.train()
        return _read(words.eval(), held, language.unigram_bits(), model.device)


@torch.no_grad()
def _read(words: NewWords, held: MaskedBatches, unigram: Floats, device: torch.device) -> Floats:
    found = np.zeros((held.n_examples, 3))
    for batch in held:
        assert batch.labels is not None
        labels = batch.labels.to(device)
        gold = labels[labels != IGNORED]
        logits = words.logits(to_inputs(batch, device), labels).float()
        lost = F.cross_entropy(logits, gold, reduction="none") / np.log(2)
        rows = np.asarray(batch.index)[(labels != IGNORED).nonzero()[:, 0].cpu().numpy()]
        np.add.at(found[:, 0], rows, lost.double().cpu().numpy())
        np.add.at(found[:, 1], rows, 1.0)
        np.add.at(found[:, 2], rows, unigram[gold.cpu().numpy()])
    return found
