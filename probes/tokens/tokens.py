"""Token probing (Liu et al. 2019, NAACL): properties of words predicted from one hidden state.

For each task and each state 0..L a softmax classifier is trained on frozen states, and scored on
test sentences that it never saw. Words are read as the mean of their pieces, pairs of words as
[x, y, x * y]. Arc prediction asks of a pair whether the second word is the head of the first; each
true pair stands beside one with a random other word, in evaluation as well, so chance is one half.
On a mask the classifiers of the full model are read as well (`transferred`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ...data.errors import InputError
from ...data.output.item_parts import text_blocks
from ...data.output.tables import items_frame, rows_frame
from ...data.sentences.sentence import Example
from ...data.sentences.word_labels import properties_of
from ..entry import STATIC
from ..forward.base import Context, ProbeResult
from ..forward.shared_pass import Progress
from ..learning.learning import Learning
from ..states.static_words import static_states
from ..states.word_states import WordStates
from .answers import Answers, answers_to
from .arcs import arc_labels, arc_pairs
from .entries import ALL, ARC, ARC_LABEL
from .questions import Labelled, questions_of, words_labelled
from .scores import macro_f1_of
from .setting import notes_of, plan_of, refused, shapes_of, states_of
from .transferred import PROBE, classifier_arrays, transferred_answers


def run_tokens(
    context: Context,
    examples: Sequence[Example],
    *,
    learning: Learning,
    progress: Progress | None = None,
    batch_size: int = 32,
    tasks: Sequence[str] = (ALL,),
    hidden: Sequence[int] = (0,),
    rank: Sequence[int] = (0,),
    seeds: int = 1,
    seed: int = 0,
    rates: Sequence[float] = (1e-3,),
    epochs: int = 40,
    static_vectors: str = "",
) -> ProbeResult:
    """Learn tasks from every state and score them on other texts.

    Args:
        context: the model with its mask.
        examples: the texts that are scored.
        learning: the training texts; for a mask, also the full model's classifiers.
        progress: called with (texts done, N) for each part, then with (epochs done, maximum).
        batch_size: texts per forward pass.
        tasks: properties of words (`word_labels`), `arc` and `arc-label`; `all` = those that the
            training part has.
        hidden: units of the hidden layer, of each kind of classifier; 0 = none.
        rank: of the weights of each kind of linear classifier; 0 = full.
        seeds: S classifiers each, from different initial weights.
        seed: of the initial weights, the order of texts and the negatives.
        rates: learning rates; of each state that with the lowest dev loss is used.
        epochs: maximum number of passes over the training part.
        static_vectors: a file of vectors of words; classifiers of them stand beside those of a full
            model, in the variant `static-vectors`.

    Returns:
        for each task and state accuracy, macro-F1 and the gain over state 0; an item is a test case
        with the class that it has and the one that was predicted, as numbers that notes name. The
        arrays of a full model are its classifiers (`classifier_arrays`).

    Raises:
        InputError: if a requested task cannot be learnt, or there is none.
        ConfigError: if the full model's classifiers are of other tasks, labels or shapes.
    """
    parts = states_of(context, examples, learning, batch_size=batch_size, progress=progress)

    def labelled(states: WordStates, name: str) -> Labelled:
        if name == ARC:
            return arc_pairs(states, seed)
        return arc_labels(states) if name == ARC_LABEL else words_labelled(states, name)

    named = ALL not in tasks
    names = list(tasks) if named else tasks_of(parts["train"])
    questions, left_out = questions_of(names, parts, labelled)
    if named and left_out:
        name, why = next(iter(left_out.items()))
        raise refused(PROBE, f"the task {name}", why)
    if not questions:
        raise InputError(
            "no task can be learnt from the corpus",
            where=PROBE,
            remedy="name a larger treebank, or one with more annotation",
        )
    plan = plan_of(seed, seeds, rates, epochs)
    shapes, device, whole = (
        shapes_of(hidden, rank), context.model.device, context.subnetwork is None,
    )  # fmt: skip
    own = answers_to(
        questions, shapes, parts, plan, device=device, progress=progress, keep_weights=whole
    )
    arrays = classifier_arrays(own) if whole else {}
    # items hold on to what they need
    own = [replace(one, weights=()) for one in own]
    answered = list(own)
    if not whole and learning.whole:
        answered += transferred_answers(
            questions, shapes, learning.whole, parts["test"], seeds=seeds, device=device
        )
    notes = notes_of(PROBE, learning, parts, own, left_out)
    if whole and static_vectors:
        static, said = static_states(parts, static_vectors, learning.states.folder)
        found = answers_to(questions, shapes, static, plan, device=device, progress=progress)
        answered += [replace(one, asked=STATIC) for one in found]
        notes |= {f"{PROBE}_{name}": text for name, text in said.items()}
    rows = [row for answers in answered for row in _rows(answers)]
    result = ProbeResult(
        PROBE,
        rows_frame(rows),
        lambda: (part for answers in answered for part in _items(answers, parts["test"])),
        arrays=arrays,
        notes=notes,
    )
    return parts["test"].texts.counted(result)


def tasks_of(states: WordStates) -> list[str]:
    """The tasks that a part has: properties of its words, and its arcs."""
    sentences = [example.first for example in states.examples]
    pairs = [ARC] * any(one.heads for one in sentences)
    pairs += [ARC_LABEL] * any(one.heads and one.deprels for one in sentences)
    return [*properties_of(sentences), *pairs]


def _rows(answers: Answers) -> Iterator[Mapping[str, object]]:
    question = answers.question
    gold, majority = question.test.gold, question.majority
    by_seed = answers.correct.mean(axis=2)  # [U, S]
    accuracy = by_seed.mean(axis=1)
    guess = np.full_like(gold, majority)
    same = {"probe": PROBE, "unit": "layer", "relation": question.name, "n": len(gold),
            "variant": answers.variant, "n_dropped": question.lost}  # fmt: skip
    for layer, value in enumerate(accuracy.tolist()):
        at = {**same, "layer": layer}
        yield {**at, "metric": "accuracy", "value": value, "baseline": "majority",
               "baseline_value": float((gold == guess).mean())}  # fmt: skip
        yield {**at, "metric": "macro_f1", "value": macro_f1_of(answers.predicted[layer], gold),
               "baseline": "majority", "baseline_value": macro_f1_of(guess, gold)}  # fmt: skip
        if layer:
            yield {**at, "metric": "accuracy_gain", "value": value - accuracy[0],
                   "baseline": "state 0", "baseline_value": accuracy[0]}  # fmt: skip
        if by_seed.shape[1] > 1:
            spread = float(by_seed[layer].std(ddof=1))
            yield {**at, "metric": "accuracy_seed_sd", "value": spread}


def _items(answers: Answers, states: WordStates) -> Iterator[pd.DataFrame]:
    """One item per test case, state and seed, in frames of cases."""
    question = answers.question
    U, S, N = answers.predicted.shape
    examples = states.examples
    place = np.concatenate([states.places(text) for text in range(len(examples))])
    for block in text_blocks(N, U * S):
        test = question.test
        text = test.text[block]
        names = np.char.add(
            [f"{examples[one].id}:" for one in text], (place[test.first[block]] + 1).astype(str)
        )
        if test.second is not None:
            others = np.char.add(">", (place[test.second[block]] + 1).astype(str))
            names = np.char.add(names, others)
        predicted = answers.predicted[:, :, block].transpose(2, 0, 1)  # [B, U, S]
        case, layer, seed = (axis.ravel() for axis in np.indices(predicted.shape))
        gold = test.gold[block][case]
        ids = names[case] if S == 1 else np.char.add(
            np.char.add(names[case], "#"), seed.astype(str)
        )  # fmt: skip
        yield items_frame(
            pd.DataFrame(
                {
                    "probe": PROBE,
                    "variant": answers.variant,
                    "item_id": ids.astype(object),
                    "sentence_id": np.array([examples[one].first.id for one in text],
                                            dtype=object)[case],
                    "layer": layer,
                    "relation": question.name,
                    "metric": "accuracy",
                    "score": (predicted.ravel() == gold).astype(np.float64),
                    "prediction": predicted.ravel().astype(np.float64),
                    "gold": gold.astype(np.float64),
                }
            )
        )  # fmt: skip
