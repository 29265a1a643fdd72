"""Whether attention agrees with what a prediction depends on (Jain & Wallace 2019).

Three questions about the row of the first token: does it rank words as gradients and leave-one-out
do; does the output change when its weights are permuted; and is there very different attention with
the same output. The model runs without dropout, unlike in the authors' code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.output.tables import rows_frame
from ...data.sentences.sentence import Example
from ..forward.base import BatchView, Context, ProbeResult
from ..forward.shared_pass import Progress
from ..forward.texts import read_texts
from .adversarial import Search, adversarial_divergence
from .agreement import kendall_tau
from .classifier import check_classifier, classifying
from .figures import Figure, Numbers, mean_of
from .first_rows import OF_HEADS, OF_LAYERS, attention_pass, first_rows
from .importance import gradient_importance, left_out, words_hidden
from .permuted import permuted_output
from .sorted_batches import batches_of

NAME = "attention-explanation"
MEASURES = ("gradient", "leave_one_out")
SIGNIFICANT = 0.05
"""Level of the share of texts whose tau is significant, as published."""


def run_attention_explanation(
    context: Context,
    examples: Sequence[Example],
    *,
    gradient: Literal["fixed-attention", "through-attention"] = "fixed-attention",
    perturbed_texts: int = 40,
    permutations: int = 50,
    adversary_layers: Literal["last", "all"] = "last",
    copies: int = 3,
    steps: int = 100,
    rate: float = 0.1,
    epsilon: float = 0.01,
    penalty: float = 500.0,
    seed: int = 0,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    progress: Progress | None = None,
) -> ProbeResult:
    """Agreement of attention with importance, and the effect of other attention on the output.

    Args:
        context: a classifier, and its mask.
        examples: of its task.
        gradient: whether gradients flow through attention; fixed attention as published.
        perturbed_texts: texts for permutations and the adversary; 0 = all.
        permutations: permutations of each of these texts.
        adversary_layers: layers in which the adversary changes the first token's row.
        copies: rows that the adversary optimises at once, from different starts.
        steps: optimisation steps of the adversary.
        rate: learning rate of the adversary.
        epsilon: total variation by which the adversary may change the output.
        penalty: weight of changes beyond epsilon.
        seed: seed of the choice of texts, permutations and starting rows.
        batch_size: texts per pass with attention maps.
        internal_batch_size: texts per pass when words are left out or rows permuted.
        progress: called with (texts done, all).

    Returns:
        Kendall's tau-b as rows by head, layer and model, the permuted and adversarial figures by
        layer and model; an item for each text.

    Raises:
        InputError: without a task head, for a regression, or when a pair model gets single
            sentences.
    """
    check_classifier(NAME, context, examples)
    texts = read_texts(context, examples)
    chosen = _drawn(texts.examples, perturbed_texts, seed)
    total = len(texts.examples) + len(chosen)
    L = context.anatomy.num_layers
    search = Search(
        tuple(range(L)) if adversary_layers == "all" else (L - 1,),
        copies, steps, rate, epsilon, penalty, seed,
    )  # fmt: skip
    found = _Found(context, len(texts.examples))
    moved = np.full((len(texts.examples), L + 2), np.nan)
    with classifying(context):
        done = 0
        for batch in batches_of(context, texts, range(len(texts.examples)), batch_size):
            passed = attention_pass(context, batch)
            maps = passed.maps if gradient == "fixed-attention" else None
            by_gradient = gradient_importance(context, batch, maps)
            by_leaving = left_out(
                context, batch, words_hidden(batch), passed.logits, internal_batch_size
            )
            found.note(batch, first_rows(context, batch, passed), (by_gradient, by_leaving))
            done += len(batch.examples)
            if progress is not None:
                progress(done, total)
        for batch in batches_of(context, texts, chosen, batch_size):
            passed = attention_pass(context, batch)
            moved[batch.position, : L + 1] = permuted_output(
                context, batch, passed,
                permutations=permutations, seed=seed, texts=internal_batch_size,
            ).cpu()  # fmt: skip
            moved[batch.position, -1] = adversarial_divergence(context, batch, passed, search).cpu()
            done += len(batch.examples)
            if progress is not None:
                progress(done, total)
    dead = np.asarray(~context.alive.any(axis=1))
    moved[:, np.append(dead, [dead.all(), False])] = np.nan  # no row to change
    permuted = f"permutations={permutations};texts={len(chosen)}"
    attack = (
        f"layers={adversary_layers};copies={copies};steps={steps};rate={rate:g};"
        f"epsilon={epsilon:g};texts={len(chosen)}"
    )
    figures = [
        *found.figures(f"gradient={gradient}"),
        Figure("permuted_tvd", moved[:, :L], variant=permuted, dead=dead),
        Figure("permuted_tvd", moved[:, L], variant=permuted),
        Figure("adversarial_jsd", moved[:, L + 1], variant=attack),
    ]
    rows = pd.concat([figure.rows(NAME) for figure in figures], ignore_index=True)
    result = ProbeResult(
        probe=NAME,
        rows=rows_frame(rows),
        make_items=lambda: (
            part for figure in figures for part in figure.items(NAME, texts.examples)
        ),
        notes={f"{NAME}_seed": seed, f"{NAME}_perturbed_texts": len(chosen)},
    )
    return texts.counted(result)


def _drawn(examples: Sequence[Example], count: int, seed: int) -> list[int]:
    """Places of `count` examples that their ids and the seed draw; all of them for 0."""

    def rank(place: int) -> str:
        return hashlib.sha256(f"{seed}\x1f{examples[place].id}".encode()).hexdigest()

    order = sorted(range(len(examples)), key=rank)
    return sorted(order[: count or len(order)])


class _Found:
    """Kendall's tau-b of each text between rows of attention and measures of importance."""

    def __init__(self, context: Context, N: int):
        self._alive = context.alive
        L, H = self._alive.shape
        self._heads = np.full((N, L, H, len(OF_HEADS), len(MEASURES)), np.nan)
        self._layers = np.full((N, L, len(OF_LAYERS), len(MEASURES)), np.nan)
        self._model = np.full((N, len(OF_LAYERS), len(MEASURES)), np.nan)
        self._p_values = np.full((N, len(OF_LAYERS) + 1, len(MEASURES)), np.nan)
        self._between = np.full(N, np.nan)

    def note(
        self,
        batch: BatchView,
        rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        importance: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        """Rank the words of each text; rows as from `first_rows`, importances [B, W]."""
        for b, (place, kept) in enumerate(zip(batch.position.tolist(), batch.kept, strict=True)):
            W = len(kept)
            measures = torch.stack([one[b, :W] for one in importance])  # [2, W]
            tables = (self._heads, self._layers, self._model)
            for table, part in zip(tables, rows, strict=True):
                scores = part[b, ..., None, :W].abs()
                table[place] = kendall_tau(scores, measures).cpu()
            self._between[place] = kendall_tau(measures[0], measures[1]).cpu()
            self._p_values[place] = _p_values(rows[2][b, :, :W].abs(), measures)

    def figures(self, variant: str) -> list[Figure]:
        """The results, with the agreement between the two importance measures."""
        between = "gradient-leave-one-out", mean_of(self._between)
        dead = np.logical_not(self._alive)
        made = []
        for m, measure in enumerate(MEASURES):
            tau = f"tau_{measure}"
            made += [
                Figure(tau, self._heads[..., r, m], relation, variant, *between, dead)
                for r, relation in enumerate(OF_HEADS)
            ]
            for r, relation in enumerate(OF_LAYERS):
                layers, model = self._layers[..., r, m], self._model[:, r, m]
                lost = np.asarray(dead.all(axis=1)) if relation != "rollout" else None
                made += [
                    Figure(tau, layers, relation, variant, *between, lost),
                    Figure(tau, model, relation, variant, *between),
                    Figure(
                        f"significant_{measure}",
                        _below(self._p_values[:, r, m]),
                        relation,
                        variant,
                    ),
                ]
        shown = _below(self._p_values[:, -1, 0])
        return [
            *made,
            Figure("importance_tau", self._between, variant=variant),
            Figure("importance_significant", shown, variant=variant),
        ]


def _p_values(rows: torch.Tensor, measures: torch.Tensor) -> Numbers:
    """Two-sided p-values of tau of the model's rows [R, W] with each measure [2, W] and, last, of
    the measures with each other [R + 1, 2]; NaN where tau is not defined.
    """
    from scipy.stats import kendalltau

    found = np.full((len(rows) + 1, len(measures)), np.nan)
    if rows.shape[-1] < 2:
        return found
    first, second = measures.double().cpu().numpy()
    for r, row in enumerate(rows.double().cpu().numpy()):
        if np.isfinite(row).all():
            found[r] = [kendalltau(row, one).pvalue for one in (first, second)]
    found[-1, 0] = kendalltau(first, second).pvalue
    return found


def _below(p_values: npt.NDArray[np.float64]) -> Numbers:
    """1 where a p-value is significant, 0 where not, NaN where there is none."""
    return np.where(np.isfinite(p_values), (p_values < SIGNIFICANT).astype(np.float64), np.nan)
