"""Which words of context, question and option carry the logit of an option.

Integrated gradients (Sundararajan et al. 2017, ICML) of the logit of one option at the word
embeddings of its input. At the baseline all words are padding tokens; special tokens stay. The
attributions of a question sum to the difference of the two logits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ...data.choices.choice_batches import kept_places
from ...data.choices.choice_texts import choice_texts
from ...data.choices.reduced import unigrams
from ...data.encoding.literal import encode_literally, makes_token_types
from ...data.errors import InputError
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...models.training.evaluate import evaluate
from ..attribution.classified import classifier
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from .entries import ATTRIBUTIONS

Floats = npt.NDArray[np.float64]

PARTS = (
    "context, word of the option", "context, word of the question", "context, other", "question",
    "option",
)  # fmt: skip
"""Parts of an input. A word of the context that is in question and option counts for the option."""


@dataclass(frozen=True)
class Input:
    """The input of one option.

    Attributes:
        example: the question.
        ids: subword ids [S].
        types: segment ids [S].
        part: place of each subword's part in `PARTS` [S]; -1 at special tokens.
    """

    example: Example
    ids: list[int]
    types: list[int]
    part: npt.NDArray[np.int64]


def run_choice_attributions(
    context: Context,
    examples: Sequence[Example],
    *,
    target: Literal["predicted", "gold"] = "predicted",
    n_steps: int = 16,
    batch_size: int = 8,
    internal_batch_size: int = 64,
    progress: Progress | None = None,
) -> ProbeResult:
    """Attribute the logit of an option to the words that the model reads with it.

    Args:
        context: a multiple-choice model, its task and its mask.
        examples: N questions.
        target: attribute the option that the model chooses, or the right one.
        n_steps: steps of integrated gradients.
        batch_size: questions attributed together; does not change the result beyond 1e-5.
        internal_batch_size: inputs per forward and backward pass.
        progress: called with (questions done, all).

    Returns:
        rows for each part of the input: its share of |attribution| beside its share of the
        subwords, and its signed attribution as a share of the sum of |attribution|; and the mean
        convergence delta. One item per question and row; contexts are clusters.

    Raises:
        InputError: if the model or the examples are not for multiple choice, or attributions are
            not finite.
    """
    spec = context.spec
    if spec is None or not spec.choices or not all(example.options for example in examples):
        raise InputError(
            "needs a model and examples of a multiple-choice task",
            where=ATTRIBUTIONS,
            remedy="name its task: `task` reading, quail, or your own with `columns` options=...",
        )
    scored = evaluate(
        context.model, context.tokenizer, examples, spec, subnetwork=context.subnetwork,
        max_length=context.max_length,
    )  # fmt: skip
    chosen = scored.predictions if target == "predicted" else scored.labels
    inputs = inputs_of(context, examples, chosen.astype(int).tolist())
    values: list[Floats] = []
    deltas: list[float] = []
    with classifier(context) as running:
        for start in range(0, len(inputs), batch_size):
            batch = inputs[start : start + batch_size]
            found, off = _attributed(running, batch, n_steps, internal_batch_size)
            values += found
            deltas += off
            if progress is not None:
                progress(start + len(batch), len(inputs))
    if not all(np.isfinite(one).all() for one in values):
        raise InputError("attributions contain NaN or infinity", remedy="check the model's weights")
    frame = _measured(inputs, values, deltas).assign(
        variant=f"integrated-gradients;target={target};n_steps={n_steps}"
    )
    notes = {
        "n_texts_read": len(examples),
        "n_texts_wordless": scored.n_wordless,
        "n_texts_unlocated": 0,
        "n_texts_cut": scored.n_truncated,
        "n_pieces_shared": 0,
    }
    return ProbeResult(
        ATTRIBUTIONS, rows_frame(_rows(frame)), lambda: items_frame(_items(frame)), notes=notes
    )


def inputs_of(context: Context, examples: Sequence[Example], chosen: Sequence[int]) -> list[Input]:
    """The inputs of the chosen options, as the model reads them."""
    tokenizer = context.tokenizer
    pairs = [choice_texts(one)[option] for one, option in zip(examples, chosen, strict=True)]
    whole = encode_literally(tokenizer, pairs, pre_split=False, max_length=2**31)
    found = []
    for example, option, fitted in zip(examples, chosen, whole, strict=True):
        encoding = fitted.whole
        kept = kept_places(tokenizer, encoding, example, context.max_length)
        parts = _parts(encoding, example, example.options[option])
        found.append(
            Input(
                example,
                [encoding.ids[place] for place in kept],
                [encoding.type_ids[place] for place in kept],
                parts[kept],
            )
        )
    return found


def _parts(encoding: Any, example: Example, option: str) -> npt.NDArray[np.int64]:
    """The part of each subword of a complete input."""
    text = example.texts()[0]
    of_option = unigrams(option)
    of_question = unigrams(example.second.raw_text() if example.second else "")
    kinds = np.full(len(text) + 1, 2)
    for word in re.finditer(r"\w+", text.lower() if len(text.lower()) == len(text) else text):
        name = word.group().lower()
        kinds[word.start() : word.end()] = (
            0 if name in of_option else 1 if name in of_question else 2
        )
    found = np.full(len(encoding), -1, dtype=np.int64)
    for place, (segment, span) in enumerate(
        zip(encoding.sequence_ids, encoding.offsets, strict=True)
    ):
        if segment == 1:
            found[place] = 4
        elif segment == 0:
            # the last character: a subword of byte-level BPE may begin with the space before it
            found[place] = kinds[max(0, span[1] - 1)] if span[1] <= len(text) else 3
    return found


def _attributed(
    context: Context, batch: Sequence[Input], n_steps: int, size: int
) -> tuple[list[Floats], list[float]]:
    """Attribution of each subword of each input [S], and the error of their sum."""
    from captum.attr import IntegratedGradients

    model, device = context.model, context.model.device
    S = max(len(one.ids) for one in batch)
    pad = context.tokenizer.pad_token_id
    ids = torch.tensor([one.ids + [pad] * (S - len(one.ids)) for one in batch], device=device)
    mask = torch.tensor([[1] * len(one.ids) + [0] * (S - len(one.ids)) for one in batch])
    types = torch.tensor([one.types + [0] * (S - len(one.types)) for one in batch])
    words = torch.tensor([[*(one.part >= 0), *[False] * (S - len(one.ids))] for one in batch])
    others: tuple[torch.Tensor, ...] = (mask.to(device),)
    if makes_token_types(context.tokenizer):
        others = (*others, types.to(device))

    def logit(embedded: torch.Tensor, *given: torch.Tensor) -> torch.Tensor:
        """Logits [N] of inputs, each of which is the only option of a question."""
        names = ("attention_mask", "token_type_ids")[: len(given)]
        more = {name: one[:, None] for name, one in zip(names, given, strict=True)}
        result: torch.Tensor = model(inputs_embeds=embedded[:, None], **more).logits
        return result[:, 0]

    with torch.no_grad():
        embeddings = model.get_input_embeddings()
        embedded = embeddings(ids)
        blank = torch.where(
            words.to(device)[..., None], embeddings(torch.full_like(ids, pad)), embedded
        )
        difference = logit(embedded, *others) - logit(blank, *others)
    found = IntegratedGradients(logit).attribute(
        embedded,
        baselines=blank,
        additional_forward_args=others,
        n_steps=n_steps,
        internal_batch_size=max(size, len(batch)),
    )
    summed = found.detach().double().sum(-1).cpu().numpy()
    off = np.abs(summed.sum(axis=1) - difference.double().cpu().numpy())
    return [row[: len(one.ids)] for row, one in zip(summed, batch, strict=True)], off.tolist()


def _measured(
    inputs: Sequence[Input], values: Sequence[Floats], deltas: Sequence[float]
) -> pd.DataFrame:
    """One line per question and number: its value, and that of the baseline."""
    lines = []
    for one, found, delta in zip(inputs, values, deltas, strict=True):
        real = one.part >= 0
        total = np.abs(found[real]).sum()
        about = {
            "item_id": one.example.id,
            "sentence_id": one.example.first.id,
            "cluster_id": one.example.cluster or None,
        }
        for number, part in enumerate(PARTS):
            here = one.part == number
            mass, net = np.abs(found[here]).sum(), found[here].sum()
            for metric, value in (("part_attribution", mass), ("net_part_attribution", net)):
                share = here.sum() / real.sum() if metric == "part_attribution" else np.nan
                lines.append(
                    about | {"metric": metric, "relation": part, "uniform": share,
                             "numerator": value / total if total else 0.0}
                )  # fmt: skip
        lines.append(
            about | {"metric": "convergence_delta_mean", "relation": "", "uniform": np.nan,
                     "numerator": delta}
        )  # fmt: skip
    return pd.DataFrame(lines)


def _rows(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The mean over questions of each number."""
    for (metric, relation, variant), own in frame.groupby(
        ["metric", "relation", "variant"], sort=False
    ):
        row = {
            "probe": ATTRIBUTIONS,
            "unit": "model",
            "variant": variant,
            "metric": metric,
            "relation": relation or None,
            "value": float(own["numerator"].mean()),
            "n": len(own),
        }
        uniform = float(own["uniform"].mean())
        based = {"baseline": "uniform", "baseline_value": uniform}
        yield row | (based if np.isfinite(uniform) else {})


def _items(frame: pd.DataFrame) -> pd.DataFrame:
    """One item per question and number."""
    items = frame.drop(columns="uniform").assign(probe=ATTRIBUTIONS, denominator=1.0)
    return items.assign(relation=items["relation"].replace("", pd.NA))
